//! Questions that two articles answer: where they mean two things the customer is asked, where they disagree a person is.

use serde_json::{Value, json};

use crate::app::{TestApp, publish};

/// A workspace that sends nothing of which it is not sure, with articles on two things that can be reset.
async fn unsure() -> TestApp {
    let app = TestApp::start().await;
    for (source, text) in [
        ("lock.md", "# Frame padlock\n\nPress the red button for ten seconds to reset it."),
        ("app.md", "# Mobile application\n\nPress the red button for ten seconds to reset it."),
    ] {
        publish(&app.engine, &app.empty, source, text).await;
    }
    let change = json!({ "threshold": 1.0 });
    let changed = app.call(axum::http::Method::PUT, "/ai/config").json(&change).key(&app.empty.secret).send().await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    app
}

async fn tickets(app: &TestApp) -> i64 {
    const SQL: &str = "select count(*) from tickets where workspace_id = $1";
    let (database, workspace) = (app.engine.database(), app.empty.workspace.to_string());
    candor::read!(database, |pool: D| sqlx::query_scalar(SQL).bind(&workspace).fetch_one(pool)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_means_two_things_is_asked_back_once_and_understood_with_the_reply() {
    let app = unsure().await;
    let key = app.empty.secret.clone();
    let say = async |message: &str| -> Value {
        let body = json!({ "sessionId": "visitor", "message": message });
        app.post("/chat/query", &body).key(&key).send().await.json()
    };
    let first = say("How do I reset it?").await;
    assert_eq!(first["decision"], "clarify", "{first}");
    let mut options: Vec<&str> = first["options"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    options.sort_unstable();
    assert_eq!(options, ["Frame padlock", "Mobile application"]);
    let text = first["answer"].as_str().unwrap();
    assert!(options.iter().all(|option| text.contains(option)) && text.ends_with('?'), "{text}");
    assert!(first.get("ticketId").is_none() && first["citations"] == json!([]), "{first}");
    assert_eq!(tickets(&app).await, 0);

    let second = say("the second one").await;
    // Nothing is sure enough here; but the same is not asked again, and what was meant is what was looked for.
    assert_eq!(second["decision"], "escalated", "{second}");
    assert_eq!(tickets(&app).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn articles_that_disagree_bring_in_a_person() {
    let app = TestApp::start().await;
    for (source, days) in [("here.md", 30), ("there.md", 14)] {
        let text = format!("# Returning a kayak\n\nYou can return a kayak within {days} days after it was delivered.");
        publish(&app.engine, &app.empty, source, &text).await;
    }
    let body = json!({ "sessionId": "visitor", "message": "Within how many days can I return a kayak?" });
    let reply = app.post("/chat/query", &body).key(&app.empty.secret).send().await.json();
    assert_eq!((&reply["decision"], &reply["reason"]), (&json!("escalated"), &json!("contradiction")), "{reply}");
    assert_eq!(tickets(&app).await, 1);
}
