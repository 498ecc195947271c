//! A conversation that a person has: Candor is silent from the moment that one was asked for until it is handed back.

use candor::chat::store as sessions;
use serde_json::{Value, json};

use crate::app::{NOW_MS, QUESTION_OF_BIKES, SECRET_OF_BIKES, TestApp};

async fn ask(app: &TestApp, message: &str) -> Value {
    app.ask(&app.bikes, "visitor", message).await
}

async fn hand_back(app: &TestApp) {
    let name = "visitor".parse().unwrap();
    let session = sessions::session_by_name(app.engine.database(), app.bikes.workspace, &name).await.unwrap().unwrap();
    let mut transaction = app.engine.database().begin().await.unwrap();
    assert!(sessions::hand_back(&mut transaction, app.bikes.workspace, session.id, NOW_MS).await.unwrap());
    transaction.commit().await.unwrap();
}

async fn run(app: &TestApp, sql: &'static str) {
    let mut transaction = app.engine.database().begin().await.unwrap();
    candor::execute!(&mut transaction, sqlx::query(sql)).unwrap();
    transaction.commit().await.unwrap();
}

fn assert_answered(reply: &Value) {
    assert_eq!(reply["decision"], "answered", "{reply}");
    assert!(reply["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_person_is_left_to_one_until_the_session_is_handed_back() {
    let app = TestApp::start().await;
    // One unsure answer silences nobody.
    assert_eq!(ask(&app, "Who painted the Mona Lisa?").await["reason"], "low_confidence");
    assert_answered(&ask(&app, QUESTION_OF_BIKES).await);

    let asked = ask(&app, "Ich möchte mit einem Menschen sprechen").await;
    assert_eq!((&asked["decision"], &asked["reason"]), (&json!("escalated"), &json!("customer_request")), "{asked}");
    let (ticket, later) = (&asked["ticketId"], "Wann meldet sich endlich jemand bei mir wegen meiner Bestellung?");
    // What a person gets does not wait for the index.
    app.engine.readiness().restoring(3);
    let first = ask(&app, later).await;
    app.engine.readiness().compared();
    assert_eq!((&first["decision"], &first["ticketId"]), (&json!("with_agent"), ticket), "{first}");
    assert!(first["answer"].as_str().unwrap().contains("Unser Team"), "{first}");
    assert_eq!((&first["citations"], &first["confidence"]), (&json!([]), &json!(0.0)), "{first}");
    assert!(first.get("reason").is_none(), "{first}");
    for message in [QUESTION_OF_BIKES, "Hello!", "I want to talk to a human"] {
        let silent = ask(&app, message).await;
        assert_eq!((&silent["decision"], &silent["answer"]), (&json!("with_agent"), &json!("")), "{silent}");
        assert_eq!(&silent["ticketId"], ticket, "no other ticket is opened: {silent}");
        assert!(silent["messageId"].is_string(), "{silent}");
    }
    let shown = app.get(&format!("/tickets/{}", ticket.as_str().unwrap())).key(&app.bikes.secret).send().await.json();
    let said = json!([later, QUESTION_OF_BIKES, "Hello!", "I want to talk to a human"]);
    assert_eq!(shown["messages"], said, "{shown}");
    let history = app.get("/chat/sessions/visitor/messages").key(&app.bikes.secret).send().await.json();
    let items = history["items"].as_array().unwrap();
    let senders: Vec<&str> = items.iter().rev().take(5).map(|item| item["sender"].as_str().unwrap()).collect();
    assert_eq!(senders, ["user", "user", "user", "bot", "user"], "no empty answer is kept: {history}");
    assert_eq!(app.ask(&app.bikes, "somebody-else", QUESTION_OF_BIKES).await["decision"], "answered");

    hand_back(&app).await;
    assert_answered(&ask(&app, QUESTION_OF_BIKES).await);
    // The ticket is still open, and an unsure answer still silences nobody.
    assert_eq!(ask(&app, "Who painted the Mona Lisa?").await["reason"], "low_confidence");
    assert_answered(&ask(&app, QUESTION_OF_BIKES).await);

    let again = ask(&app, "Ich möchte mit einem Menschen sprechen").await;
    assert_eq!((&again["reason"], &again["ticketId"]), (&json!("customer_request"), ticket), "{again}");
    let told = ask(&app, later).await;
    assert!(told["answer"].as_str().unwrap().contains("Unser Team"), "told anew: {told}");
    // Nobody would answer once the ticket is done with.
    run(&app, "update tickets set status = 'closed'").await;
    assert_answered(&ask(&app, QUESTION_OF_BIKES).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_has_joined_has_the_conversation_without_a_ticket_too() {
    let app = TestApp::start().await;
    assert_answered(&ask(&app, QUESTION_OF_BIKES).await);
    run(&app, "update sessions set status = 'agent_assigned'").await;
    let first = ask(&app, QUESTION_OF_BIKES).await;
    assert_eq!(first["decision"], "with_agent", "{first}");
    assert!(!first["answer"].as_str().unwrap().is_empty() && first.get("ticketId").is_none(), "{first}");
    assert_eq!(ask(&app, QUESTION_OF_BIKES).await["answer"], "");
    hand_back(&app).await;
    assert_answered(&ask(&app, QUESTION_OF_BIKES).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_a_customer_writes_themselves_leaves_candor_in_the_conversation() {
    let app = TestApp::start().await;
    assert_answered(&ask(&app, QUESTION_OF_BIKES).await);
    let body = json!({ "title": "Not collected", "description": "Nobody came.", "sessionId": "visitor" });
    let opened = app.post("/tickets", &body).key(&app.bikes.secret).send().await;
    assert_eq!(opened.status, 201, "{}", opened.text());
    assert_answered(&ask(&app, QUESTION_OF_BIKES).await);
}
