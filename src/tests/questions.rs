//! What is said without a search, and what is searched for when a message leans on the conversation.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{QUESTION_OF_BIKES, TestApp, publish};

async fn tried(app: &TestApp, message: &str, history: Value) -> Value {
    let asked = json!({ "message": message, "history": history });
    let reply = app.post("/ai/test", &asked).key(&app.bikes.secret).send().await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    reply.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_friendly_word_gets_one_back_and_no_ticket() {
    let app = TestApp::start().await;
    for (message, expected) in [
        ("Hello!", "help"),
        ("Danke schön!", "Gern"),
        ("ありがとうございます", "どういたしまして"),
        ("are you a bot?", "automatic"),
    ] {
        let reply = app.ask(&app.bikes, "visitor-1", message).await;
        assert_eq!((&reply["decision"], &reply["citations"]), (&json!("smalltalk"), &json!([])), "{reply}");
        assert!(reply.get("ticketId").is_none() && reply.get("reason").is_none(), "{reply}");
        assert!(reply["answer"].as_str().unwrap().contains(expected), "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_person_gets_a_ticket_in_their_language_before_anything_is_searched() {
    let app = TestApp::start().await;
    app.ask(&app.bikes, "visitor-1", QUESTION_OF_BIKES).await;
    let reply = app.ask(&app.bikes, "visitor-1", "Ich möchte mit einem Menschen sprechen").await;
    assert_eq!((&reply["decision"], &reply["reason"]), (&json!("escalated"), &json!("customer_request")), "{reply}");
    let ticket = reply["ticketId"].as_str().unwrap();
    let text = reply["answer"].as_str().unwrap();
    assert!(text.contains("Ihr Ticket") && text.contains(ticket), "{reply}");
    let shown = app.get(&format!("/tickets/{ticket}")).key(&app.bikes.secret).send().await;
    assert!(shown.text().contains(QUESTION_OF_BIKES), "the transcript is with it: {}", shown.text());

    let body = json!({ "sessionId": "visitor-2", "message": "agent please", "language": "fr-CA" });
    let reply = app.post("/chat/query", &body).key(&app.bikes.secret).send().await.json();
    assert!(reply["answer"].as_str().unwrap().contains("Votre ticket"), "the site's language comes first: {reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_repeated_from_the_session() {
    let app = TestApp::start().await;
    let said = app.ask(&app.bikes, "visitor-1", QUESTION_OF_BIKES).await;
    let again = app.ask(&app.bikes, "visitor-1", "can you repeat that?").await;
    assert_eq!((&again["decision"], &again["answer"]), (&json!("smalltalk"), &said["answer"]), "{again}");
    let asked = app.ask(&app.bread, "visitor-1", "what did I ask?").await;
    assert!(!asked["answer"].as_str().unwrap().contains("Zephyrine"), "another workspace's session: {asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_is_searched_for_with_what_it_leans_on() {
    let app = TestApp::start().await;
    let alone = tried(&app, "and how long?", json!([])).await;
    assert_eq!(alone["trace"]["searchedFor"], "and how long?");
    let history = json!([
        { "sender": "user", "text": "Where do I store the battery in winter?" },
        { "sender": "bot", "text": "Store the battery at room temperature in winter." },
    ]);
    let followed = tried(&app, "and how long?", history.clone()).await;
    let searched_for = followed["trace"]["searchedFor"].as_str().unwrap();
    assert!(searched_for.contains("battery") && searched_for.ends_with("and how long?"), "{searched_for}");
    assert_eq!(followed["ranking"][0]["source"], "battery.md", "{followed}");
    // The same in a session.
    app.ask(&app.bikes, "visitor-1", "How long until the battery charges?").await;
    let reply = app.ask(&app.bikes, "visitor-1", "and where to store it?").await;
    assert!(reply["citations"].as_array().unwrap().iter().all(|one| one["title"] == "Charging the battery"), "{reply}");
    // A question that stands alone is searched for as it is.
    let standing = tried(&app, QUESTION_OF_BIKES, history).await;
    assert_eq!(standing["trace"]["searchedFor"], QUESTION_OF_BIKES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_has_limits_and_known_speakers() {
    let app = TestApp::start().await;
    let line = |sender: &str, text: &str| json!({ "sender": sender, "text": text });
    for history in [
        json!(vec![line("user", "x"); 51]),
        json!([line("user", &"x".repeat(10_001))]),
        json!([line("user", "")]),
        json!([line("system", "x")]),
    ] {
        let asked = json!({ "message": QUESTION_OF_BIKES, "history": history });
        app.post("/ai/test", &asked).key(&app.bikes.secret).send().await.problem(422, "body_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_questions_in_one_message_are_both_answered() {
    let app = TestApp::start().await;
    let message =
        "How long until the battery of my bicycle charges? And when is my refund paid to the original payment method?";
    let reply = tried(&app, message, json!([])).await;
    assert_eq!(reply["trace"]["questions"].as_array().unwrap().len(), 2, "{reply}");
    let answer = reply["draft"].as_str().unwrap();
    assert!(answer.contains("4 hours") && answer.contains("14 days"), "{reply}");
    let titles: Vec<&Value> = reply["citations"].as_array().unwrap().iter().map(|one| &one["title"]).collect();
    assert!(
        titles.contains(&&json!("Charging the battery")) && titles.contains(&&json!("Returning a bicycle")),
        "{reply}"
    );
    let mut alone = Vec::new();
    for question in reply["trace"]["questions"].as_array().unwrap() {
        alone.push(tried(&app, question.as_str().unwrap(), json!([])).await["confidence"].as_f64().unwrap());
    }
    let worse = alone.into_iter().reduce(f64::min).unwrap();
    assert!((reply["confidence"].as_f64().unwrap() - worse).abs() < 1e-9, "as good as the worse of the two: {reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_answers_only_for_its_time() {
    let app = TestApp::start().await;
    let old = "---\ntitle: Summer pass 2024\nstatus: superseded\n---\n# Summer pass 2024\n\nThe summer pass costs 40 euros a month.\n";
    let new = "# Summer pass\n\nThe summer pass costs 55 euros a month.\n";
    publish(&app.engine, &app.bikes, "pass-2024.md", old).await;
    publish(&app.engine, &app.bikes, "pass.md", new).await;
    for (question, expected, is_cited) in [
        ("What does the summer pass cost?", "55 euros", false),
        ("What did the summer pass cost in 2024?", "40 euros", true),
    ] {
        let reply = tried(&app, question, json!([])).await;
        let mut found = reply["trace"]["passages"].as_array().unwrap().iter();
        assert_eq!(found.any(|passage| passage["source"] == "pass-2024.md"), is_cited, "{reply}");
        assert!(reply["draft"].as_str().unwrap().contains(expected), "{reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_in_a_language_that_no_article_is_in_is_told_so() {
    let app = TestApp::start().await;
    publish(&app.engine, &app.bikes, "invoices.md", "---\nlang: en\n---\n# Invoices\n\nAn invoice comes by mail.\n")
        .await;
    let question = "Wie kann ich eine Rechnung für meine Firma bekommen, wenn ich die Bestellung schon bezahlt habe?";
    let reply = app.ask(&app.bikes, "visitor-1", question).await;
    assert_eq!((&reply["decision"], &reply["reason"]), (&json!("escalated"), &json!("other_language")), "{reply}");
    assert!(reply["answer"].as_str().unwrap().contains("in einer anderen Sprache"), "{reply}");
}
