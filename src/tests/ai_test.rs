//! Trying a question out: what a customer would be told, and why, without a trace in the desk.

use axum::http::StatusCode;
use serde_json::json;

use crate::app::{QUESTION_OF_BIKES, SECRET_OF_BIKES, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_tried_out_as_a_customer_s_would_be_answered() {
    let app = TestApp::start().await;
    let told = app.ask(&app.bikes, "visitor-1", QUESTION_OF_BIKES).await;
    let tried = app.post("/ai/test", &json!({ "message": QUESTION_OF_BIKES })).key(&app.bikes.secret).send().await;
    assert_eq!(tried.status, StatusCode::OK, "{}", tried.text());
    let tried = tried.json();
    for field in ["decision", "confidence", "responseType"] {
        assert_eq!(tried[field], told[field], "{field}");
    }
    assert_eq!(tried["draft"], told["answer"]);
    assert_eq!(tried["citations"][0]["quote"], told["citations"][0]["quote"]);
    assert_eq!(tried["citations"][0]["source"], "brakes.md");
    assert_eq!(tried["ranking"][0]["source"], "brakes.md");
    assert_eq!(tried["trace"]["versions"]["configHash"].as_str().unwrap().len(), 64);
    assert!(tried["trace"]["passages"][0]["text"].as_str().unwrap().contains(SECRET_OF_BIKES));
    assert!(tried["latencyMs"].as_f64().unwrap() > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nothing_answers_is_tried_out_without_opening_a_ticket() {
    let app = TestApp::start().await;
    let asked = json!({ "message": "Do you sell aeroplanes?", "passages": 3 });
    let tried = app.post("/ai/test", &asked).key(&app.empty.secret).send().await.json();
    assert_eq!((&tried["decision"], &tried["reason"]), (&json!("escalated"), &json!("no_evidence")), "{tried}");
    assert_eq!(tried["ranking"], json!([]));
    // What is tried out is no conversation: the customer's first message is.
    assert_eq!(app.ask(&app.empty, "visitor-1", "Do you sell aeroplanes?").await["reason"], "no_evidence");
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_out_needs_a_secret_key_that_may_read_what_an_admin_reads() {
    let app = TestApp::start().await;
    let asked = json!({ "message": QUESTION_OF_BIKES });
    app.post("/ai/test", &asked).send().await.problem(401, "key_missing");
    app.post("/ai/test", &asked).key(&app.bikes.publishable).send().await.problem(403, "scope_missing");
    let too_many = json!({ "message": QUESTION_OF_BIKES, "passages": 51 });
    app.post("/ai/test", &too_many).key(&app.bikes.secret).send().await.problem(422, "body_invalid");
    app.post("/ai/test", &json!({ "message": "?!" })).key(&app.bikes.secret).send().await.problem(422, "message_empty");
}
