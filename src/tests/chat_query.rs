//! Asking: answers with their citations, sessions with their tokens.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{QUESTION_OF_BIKES, SECRET_OF_BIKES, TestApp, plain_text};

fn question(session: &str, message: &str) -> Value {
    json!({ "sessionId": session, "message": message })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_the_article_s_own_words_at_the_place_of_its_citation() {
    let app = TestApp::start().await;
    for (message, expected) in [
        (QUESTION_OF_BIKES, SECRET_OF_BIKES),
        // Umlauts and an emoji stand before the sentence: places are code points, not bytes.
        ("How long until the battery charges?", "4 hours"),
        ("When is the refund paid after I return a bicycle?", "14 days"),
    ] {
        let reply = app.ask(&app.bikes, "words", message).await;
        assert_eq!(reply["decision"], "answered", "{reply}");
        assert_eq!(reply["responseType"], "extractive");
        assert!(reply.get("reason").is_none() && reply.get("ticketId").is_none(), "{reply}");
        let confidence = reply["confidence"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&confidence));
        let answer = reply["answer"].as_str().unwrap();
        assert!(answer.contains(expected), "{reply}");

        let citations = reply["citations"].as_array().unwrap();
        assert!(!citations.is_empty());
        let mut quotes = String::new();
        for citation in citations {
            let version = citation["articleVersionId"].as_str().unwrap();
            let text = plain_text(app.engine.database(), version).await;
            let place = |name: &str| usize::try_from(citation[name].as_u64().unwrap()).unwrap();
            let (start, end) = (place("start"), place("end"));
            let place: String = text.chars().skip(start).take(end - start).collect();
            assert_eq!(place, citation["quote"].as_str().unwrap());
            quotes.push_str(&place);
        }
        assert_eq!(answer, quotes, "an extractive answer is what it quotes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_its_token_s_and_is_shown_to_nobody_else() {
    let app = TestApp::start().await;
    let key = app.bikes.publishable.clone();
    let ask = |session: &str, message: &str| app.post("/chat/query", &question(session, message)).key(&key);

    let first = ask("visitor-1", "How long until the battery charges?").send().await.json();
    let token = first["sessionToken"].as_str().expect("the first reply carries the token").to_owned();
    let other = ask("visitor-2", "How long until the battery charges?").send().await.json();
    let others_token = other["sessionToken"].as_str().unwrap().to_owned();
    assert_ne!(token, others_token);

    let second = ask("visitor-1", "How long does it last?").session_token(&token).send().await;
    assert_eq!(second.status, StatusCode::OK, "{}", second.text());
    assert!(second.json().get("sessionToken").is_none(), "the token is shown once: {}", second.text());

    ask("visitor-1", "And now?").send().await.problem(401, "session_token_needed");
    ask("visitor-1", "And now?").session_token(&others_token).send().await.problem(401, "session_token_needed");
    ask("visitor-1", "And now?").session_token("").send().await.problem(401, "session_token_needed");
    ask("visitor-1", "And now?").header("x-session-token", [0xff]).send().await.problem(401, "session_token_needed");

    let history = |session: &str| app.get(&format!("/chat/sessions/{session}/messages")).key(&key);
    history("visitor-1").send().await.problem(401, "session_token_needed");
    history("visitor-1").session_token(&others_token).send().await.problem(401, "session_token_needed");
    history("nobody").session_token(&token).send().await.problem(404, "session_not_found");
    history("a%20b").session_token(&token).send().await.problem(422, "session_id_invalid");
    let messages = history("visitor-1").session_token(&token).send().await.json();
    assert_eq!(messages["total"], 4, "{messages}");
    let senders: Vec<&str> =
        messages["items"].as_array().unwrap().iter().map(|item| item["sender"].as_str().unwrap()).collect();
    assert_eq!(senders, ["user", "bot", "user", "bot"]);
    assert_eq!(messages["items"][1]["text"], first["answer"]);
    assert_eq!(messages["items"][1]["id"], first["messageId"]);

    // The company itself needs no token.
    let seen = app.get("/chat/sessions/visitor-1/messages").key(&app.bikes.secret).send().await;
    assert_eq!(seen.json()["total"], 4);
    let spoken = app.post("/chat/query", &question("visitor-1", "Hello?")).key(&app.bikes.secret).send().await;
    assert_eq!(spoken.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_session_id_in_another_workspace_is_another_session() {
    let app = TestApp::start().await;
    let ask = |key: &str, message: &str| app.post("/chat/query", &question("visitor-123", message)).key(key);
    let bikes = ask(&app.bikes.publishable, "How long until the battery charges?").send().await.json();
    let bread = ask(&app.bread.publishable, "How long does sourdough bread rest?").send().await.json();
    let (bikes_token, bread_token) =
        (bikes["sessionToken"].as_str().unwrap(), bread["sessionToken"].as_str().expect("a new session"));
    ask(&app.bread.publishable, "And the salt?")
        .session_token(bikes_token)
        .send()
        .await
        .problem(401, "session_token_needed");
    let messages = app
        .get("/chat/sessions/visitor-123/messages")
        .key(&app.bread.publishable)
        .session_token(bread_token)
        .send()
        .await;
    assert_eq!(messages.json()["total"], 2);
    assert!(!messages.text().contains("battery"), "{}", messages.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_read_page_by_page() {
    let app = TestApp::start().await;
    for round in 0..4 {
        app.ask(&app.bikes, "pages", &format!("Question {round} about the battery")).await;
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), None::<i64>, 0);
    loop {
        let after = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let page = app
            .get(&format!("/chat/sessions/pages/messages?limit=3{after}"))
            .key(&app.bikes.secret)
            .send()
            .await
            .json();
        assert_eq!(page["total"], 8);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["sequence"].as_i64().unwrap()));
        pages += 1;
        cursor = page["nextCursor"].as_i64();
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (8, 3));
    assert!(seen.is_sorted_by(|one, other| one < other), "{seen:?}");

    let mut by_page = Vec::new();
    for number in 1..=4 {
        let path = format!("/chat/sessions/pages/messages?limit=3&page={number}");
        let page = app.get(&path).key(&app.bikes.secret).send().await.json();
        assert_eq!((&page["page"], &page["limit"], &page["total"]), (&json!(number), &json!(3), &json!(8)));
        by_page.extend(page["items"].as_array().unwrap().iter().map(|item| item["sequence"].as_i64().unwrap()));
    }
    assert_eq!(by_page, seen);

    for query in ["limit=0", "limit=101", "limit=x", "cursor=x", "page=0", "page=x", "page=1&cursor=1", "pages=1"] {
        let path = format!("/chat/sessions/pages/messages?{query}");
        app.get(&path).key(&app.bikes.secret).send().await.problem(422, "parameter_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_cites_as_the_answer_did() {
    let app = TestApp::start().await;
    let answer = app.ask(&app.bikes, "cited", "How long until the battery charges?").await;
    let history = app.get("/chat/sessions/cited/messages").key(&app.bikes.secret).send().await.json();
    assert!(!answer["citations"].as_array().unwrap().is_empty(), "{answer}");
    assert_eq!(history["items"][1]["metadata"]["citations"], answer["citations"]);
    assert_eq!(history["items"][1]["metadata"]["decision"], "answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_speaks_for_the_company_needs_no_token_also_at_the_first_two_messages_at_once() {
    let app = TestApp::start().await;
    let calls = (0..4).map(|_| {
        let body = question("race", "How long until the battery charges?");
        tokio::spawn(app.post("/chat/query", &body).key(&app.bikes.secret).send())
    });
    for call in calls.collect::<Vec<_>>() {
        let reply = call.await.unwrap();
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    }
    let history = app.get("/chat/sessions/race/messages").key(&app.bikes.secret).send().await.json();
    let numbers: Vec<i64> =
        history["items"].as_array().unwrap().iter().map(|item| item["sequence"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>(), "an answered turn leaves no gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_question_is_answered_from_a_part_of_the_articles() {
    let app = TestApp::start().await;
    let asked = "How long until the battery charges?";
    let ask = async || app.ask(&app.bikes, "part", asked).await;
    app.engine.readiness().restoring(3);
    let handed_over = ask().await;
    assert_eq!((&handed_over["decision"], &handed_over["reason"]), (&json!("escalated"), &json!("search_failure")));
    assert!(handed_over["answer"].as_str().unwrap().starts_with("I cannot look at our help articles"), "{handed_over}");
    let ticket = app.get(&format!("/tickets/{}", handed_over["ticketId"].as_str().unwrap())).key(&app.bikes.secret);
    let ticket = ticket.send().await.json();
    assert_eq!((&ticket["reason"], &ticket["title"]), (&json!("search_failure"), &json!(asked)), "{ticket}");
    // Who looks for themselves can look again; a question that a customer asked must not be lost.
    let search = app.post("/chat/search", &json!({ "query": "battery" })).key(&app.bikes.secret);
    let problem = search.send().await.problem(503, "dependency_unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("3 passages"), "{problem}");
    let rehearsed = app.post("/ai/test", &json!({ "message": asked })).key(&app.bikes.secret);
    rehearsed.send().await.problem(503, "dependency_unavailable");
    let person = app.ask(&app.bikes, "impatient", "I want to talk to a human").await;
    assert_eq!(person["reason"], "customer_request", "{person}");
    assert_eq!(app.get("/readyz").send().await.status, StatusCode::SERVICE_UNAVAILABLE);
    app.engine.readiness().failed();
    assert_eq!(ask().await["ticketId"], handed_over["ticketId"], "one ticket a session and reason");
    let ready = app.get("/readyz").send().await;
    assert!(ready.text().contains("the log says why"), "{}", ready.text());
    app.engine.readiness().compared();
    assert_eq!(ask().await["decision"], "answered", "it silences nobody");
    assert_eq!(app.get("/readyz").send().await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_first_messages_at_once_make_one_session_and_one_token() {
    let app = TestApp::start().await;
    let calls = (0..8).map(|_| {
        let call = app
            .post("/chat/query", &question("race", "How long until the battery charges?"))
            .key(&app.bikes.publishable);
        tokio::spawn(call.send())
    });
    let mut tokens = 0;
    for call in calls.collect::<Vec<_>>() {
        let reply = call.await.unwrap();
        if reply.status == StatusCode::OK {
            tokens += usize::from(reply.json()["sessionToken"].is_string());
        } else {
            reply.problem(401, "session_token_needed");
        }
    }
    assert_eq!(tokens, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_found_with_the_api_prefix_and_a_slash_at_its_end() {
    let app = TestApp::start().await;
    let body = json!({ "query": "battery" });
    let mut bodies = Vec::new();
    for path in ["/chat/search", "/api/chat/search", "/chat/search/", "/api/chat/search//"] {
        let reply = app.post(path, &body).key(&app.bikes.secret).send().await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
        bodies.push(reply.text());
    }
    assert!(bodies[0].contains("4 hours"));
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    for path in ["/", "/api", "/api/", "/healthz", "/api/healthz/", "/readyz"] {
        assert_eq!(app.get(path).send().await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_keeps_to_its_limit_and_its_tags() {
    let app = TestApp::start().await;
    let search = |body: Value| app.post("/chat/search", &body).key(&app.bikes.secret);
    let found = search(json!({ "query": "battery", "limit": 1 })).send().await.json();
    assert_eq!(found["passages"].as_array().unwrap().len(), 1);
    let tagged = search(json!({ "query": "return a bicycle", "tags": ["battery"] })).send().await.json();
    let tagged = tagged["passages"].as_array().unwrap();
    assert!(
        !tagged.is_empty() && tagged.iter().all(|passage| passage["title"] == "Charging the battery"),
        "{tagged:?}"
    );
    for body in [json!({ "query": "battery", "limit": 0 }), json!({ "query": "battery", "limit": 51 })] {
        let problem = search(body).send().await.problem(422, "body_invalid");
        assert_eq!(problem["errors"][0]["field"], "limit");
    }
    search(json!({ "query": " " })).send().await.problem(422, "message_empty");
}
