//! A key opens its own workspace and no other, on every route that there is.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Call, QUESTION_OF_BIKES, SECRET_OF_BIKES, TestApp};

/// What the bicycle shop has and the bakery must never see.
struct Prey {
    session: String,
    session_token: String,
    ticket: String,
    article: String,
    message: String,
}

async fn prey(app: &TestApp) -> Prey {
    let body = json!({ "sessionId": "visitor-123", "message": QUESTION_OF_BIKES });
    let reply = app.post("/chat/query", &body).key(&app.bikes.publishable).send().await.json();
    assert!(reply["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{reply}");
    let token = reply["sessionToken"].as_str().unwrap();
    let body = json!({ "title": SECRET_OF_BIKES, "description": SECRET_OF_BIKES, "sessionId": "visitor-123" });
    let opened = app.post("/tickets", &body).key(&app.bikes.publishable).session_token(token).send().await.json();
    let wish = json!({ "systemPrompt": SECRET_OF_BIKES });
    let changed = app.call(Method::PUT, "/ai/config").json(&wish).key(&app.bikes.secret).send().await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    Prey {
        session: "visitor-123".into(),
        session_token: token.to_owned(),
        ticket: opened["ticketId"].as_str().unwrap().to_owned(),
        article: reply["citations"][0]["articleId"].as_str().unwrap().to_owned(),
        message: reply["messageId"].as_str().unwrap().to_owned(),
    }
}

/// How somebody would reach for `prey` on a route, and whether they must be refused there; `None` for a route that this table
/// does not know.
fn attempts(app: &TestApp, method: &str, path: &str, prey: &Prey) -> Option<Vec<(Call, bool)>> {
    let reach = |path: String| app.call(method.to_uppercase().parse().unwrap(), &path);
    Some(match (method, path) {
        ("post", "/chat/query") => vec![
            (reach(path.into()).json(&json!({ "sessionId": "fresh", "message": QUESTION_OF_BIKES })), false),
            (
                reach(path.into()).json(&json!({ "sessionId": prey.session, "message": "What did I ask before?" })),
                false,
            ),
            (reach(path.into()).json(&json!({ "sessionId": prey.ticket, "message": QUESTION_OF_BIKES })), false),
        ],
        ("post", "/chat/search") => vec![
            (reach(path.into()).json(&json!({ "query": QUESTION_OF_BIKES, "limit": 50 })), false),
            (reach(path.into()).json(&json!({ "query": "Zephyrine", "limit": 50 })), false),
            (reach(path.into()).json(&json!({ "query": "battery", "tags": ["battery"], "limit": 50 })), false),
        ],
        ("post", "/ai/test") => vec![(reach(path.into()).json(&json!({ "message": QUESTION_OF_BIKES })), false)],
        // By then the others have a session of the same name, which is their own.
        ("get", "/chat/sessions/{session_id}/messages") => vec![
            (reach(format!("/chat/sessions/{}/messages?limit=100", prey.session)), false),
            (reach(format!("/chat/sessions/{}/messages?cursor=-100", prey.session)), false),
        ],
        ("post", "/tickets") => vec![(
            reach(path.into()).json(&json!({ "title": "x", "description": "y", "sessionId": prey.session })),
            false,
        )],
        ("get", "/tickets/{id}") => vec![(reach(format!("/tickets/{}", prey.ticket)), true)],
        ("get", "/ai/config") => {
            vec![(reach(path.into()), false), (reach(format!("{path}?workspaceId={}", app.bikes.workspace)), false)]
        }
        ("put", "/ai/config") => vec![
            (reach(path.into()).json(&json!({ "systemPrompt": "of somebody else" })), false),
            (reach(path.into()).json(&json!({ "workspaceId": app.bikes.workspace, "enabled": false })), true),
        ],
        ("get" | "post", "/knowledge/{workspace_id}") => {
            let article = json!({ "title": "x", "body": "y", "status": "published" });
            let own = reach(format!("/knowledge/{}", app.bread.workspace)).json(&article);
            let foreign = reach(format!("/knowledge/{}?q=Zephyrine", app.bikes.workspace)).json(&article);
            // Who writes has an article of their own then, which is not what this is about.
            if method == "get" { vec![(own, false), (foreign, true)] } else { vec![(foreign, true)] }
        }
        ("get" | "patch" | "delete" | "post", path) if path.starts_with("/knowledge/{workspace_id}/{id}") => {
            let rest = path.strip_prefix("/knowledge/{workspace_id}/{id}").unwrap_or_default();
            let change = if rest == "/restore" { json!({ "version": 1 }) } else { json!({ "title": "x" }) };
            let at = |workspace| format!("/knowledge/{workspace}/{}{rest}", prey.article);
            [app.bikes.workspace, app.bread.workspace, app.empty.workspace]
                .map(|workspace| (reach(at(workspace)).json(&change), true))
                .into()
        }
        ("get", "/" | "/healthz" | "/readyz") => vec![(reach(path.into()), false)],
        _ => return None,
    })
}

/// Method and path of every operation in the document.
pub(crate) fn operations() -> Vec<(String, String, Value)> {
    let document = serde_json::to_value(candor::http::openapi()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method.to_uppercase().parse::<Method>().is_ok() && operation.get("responses").is_some() {
                operations.push((method.clone(), path.clone(), operation.clone()));
            }
        }
    }
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_shows_a_workspace_to_another_s_key() {
    let app = TestApp::start().await;
    let prey = prey(&app).await;
    let own = [&prey.session_token, &prey.ticket, &prey.article, &prey.message];
    let mut unknown = Vec::new();
    for (method, path, _) in operations() {
        for key in [Some(&app.bread.secret), Some(&app.bread.publishable), Some(&app.empty.secret), None] {
            for with_token in [false, true] {
                let Some(attempts) = attempts(&app, &method, &path, &prey) else {
                    unknown.push(format!("{method} {path}"));
                    continue;
                };
                for (mut call, must_be_refused) in attempts {
                    if let Some(key) = key {
                        call = call.key(key);
                    }
                    if with_token {
                        call = call.session_token(&prey.session_token);
                    }
                    let reply = call.send().await;
                    let (text, headers) = (reply.text(), format!("{:?}", reply.headers));
                    let place = format!("{method} {path} with {key:?}: {} {text}", reply.status);
                    assert!(!text.contains(SECRET_OF_BIKES) && !headers.contains(SECRET_OF_BIKES), "{place}");
                    assert!(!text.contains("Brake repair") && !text.contains("Charging the battery"), "{place}");
                    // A problem names the path that was asked for, which holds what the asker knew already.
                    let unasked = text.replace(&format!("/tickets/{}", prey.ticket), "");
                    let unasked = unasked.replace(&format!("/{}", prey.article), "");
                    let unasked = unasked.replace(&format!("\"sessionId\":\"{}\"", prey.ticket), "");
                    assert!(own.iter().all(|own| !unasked.contains(own.as_str())), "{place}");
                    assert!(!must_be_refused || reply.status.is_client_error(), "{place}");
                }
            }
        }
    }
    unknown.dedup();
    assert!(unknown.is_empty(), "in the document but not in this table: {unknown:?}");

    // What was tried has left no trace, and the owner still finds everything.
    let messages = app.get("/chat/sessions/visitor-123/messages").key(&app.bikes.secret).send().await.json();
    assert_eq!(messages["total"], 2, "{messages}");
    let ticket = app.get(&format!("/tickets/{}", prey.ticket)).key(&app.bikes.secret).send().await;
    assert_eq!(ticket.status, StatusCode::OK);
    assert_eq!(ticket.json()["messages"], json!([]));
    let settings = app.get("/ai/config").key(&app.bikes.secret).send().await.json();
    assert_eq!((&settings["systemPrompt"], &settings["version"]), (&json!(SECRET_OF_BIKES), &json!(1)), "{settings}");
    assert!(app.search(&app.bikes, "Zephyrine").await[0]["text"].as_str().unwrap().contains(SECRET_OF_BIKES));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publishable_key_and_a_guessed_id_open_nobody_s_session() {
    let app = TestApp::start().await;
    let prey = prey(&app).await;
    let own_session = json!({ "sessionId": "attacker", "message": "battery" });
    let own = app.post("/chat/query", &own_session).key(&app.bikes.publishable).send().await.json();
    let own_token = own["sessionToken"].as_str().unwrap();
    for token in [None, Some(own_token)] {
        for (method, path, operation) in operations() {
            let takes_token = operation["parameters"]
                .as_array()
                .is_some_and(|all| all.iter().any(|parameter| parameter["name"] == "X-Session-Token"));
            if !takes_token {
                continue;
            }
            let path = path.replace("{session_id}", &prey.session);
            let mut call = app.call(method.to_uppercase().parse().unwrap(), &path).key(&app.bikes.publishable);
            call = match path.as_str() {
                "/chat/query" => call.json(&json!({ "sessionId": prey.session, "message": "What did I say?" })),
                "/tickets" => call.json(&json!({ "title": "x", "description": "y", "sessionId": prey.session })),
                _ => call,
            };
            if let Some(token) = token {
                call = call.session_token(token);
            }
            call.send().await.problem(401, "session_token_needed");
        }
    }
}
