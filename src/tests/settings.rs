//! How a workspace wants to be answered: shown, changed, and in force for the very next question.

use axum::http::Method;
use candor::answer::{Hashes, extractive};
use candor::people::{KeyKind, Scope};
use serde_json::{Value, json};

use crate::app::{Call, QUESTION_OF_BIKES, Reply, SECRET_OF_BIKES, Tenant, TestApp, make_key};

/// Which no article of the bicycle shop answers.
const OFF_THE_SUBJECT: &str = "Who painted the Mona Lisa?";

fn put(app: &TestApp, tenant: &Tenant, body: &Value) -> Call {
    app.call(Method::PUT, "/ai/config").json(body).key(&tenant.secret)
}

async fn change(app: &TestApp, tenant: &Tenant, body: Value) -> Value {
    let reply = put(app, tenant, &body).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

async fn shown(app: &TestApp, tenant: &Tenant) -> Reply {
    let reply = app.get("/ai/config").key(&tenant.secret).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

async fn tried(app: &TestApp, message: &str) -> Value {
    let asked = json!({ "message": message });
    app.post("/ai/test", &asked).key(&app.bikes.secret).send().await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_has_changed_nothing_is_answered_as_the_server_does() {
    let app = TestApp::start().await;
    let reply = shown(&app, &app.bikes).await;
    let calibration = app.engine.calibration();
    assert_eq!(reply.header("etag"), "\"0\"");
    assert_eq!(
        reply.json(),
        json!({
            "enabled": true, "provider": null, "model": null, "temperature": null, "maxTokens": null,
            "systemPrompt": null, "language": null, "threshold": null,
            "inForce": {
                "provider": "extractive",
                "threshold": calibration.threshold(),
                "thresholdFrom": "calibration",
                "calibration": "default",
                "promise": calibration.guarantee,
            },
            "version": 0,
        })
    );
    let trace = tried(&app, QUESTION_OF_BIKES).await["trace"].clone();
    let settings = json!({ "version": 0, "enabled": true, "provider": "extractive", "thresholdFrom": "calibration" });
    assert_eq!(trace["settings"], settings, "{trace}");
    assert_eq!(trace["versions"]["configHash"], Hashes::of(&app.engine, extractive::NAME).config_hash);
    // The same below the other prefix.
    assert_eq!(app.get("/api/ai/config/").key(&app.bikes.secret).send().await.text(), reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_off_and_on_again_for_the_very_next_question() {
    let app = TestApp::start().await;
    assert_eq!(app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await["decision"], "answered");
    let changed = change(&app, &app.bikes, json!({ "enabled": false })).await;
    assert_eq!((&changed["enabled"], &changed["version"]), (&json!(false), &json!(1)), "{changed}");

    let off = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert_eq!((&off["decision"], &off["reason"]), (&json!("escalated"), &json!("policy")), "{off}");
    assert!(off["answer"].as_str().unwrap().contains("switched off"), "{off}");
    assert_eq!(off["citations"], json!([]));
    let ticket = app.get(&format!("/tickets/{}", off["ticketId"].as_str().unwrap())).key(&app.bikes.secret);
    let ticket = ticket.send().await.json();
    assert_eq!((&ticket["reason"], &ticket["title"]), (&json!("policy"), &json!(QUESTION_OF_BIKES)), "{ticket}");
    let again = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert_eq!((&again["decision"], &again["ticketId"]), (&json!("escalated"), &off["ticketId"]), "{again}");
    let trace = tried(&app, QUESTION_OF_BIKES).await;
    assert_eq!(
        (&trace["reason"], &trace["trace"]["settings"]["enabled"]),
        (&json!("policy"), &json!(false)),
        "{trace}"
    );

    // Friendly words and requests for a person need no article, and what goes to a person does not wait for the index.
    app.engine.readiness().restoring(3);
    assert_eq!(app.ask(&app.bikes, "greeter", "Hello!").await["decision"], "smalltalk");
    assert_eq!(app.ask(&app.bikes, "asker", "I want to talk to a human").await["reason"], "customer_request");
    assert_eq!(app.ask(&app.bikes, "other", QUESTION_OF_BIKES).await["reason"], "policy");
    app.engine.readiness().compared();

    change(&app, &app.bikes, json!({ "enabled": true })).await;
    let on = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert_eq!(on["decision"], "answered", "{on}");
    assert!(on["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{on}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workspaces_own_threshold_decides() {
    let app = TestApp::start().await;
    let changed = change(&app, &app.bikes, json!({ "threshold": 1 })).await;
    let in_force = &changed["inForce"];
    assert_eq!((&in_force["threshold"], &in_force["thresholdFrom"]), (&json!(1.0), &json!("workspace")), "{changed}");
    assert!(in_force["promise"].as_str().unwrap().contains("no guarantee"), "{changed}");
    let never = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert_eq!((&never["decision"], &never["reason"]), (&json!("escalated"), &json!("low_confidence")), "{never}");
    let trace = tried(&app, QUESTION_OF_BIKES).await["trace"].clone();
    assert_eq!((&trace["threshold"], &trace["settings"]["thresholdFrom"]), (&json!(1.0), &json!("workspace")));
    assert_eq!(trace["versions"]["guarantee"], in_force["promise"]);
    assert_ne!(trace["versions"]["configHash"], Hashes::of(&app.engine, extractive::NAME).config_hash);

    change(&app, &app.bikes, json!({ "threshold": 0 })).await;
    let always = app.ask(&app.bikes, "visitor", OFF_THE_SUBJECT).await;
    assert_eq!(always["decision"], "answered", "{always}");
    assert_eq!(app.ask(&app.empty, "visitor", OFF_THE_SUBJECT).await["reason"], "no_evidence", "nothing is no answer");

    let back = change(&app, &app.bikes, json!({ "threshold": null })).await;
    assert_eq!(back["inForce"]["thresholdFrom"], "calibration", "{back}");
    assert_eq!(app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await["decision"], "answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn candor_speaks_the_workspaces_language_where_the_request_names_none() {
    let app = TestApp::start().await;
    let changed = change(&app, &app.bikes, json!({ "language": "de-AT" })).await;
    assert_eq!(changed["language"], "de", "{changed}");
    let told = app.ask(&app.bikes, "visitor", "Hello!").await;
    assert!(told["answer"].as_str().unwrap().contains("helfen"), "{told}");
    let body = json!({ "sessionId": "named", "message": "Hello!", "language": "fr" });
    let named = app.post("/chat/query", &body).key(&app.bikes.secret).send().await.json();
    assert!(named["answer"].as_str().unwrap().contains("aider"), "{named}");
    let elsewhere = app.ask(&app.bread, "visitor", "Hello!").await;
    assert!(elsewhere["answer"].as_str().unwrap().contains("help"), "{elsewhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_something_that_has_changed_since_is_refused() {
    let app = TestApp::start().await;
    let put = |body: Value, told: &str| put(&app, &app.bikes, &body).header("if-match", told);
    let first = put(json!({ "threshold": 0.5 }), "\"0\"").send().await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (200, "\"1\""), "{}", first.text());
    assert_eq!(first.json()["updatedAt"], "2026-11-18T11:06:40Z");
    assert!(first.json()["updatedBy"].is_string(), "{}", first.text());

    let stale = put(json!({ "threshold": 0.9 }), "\"0\"").send().await.problem(412, "stale");
    assert!(stale["detail"].as_str().unwrap().contains("version 1"), "{stale}");
    put(json!({ "threshold": 0.9 }), "1").send().await.problem(412, "stale");
    assert_eq!(shown(&app, &app.bikes).await.json()["threshold"], 0.5);

    // What changes nothing is no change, and what is not sent stays.
    let same = put(json!({ "threshold": 0.5 }), "\"1\"").send().await;
    assert_eq!(same.header("etag"), "\"1\"", "{}", same.text());
    let other = put(json!({ "systemPrompt": " Friendly. " }), "*").send().await;
    assert_eq!(other.header("etag"), "\"2\"", "{}", other.text());
    let shown = shown(&app, &app.bikes).await;
    assert_eq!(shown.text(), other.text());
    assert_eq!((&shown.json()["threshold"], &shown.json()["systemPrompt"]), (&json!(0.5), &json!("Friendly.")));
    assert_eq!(change(&app, &app.bikes, json!({ "threshold": 0.6 })).await["version"], 3, "without If-Match no check");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_cannot_be_is_named() {
    let app = TestApp::start().await;
    for (body, field) in [
        (json!({ "enabled": "no" }), "enabled"),
        (json!({ "provider": "claude" }), "provider"),
        (json!({ "provider": 5 }), "provider"),
        (json!({ "model": "../files" }), "model"),
        (json!({ "model": ".." }), "model"),
        (json!({ "model": "" }), "model"),
        (json!({ "model": "m".repeat(101) }), "model"),
        (json!({ "temperature": 2.1 }), "temperature"),
        (json!({ "temperature": -0.1 }), "temperature"),
        (json!({ "maxTokens": 255 }), "maxTokens"),
        (json!({ "maxTokens": 4_097 }), "maxTokens"),
        (json!({ "maxTokens": -1 }), "maxTokens"),
        (json!({ "systemPrompt": "x".repeat(2_001) }), "systemPrompt"),
        (json!({ "systemPrompt": " \n" }), "systemPrompt"),
        (json!({ "systemPrompt": "a\u{0}b" }), "systemPrompt"),
        (json!({ "language": "sv" }), "language"),
        (json!({ "threshold": 1.1 }), "threshold"),
        (json!({ "threshold": -0.1 }), "threshold"),
        (json!({ "threshold": "0.5" }), "threshold"),
        (json!({ "treshold": 0.5 }), "treshold"),
        (json!({ "version": 3 }), "version"),
        (json!({ "inForce": {} }), "inForce"),
    ] {
        let problem = put(&app, &app.bikes, &body).send().await.problem(422, "body_invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(shown(&app, &app.bikes).await.json()["version"], 0, "nothing of it was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_language_model_is_not_chosen_on_a_server_without_a_key_for_one() {
    let app = TestApp::start().await;
    for (body, field) in [
        (json!({ "provider": "gemini" }), "provider"),
        (json!({ "provider": "gemini", "model": "gemini-3.8-flash" }), "provider"),
        (json!({ "model": "gemini-3.8-flash" }), "model"),
    ] {
        let problem = put(&app, &app.bikes, &body).send().await.problem(422, "provider_not_set_up");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("GEMINI_API_KEY"), "{problem}");
    }
    let changed = change(&app, &app.bikes, json!({ "provider": "extractive", "model": null })).await;
    assert_eq!((&changed["provider"], &changed["version"]), (&json!("extractive"), &json!(1)), "{changed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_their_workspace_s_and_need_a_key_that_may() {
    let app = TestApp::start().await;
    change(&app, &app.bikes, json!({ "enabled": false, "systemPrompt": SECRET_OF_BIKES })).await;
    let bread = shown(&app, &app.bread).await;
    assert_eq!((bread.header("etag"), &bread.json()["enabled"]), ("\"0\"", &json!(true)), "{}", bread.text());
    assert_eq!(app.ask(&app.bread, "visitor", "How long does sourdough bread rest?").await["decision"], "answered");
    change(&app, &app.bread, json!({ "threshold": 0.9 })).await;
    assert_eq!(shown(&app, &app.bikes).await.json()["threshold"], Value::Null);

    let body = json!({ "enabled": true });
    app.get("/ai/config").send().await.problem(401, "key_missing");
    app.get("/ai/config").key(&app.bikes.publishable).send().await.problem(403, "scope_missing");
    let publishable = app.call(Method::PUT, "/ai/config").json(&body).key(&app.bikes.publishable);
    publishable.send().await.problem(403, "scope_missing");
    let reader = make_key(&app.engine, app.bikes.workspace, KeyKind::Secret, &[Scope::AdminRead], |_| ()).await;
    assert_eq!(app.get("/ai/config").key(&reader).send().await.status, 200);
    app.call(Method::PUT, "/ai/config").json(&body).key(&reader).send().await.problem(403, "scope_missing");
    assert_eq!(shown(&app, &app.bikes).await.json()["enabled"], false);
}
