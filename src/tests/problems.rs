//! What is wrong with a request is said the same way everywhere: RFC 9457, a stable code, the request's id.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use candor::people::{KeyKind, Scope};
use serde_json::{Value, json};

use crate::app::{NOW_MS, TestApp, make_key};

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_message_is_refused_with_what_is_wrong_with_it() {
    let app = TestApp::start().await;
    let ask = |body: Value| app.post("/chat/query", &body).key(&app.bikes.publishable);
    let message = |text: &str| json!({ "sessionId": "s", "message": text });
    let long_meta = json!({ "note": "x".repeat(9_000) });
    let table = [
        (message(""), "message_empty", "message"),
        (message("   \n\t "), "message_empty", "message"),
        (message("?!… —"), "message_empty", "message"),
        (message("\u{0}\u{1}\u{7f}"), "message_empty", "message"),
        (message(&"a".repeat(4_001)), "message_too_long", "message"),
        (message(&"日".repeat(4_001)), "message_too_long", "message"),
        (message(&"a".repeat(1 << 20)), "message_too_long", "message"),
        (json!({ "sessionId": "s", "mesage": "hello" }), "body_invalid", "mesage"),
        (json!({ "sessionId": "s", "message": "hello", "workspace": "x" }), "body_invalid", "workspace"),
        (json!({ "sessionId": "s" }), "body_invalid", "message"),
        (json!({ "message": "hello" }), "body_invalid", "sessionId"),
        (json!({ "sessionId": "a b", "message": "hello" }), "session_id_invalid", "sessionId"),
        (json!({ "sessionId": "", "message": "hello" }), "session_id_invalid", "sessionId"),
        (json!({ "sessionId": "x".repeat(129), "message": "hello" }), "session_id_invalid", "sessionId"),
        (json!({ "sessionId": "../etc", "message": "hello" }), "session_id_invalid", "sessionId"),
        (json!({ "sessionId": "export", "message": "hello" }), "session_id_invalid", "sessionId"),
        (json!({ "sessionId": "s", "message": "hello", "userMeta": long_meta }), "body_invalid", "userMeta"),
        (json!({ "sessionId": "s", "message": "hello", "language": "not a tag" }), "body_invalid", "language"),
        (json!({ "sessionId": "s", "message": "hello", "language": "x".repeat(36) }), "body_invalid", "language"),
    ];
    for (body, code, field) in table {
        let problem = ask(body).send().await.problem(422, code);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert_eq!(problem["instance"], "/chat/query");
    }
    for body in [json!({ "sessionId": 1, "message": "hello" }), json!([]), json!("x"), Value::Null] {
        ask(body).send().await.problem(422, "body_invalid");
    }
    // A message at the limit is taken, and nothing of what was refused has made a session.
    let taken = ask(message(&"battery ".repeat(500))).send().await;
    assert_eq!(taken.status, StatusCode::OK, "{}", taken.text());
    assert!(taken.json()["sessionToken"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_is_refused_before_it_is_read_as_a_message() {
    let app = TestApp::start().await;
    let post = || app.call(Method::POST, "/chat/query").key(&app.bikes.publishable);
    let json_body = || post().header("content-type", "application/json");

    let not_utf8 = b"{\"sessionId\":\"s\",\"message\":\"caf\xe9\"}".to_vec();
    let binary: Vec<u8> = (0..=255).cycle().take(4_096).collect();
    for body in [
        not_utf8,
        binary,
        b"{".to_vec(),
        Vec::new(),
        b"sessionId=s".to_vec(),
        br#"{"userMeta":"#.iter().copied().chain(vec![b'['; 100_000]).collect(),
    ] {
        json_body().body(body).send().await.problem(400, "body_not_json");
    }
    let fine = json!({ "sessionId": "s", "message": "battery" }).to_string();
    post().body(fine.clone()).send().await.problem(415, "body_not_declared");
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x"] {
        let reply = post().header("content-type", content_type).body(fine.clone()).send().await;
        reply.problem(415, "body_not_declared");
    }
    let with_charset = post().header("content-type", "Application/JSON; charset=utf-8").body(fine).send().await;
    assert_eq!(with_charset.status, StatusCode::OK, "{}", with_charset.text());

    // Over the handlers' limit, over the outer wall, and of a length that nobody declared.
    let limit = app.engine.config().body_bytes_max;
    for bytes in [limit + 1, 2 * limit + 1] {
        json_body().body(vec![b' '; bytes]).send().await.problem(413, "body_too_large");
        let declared = json_body().header("content-length", bytes.to_string()).body(vec![b' '; bytes]);
        declared.send().await.problem(413, "body_too_large");
        json_body().body(undeclared(bytes)).send().await.problem(413, "body_too_large");
    }
}

/// A body of blanks without a length.
fn undeclared(bytes: usize) -> Body {
    Body::from_stream(Body::from(vec![b' '; bytes]).into_data_stream())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_open_is_refused() {
    let app = TestApp::start().await;
    let (engine, workspace) = (&app.engine, app.bikes.workspace);
    let make = |kind, scopes: &'static [Scope]| make_key(engine, workspace, kind, scopes, |_| ());
    let search = |key: &str| app.post("/chat/search", &json!({ "query": "battery" })).key(key);

    app.post("/chat/search", &json!({ "query": "battery" })).send().await.problem(401, "key_missing");
    let good = app.bikes.publishable.clone();
    let other_secret = format!("{}x", &good[..good.len() - 1]);
    let cut = &good[..good.len() - 1];
    let disguised = good.replacen("pk_", "sk_", 1);
    let unknown = format!("pk_{}_{}", "0".repeat(32), "A".repeat(43));
    for key in ["", "x", "pk_", "Bearer x", &other_secret, cut, &disguised, &unknown, &good.to_uppercase()] {
        search(key).send().await.problem(401, "key_invalid");
    }
    let not_ascii = app.post("/chat/search", &json!({ "query": "battery" })).header("x-api-key", [0xff, 0xfe]);
    not_ascii.send().await.problem(401, "key_invalid");

    let revoked = make_key(engine, workspace, KeyKind::Secret, &Scope::ALL, |key| key.revoked_at_ms = Some(1)).await;
    search(&revoked).send().await.problem(401, "key_invalid");

    let expires = |key: &mut candor::people::ApiKey| key.expires_at_ms = Some(NOW_MS + 1_000);
    let expiring = make_key(engine, workspace, KeyKind::Publishable, &[Scope::Chat], expires).await;
    assert_eq!(search(&expiring).send().await.status, StatusCode::OK);
    app.clock.advance(1_000);
    search(&expiring).send().await.problem(401, "key_invalid");

    // A key that was good is refused from the moment that it is revoked.
    let soon = make(KeyKind::Publishable, &[Scope::Chat]).await;
    assert_eq!(search(&soon).send().await.status, StatusCode::OK);
    let id = candor::people::key::PresentedKey::parse(&soon).unwrap().id;
    let mut transaction = engine.database().begin().await.unwrap();
    assert!(candor::people::store::revoke_key(&mut transaction, workspace, id, NOW_MS).await.unwrap());
    transaction.commit().await.unwrap();
    search(&soon).send().await.problem(401, "key_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_key_does_only_what_it_was_made_for() {
    let app = TestApp::start().await;
    let (engine, workspace) = (&app.engine, app.bikes.workspace);
    let make = |kind, scopes: &'static [Scope]| make_key(engine, workspace, kind, scopes, |_| ());
    let search = |key: &str| app.post("/chat/search", &json!({ "query": "battery" })).key(key);
    let ticket = json!({ "title": "x", "description": "y" });

    let tickets_only = make(KeyKind::Publishable, &[Scope::Tickets]).await;
    search(&tickets_only).send().await.problem(403, "scope_missing");
    let chat_only = make(KeyKind::Publishable, &[Scope::Chat]).await;
    app.post("/tickets", &ticket).key(&chat_only).send().await.problem(403, "scope_missing");
    let no_tickets = make(KeyKind::Secret, &[Scope::Chat, Scope::AdminRead]).await;

    let opened = app.post("/tickets", &ticket).key(&app.bikes.publishable).send().await.json();
    let path = format!("/tickets/{}", opened["ticketId"].as_str().unwrap());
    app.get(&path).key(&app.bikes.publishable).send().await.problem(403, "scope_missing");
    app.get(&path).key(&no_tickets).send().await.problem(403, "scope_missing");
    assert_eq!(app.get(&path).key(&app.bikes.secret).send().await.status, StatusCode::OK);

    // A browser says where it stands; a secret key must never be there.
    let in_browser = search(&app.bikes.secret).header("origin", "https://shop.example");
    in_browser.send().await.problem(403, "secret_key_in_browser");
    app.get(&path).key(&app.bikes.secret).header("origin", "null").send().await.problem(403, "secret_key_in_browser");
    let widget = search(&app.bikes.publishable).header("origin", "https://shop.example").send().await;
    assert_eq!(widget.status, StatusCode::OK);
    assert_eq!(widget.header("access-control-allow-origin"), "*");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_or_a_method_that_is_not_there_is_a_problem_too() {
    let app = TestApp::start().await;
    for path in
        ["/nothing", "/api/nothing", "/chat", "/chat/query/more", "/docs/../etc/passwd", "/apiary", "/tickets/a/b/c"]
    {
        let problem = app.get(path).key(&app.bikes.secret).send().await.problem(404, "no_such_route");
        assert!(path.ends_with(problem["instance"].as_str().unwrap()), "{path}: {problem}");
    }
    for (method, path) in [
        (Method::GET, "/chat/query"),
        (Method::DELETE, "/chat/search"),
        (Method::PUT, "/api/tickets/"),
        (Method::POST, "/healthz"),
        (Method::PATCH, "/chat/sessions/s/messages"),
    ] {
        let reply = app.call(method, path).key(&app.bikes.secret).send().await;
        reply.problem(405, "method_not_allowed");
        assert!(!reply.header("allow").is_empty(), "{path}: {:?}", reply.headers);
    }
    // An id that the client chose travels through.
    let reply = app.get("/nothing").header("x-request-id", "chosen-1").send().await;
    assert_eq!(reply.problem(404, "no_such_route")["requestId"], "chosen-1");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
}
