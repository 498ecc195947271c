//! What the articles do not answer becomes a ticket, once.

use axum::http::StatusCode;
use candor::answer::TracedPassage;
use candor::answer::decide::Reason;
use candor::chat::{Sender, SessionName, store as sessions};
use candor::desk::{self, Evidence, Line};
use candor::ids::{ArticleId, ChunkId, Ids, SessionId, TicketId, VersionId};
use candor::search::Signals;
use serde_json::{Value, json};

use crate::app::{NOW_MS, Tenant, TestApp};
use crate::stores::{fresh_schema, postgres_url};

async fn show(app: &TestApp, tenant: &Tenant, ticket: &Value) -> Value {
    let reply = app.get(&format!("/tickets/{}", ticket.as_str().unwrap())).key(&tenant.secret).send().await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    reply.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_article_says_goes_to_a_person_with_the_whole_conversation() {
    let app = TestApp::start().await;
    let first = app.ask(&app.empty, "lost", "My parcel is lost, where is it?").await;
    assert_eq!(first["decision"], "escalated", "{first}");
    assert_eq!(first["reason"], "no_evidence");
    assert_eq!(first["citations"], json!([]));
    assert!(first["answer"].as_str().unwrap().contains(first["ticketId"].as_str().unwrap()), "{first}");

    let ticket = show(&app, &app.empty, &first["ticketId"]).await;
    assert_eq!(ticket["id"], first["ticketId"]);
    assert_eq!(ticket["status"], "open");
    assert_eq!(ticket["reason"], "no_evidence");
    assert_eq!(ticket["title"], "My parcel is lost, where is it?");
    assert_eq!(ticket["sessionId"], "lost");
    assert_eq!(ticket["passages"], json!([]));
    assert_eq!(ticket["transcript"], json!([{ "sender": "user", "text": "My parcel is lost, where is it?" }]));
    assert_eq!(ticket["messages"], json!([]));

    app.clock.advance(60_000);
    let second = app.ask(&app.empty, "lost", "It was sent on Monday.").await;
    assert_eq!(second["ticketId"], first["ticketId"], "a session has one open ticket a reason");
    assert_eq!(second["decision"], "escalated");
    assert_eq!(show(&app, &app.empty, &first["ticketId"]).await["messages"], json!(["It was sent on Monday."]));

    let other = app.ask(&app.empty, "other", "My parcel is lost, where is it?").await;
    assert_ne!(other["ticketId"], first["ticketId"], "another session has its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_escalation_shows_what_was_said_before() {
    let app = TestApp::start().await;
    let answered = app.ask(&app.bikes, "long", "How long until the battery charges?").await;
    assert_eq!(answered["decision"], "answered");
    // Without its articles the same shop has nothing to say.
    let sources: Vec<String> = crate::app::BIKES.iter().map(|(source, _)| (*source).to_owned()).collect();
    candor::knowledge::sync::withdraw(&app.engine, app.bikes.workspace, &sources).await.unwrap();
    let escalated = app.ask(&app.bikes, "long", "Is there a faster charger?").await;
    assert_eq!(escalated["reason"], "no_evidence", "{escalated}");
    let ticket = show(&app, &app.bikes, &escalated["ticketId"]).await;
    let senders: Vec<&str> =
        ticket["transcript"].as_array().unwrap().iter().map(|line| line["sender"].as_str().unwrap()).collect();
    assert_eq!(senders, ["user", "bot", "user"]);
    assert_eq!(ticket["transcript"][1]["text"], answered["answer"]);
    assert_eq!(ticket["transcript"][2]["text"], "Is there a faster charger?");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_questions_at_once_share_one_ticket_and_leave_no_gap() {
    ask_many_at_once(&TestApp::start().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_questions_at_once_share_one_ticket_on_postgres_too() {
    let Some(url) = postgres_url() else {
        eprintln!("skipped: TEST_POSTGRES_URL is not set");
        return;
    };
    let url = fresh_schema(&url).await;
    ask_many_at_once(&TestApp::with(|config| config.database_url = Some(url)).await).await;
}

async fn ask_many_at_once(app: &TestApp) {
    app.ask(&app.empty, "crowd", "The first one").await;
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let body = json!({ "sessionId": "crowd", "message": format!("Question number {number}") });
            tokio::spawn(app.post("/chat/query", &body).key(&app.empty.secret).send())
        })
        .collect();
    let mut tickets = Vec::new();
    for call in calls {
        let reply = call.await.unwrap();
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        tickets.push(reply.json()["ticketId"].clone());
    }
    tickets.dedup();
    assert_eq!(tickets.len(), 1, "{tickets:?}");
    assert_eq!(show(app, &app.empty, &tickets[0]).await["messages"].as_array().unwrap().len(), 20);

    let page = app.get("/chat/sessions/crowd/messages?limit=100").key(&app.empty.secret).send().await.json();
    let numbers: Vec<i64> =
        page["items"].as_array().unwrap().iter().map(|item| item["sequence"].as_i64().unwrap()).collect();
    // Each turn takes three: the question, the reply and the event of the ticket, which is no message.
    let expected: Vec<i64> = (0..21).flat_map(|turn| [3 * turn + 1, 3 * turn + 2]).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_shows_the_passages_that_were_found() {
    let app = TestApp::start().await;
    let (engine, ids) = (&app.engine, Ids::Random);
    let (session, article) = (SessionId::new(&ids, NOW_MS), ArticleId::new(&ids, NOW_MS));
    let version = VersionId::new(&ids, NOW_MS);
    let passage = TracedPassage {
        chunk: ChunkId::of(version, "1", 0),
        article,
        version,
        source: "brakes.md".into(),
        title: "Brake repair".into(),
        text: "Rim brake pads wear out.".into(),
        signals: Signals { cosine: 0.4, bm25: 0.2, ..Signals::default() },
        score: 0.5,
    };
    let evidence = Evidence {
        transcript: vec![Line { sender: Sender::User, text: "Squeaking?".into() }],
        passages: vec![passage],
    };
    let mut transaction = engine.database().begin().await.unwrap();
    let name: SessionName = "squeaks".parse().unwrap();
    let visitor = candor::chat::Visitor::default();
    let workspace = app.bikes.workspace;
    sessions::insert_session(&mut transaction, engine.vault(), workspace, session, &name, b"digest", &visitor, NOW_MS)
        .await
        .unwrap();
    let escalation =
        desk::escalate(&mut transaction, engine, workspace, session, Reason::LowConfidence, "Squeaking?", &evidence)
            .await
            .unwrap();
    transaction.commit().await.unwrap();
    let ticket = show(&app, &app.bikes, &json!(escalation.ticket)).await;
    assert_eq!(ticket["reason"], "low_confidence");
    assert_eq!(
        ticket["passages"],
        json!([{ "articleId": article, "title": "Brake repair", "text": "Rim brake pads wear out.", "score": 0.5 }])
    );
}

/// A neutral calibration, which gives every draft the same confidence, sends every draft: then there is nothing to see here.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_off_the_subject_is_not_answered_once_the_confidence_is_fitted() {
    let app = TestApp::start().await;
    if app.engine.calibration().weights.iter().all(|weight| weight.weight == 0.0) {
        eprintln!("skipped: the shipped calibration is not fitted");
        return;
    }
    for message in ["Who painted the Mona Lisa?", "What is the capital of Mongolia?", "How do I file my income tax?"] {
        let reply = app.ask(&app.bikes, "off", message).await;
        assert_eq!(reply["decision"], "escalated", "{message}: {reply}");
        assert_eq!(reply["reason"], "low_confidence", "{message}: {reply}");
        let ticket = show(&app, &app.bikes, &reply["ticketId"]).await;
        assert!(!ticket["passages"].as_array().unwrap().is_empty(), "{ticket}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_opens_a_ticket_and_a_second_one_of_the_session_joins_it() {
    let app = TestApp::start().await;
    let key = app.bikes.publishable.clone();
    let open = |body: Value| app.post("/tickets", &body).key(&key);
    let body = json!({ "title": "Not collected", "description": "Nobody came.", "email": "mia@example.com" });
    let opened = open(body).send().await;
    assert_eq!(opened.status, StatusCode::CREATED, "{}", opened.text());
    let ticket = show(&app, &app.bikes, &opened.json()["ticketId"]).await;
    assert_eq!(ticket["title"], "Not collected");
    assert_eq!(ticket["description"], "Nobody came.");
    assert_eq!(ticket["email"], "mia@example.com");
    assert_eq!(ticket["reason"], "customer_request");
    assert!(ticket.get("sessionId").is_none());
    assert_eq!(ticket["createdAt"], "2026-11-18T11:06:40Z");

    let of_session = json!({ "title": "A", "description": "One.", "sessionId": "mine" });
    open(of_session.clone()).send().await.problem(404, "session_not_found");
    let first = app
        .post("/chat/query", &json!({ "sessionId": "mine", "message": "How long until the battery charges?" }))
        .key(&key)
        .send()
        .await
        .json();
    let token = first["sessionToken"].as_str().unwrap();
    open(of_session.clone()).send().await.problem(401, "session_token_needed");
    let one = open(of_session).session_token(token).send().await.json();
    let two = json!({ "title": "B", "description": "Two.", "email": "mia@example.com", "sessionId": "mine" });
    let two = open(two).session_token(token).send().await.json();
    assert_eq!(one["ticketId"], two["ticketId"]);
    let ticket = show(&app, &app.bikes, &one["ticketId"]).await;
    assert_eq!((&ticket["title"], &ticket["messages"]), (&json!("A"), &json!(["B\n\nTwo."])));
    assert_eq!(ticket["email"], "mia@example.com", "a contact that comes later is kept");
    assert_eq!(ticket["transcript"][0]["text"], "How long until the battery charges?");

    for (body, field) in [
        (json!({ "title": " ", "description": "x" }), "title"),
        (json!({ "title": "t".repeat(201), "description": "x" }), "title"),
        (json!({ "title": "x", "description": "" }), "description"),
        (json!({ "title": "x", "description": "d".repeat(20_001) }), "description"),
        (json!({ "title": "x", "description": "x", "email": "nobody" }), "email"),
        (json!({ "title": "x", "description": "x", "priority": "high" }), "priority"),
        (json!({ "title": "x" }), "description"),
    ] {
        let problem = open(body).send().await.problem(422, "body_invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_is_not_there_is_not_found() {
    let app = TestApp::start().await;
    app.get("/tickets/%FF").key(&app.bikes.secret).send().await.problem(422, "parameter_invalid");
    let unknown = TicketId::new(&Ids::Random, NOW_MS).to_string();
    for id in [unknown.as_str(), "x", "%00", "..%2F..", &"9".repeat(5_000)] {
        app.get(&format!("/tickets/{id}")).key(&app.bikes.secret).send().await.problem(404, "ticket_not_found");
    }
}
