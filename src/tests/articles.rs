//! Articles that are written, published, changed and taken away over HTTP, and what questions find of them meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::http::{Method, StatusCode};
use candor::engine::Unfit;
use candor::ids::Ids;
use candor::knowledge::generation;
use serde_json::{Value, json};

use crate::app::{Call, Reply, TestApp};

/// Calls on the articles of the shop.
struct Desk<'a>(&'a TestApp);

impl Desk<'_> {
    fn call(&self, method: Method, rest: &str) -> Call {
        let path = format!("/knowledge/{}{rest}", self.0.bikes.workspace);
        self.0.call(method, &path).key(&self.0.bikes.secret)
    }

    async fn write(&self, article: &Value) -> Value {
        let reply = self.call(Method::POST, "").json(article).send().await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text());
        reply.json()
    }

    async fn change(&self, id: &Value, change: &Value) -> Reply {
        self.call(Method::PATCH, &format!("/{}", id.as_str().unwrap())).json(change).send().await
    }

    async fn list(&self, query: &str) -> Value {
        let reply = self.call(Method::GET, query).send().await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()
    }

    /// The first passage that a search finds with this word in it.
    async fn finds(&self, word: &str) -> bool {
        let found = self.0.search(&self.0.bikes, word).await;
        found.iter().any(|passage| passage["text"].as_str().unwrap().contains(word))
    }
}

fn kayak(days: u64) -> String {
    format!("A Quillfeather kayak is lent for {days} days.")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_is_found_from_its_publication_until_it_is_archived_or_gone() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let desk = Desk(&app);
    let draft = desk.write(&json!({ "title": "Kayaks", "body": kayak(3), "tags": ["water", "öl"] })).await;
    assert_eq!((&draft["status"], &draft["version"], &draft["revision"]), (&json!("draft"), &json!(1), &json!(1)));
    assert_eq!((&draft["source"], &draft["tags"]), (&json!({ "kind": "manual" }), &json!(["water", "öl"])));
    assert!(!desk.finds("Quillfeather").await);

    let id = &draft["id"];
    let published = desk.change(id, &json!({ "status": "published" })).await.json();
    assert_eq!((&published["version"], &published["revision"]), (&json!(1), &json!(2)), "{published}");
    assert!(desk.finds("Quillfeather").await);
    let answer = app.ask(&app.bikes, "visitor-1", "For how many days is a Quillfeather kayak lent?").await;
    assert_eq!((&answer["citations"][0]["articleId"], &answer["citations"][0]["title"]), (id, &json!("Kayaks")));
    assert_eq!(answer["citations"][0]["articleVersionId"], published["versionId"], "{answer}");

    let edited = desk.change(id, &json!({ "body": kayak(5), "title": "Boats" })).await.json();
    assert_eq!((&edited["version"], &edited["tags"]), (&json!(2), &draft["tags"]), "what is not sent stays: {edited}");
    let found = app.search(&app.bikes, "Quillfeather").await;
    assert!(found[0]["title"] == "Boats" && found[0]["text"].as_str().unwrap().contains("5 days"), "{found:?}");
    assert!(!found.iter().any(|passage| passage["text"].as_str().unwrap().contains("3 days")), "{found:?}");
    let same = desk.change(id, &json!({ "body": kayak(5) })).await.json();
    assert_eq!(same["revision"], edited["revision"], "nothing was changed");

    // An index that is built anew has it as it is.
    generation::rebuild(&app.engine, |_, _| ()).await.unwrap();
    assert!(desk.finds("Quillfeather").await);

    for (status, is_found) in [("archived", false), ("published", true), ("draft", false), ("published", true)] {
        let reply = desk.change(id, &json!({ "status": status })).await;
        assert_eq!(reply.json()["status"], status, "{}", reply.text());
        assert_eq!(desk.finds("Quillfeather").await, is_found, "{status}");
    }
    let path = format!("/{}", id.as_str().unwrap());
    assert_eq!(desk.call(Method::DELETE, &path).send().await.status, StatusCode::NO_CONTENT);
    assert!(!desk.finds("Quillfeather").await);
    desk.call(Method::GET, &path).send().await.problem(404, "article_not_found");
    desk.call(Method::DELETE, &path).send().await.problem(404, "article_not_found");
    desk.change(id, &json!({ "status": "published" })).await.problem(404, "article_not_found");
    assert_eq!(desk.list("?q=Quillfeather").await["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_what_somebody_else_has_changed_is_refused_where_it_says_what_it_has_seen() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let desk = Desk(&app);
    let id = desk.write(&json!({ "title": "Kayaks", "body": kayak(1) })).await["id"].clone();
    let path = format!("/{}", id.as_str().unwrap());
    let seen = desk.call(Method::GET, &path).send().await;
    let etag = seen.header("etag").to_owned();
    let edit = |body: &str| desk.call(Method::PATCH, &path).json(&json!({ "body": body })).header("if-match", &etag);
    let first = edit("First.").send().await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    assert_ne!(first.header("etag"), etag);
    edit("Second.").send().await.problem(412, "stale");
    desk.call(Method::DELETE, &path).header("if-match", &etag).send().await.problem(412, "stale");
    let restore = json!({ "version": 1 });
    desk.call(Method::POST, &format!("{path}/restore"))
        .json(&restore)
        .header("if-match", &etag)
        .send()
        .await
        .problem(412, "stale");
    // Twelve who say nothing of what they have seen are done one after the other.
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..12 {
        writers.spawn(desk.call(Method::PATCH, &path).json(&json!({ "body": format!("Text {number}.") })).send());
    }
    let done = writers.join_all().await;
    assert!(done.iter().all(|reply| [StatusCode::OK, StatusCode::PRECONDITION_FAILED].contains(&reply.status)));
    let made = done.iter().filter(|reply| reply.status == StatusCode::OK).count();
    let article = desk.call(Method::GET, &path).send().await.json();
    assert_eq!(article["version"], 2 + made, "{article}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_is_kept_with_what_it_changed_and_can_be_written_again() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let desk = Desk(&app);
    let id =
        desk.write(&json!({ "title": "Kayaks", "body": "One.\n\nTwo.\n", "status": "published" })).await["id"].clone();
    desk.change(&id, &json!({ "body": "One.\n\nQuillfeather.\n" })).await;
    desk.change(&id, &json!({ "title": "Boats" })).await;
    let path = format!("/{}", id.as_str().unwrap());
    let versions = desk.list(&format!("{path}/versions")).await;
    let numbers: Vec<&Value> =
        versions["items"].as_array().unwrap().iter().map(|version| &version["version"]).collect();
    assert_eq!(numbers, [3, 2, 1], "{versions}");
    assert_eq!((&versions["items"][0]["diff"], versions["items"][2].get("diff")), (&json!(""), None), "{versions}");
    let diff = versions["items"][1]["diff"].as_str().unwrap();
    assert!(diff.contains("-Two.") && diff.contains("+Quillfeather.") && diff.contains("version 2"), "{diff}");
    let page = desk.list(&format!("{path}/versions?limit=1")).await;
    let next = format!("{path}/versions?limit=5&before={}", page["nextBefore"]);
    assert_eq!(
        (desk.list(&next).await["items"].as_array().unwrap().len(), page["items"][0]["diff"].as_str()),
        (2, Some(""))
    );

    let restored =
        desk.call(Method::POST, &format!("{path}/restore")).json(&json!({ "version": 1 })).send().await.json();
    assert_eq!(
        (&restored["version"], &restored["title"], &restored["body"]),
        (&json!(4), &json!("Kayaks"), &json!("One.\n\nTwo.\n"))
    );
    assert!(!desk.finds("Quillfeather").await);
    let none = desk.call(Method::POST, &format!("{path}/restore")).json(&json!({ "version": 9 })).send().await;
    none.problem(404, "version_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn articles_are_listed_by_what_is_asked_for() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let desk = Desk(&app);
    for (title, body, tag, status) in [
        ("Kayaks", "100% water_proof", "a%b", "published"),
        ("Boats", "Über 100 boats", "water", "draft"),
        ("Tents", "1000 tents", "water", "published"),
    ] {
        desk.write(&json!({ "title": title, "body": body, "tags": [tag], "status": status })).await;
    }
    let titles = async |query: &str| -> Vec<String> {
        let list = desk.list(query).await;
        let mut titles: Vec<String> =
            list["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect();
        assert!(list["items"].as_array().unwrap().iter().all(|item| item.get("body").is_none()));
        titles.sort_unstable();
        titles
    };
    assert_eq!(titles("?source=manual").await, ["Boats", "Kayaks", "Tents"]);
    assert_eq!(titles("?status=draft").await, ["Boats"]);
    assert_eq!(titles("?tag=water").await, ["Boats", "Tents"]);
    assert_eq!(titles("?tag=a%25b").await, ["Kayaks"]);
    assert_eq!(titles("?q=100%25").await, ["Kayaks"], "signs of a pattern are none");
    assert_eq!(titles("?q=r_p").await, ["Kayaks"]);
    assert_eq!(titles("?q=KAYAK").await, ["Kayaks"]);
    assert_eq!(titles("?q=nothing+of+the+kind").await, Vec::<String>::new());
    let files = desk.list("?source=file").await;
    assert!(files["total"].as_i64() > Some(2) && files["items"][0]["source"]["path"].is_string(), "{files}");
    let beyond = desk.list("?page=9&limit=2").await;
    assert!(beyond["items"] == json!([]) && beyond["total"].as_i64() > Some(5), "{beyond}");
    for query in ["?status=removed", "?source=url", "?page=0", "?limit=101", "?q=%00", "?colour=red"] {
        desk.call(Method::GET, query).send().await.problem(422, "parameter_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_from_a_file_is_changed_in_the_file() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let desk = Desk(&app);
    let file = desk.list("?source=file&q=Returning").await["items"][0].clone();
    let path = format!("/{}", file["id"].as_str().unwrap());
    let shown = desk.call(Method::GET, &path).send().await.json();
    assert!(shown["body"].as_str().unwrap().contains("30 days"), "{shown}");
    desk.change(&file["id"], &json!({ "body": "x" })).await.problem(409, "article_of_file");
    desk.call(Method::DELETE, &path).send().await.problem(409, "article_of_file");
    let again = "# Returning a bicycle\n\nYou can return a bicycle within 45 days.\n";
    crate::app::publish(&app.engine, &app.bikes, "returns.md", again).await;
    let edited = desk.call(Method::GET, &path).send().await.json();
    assert_eq!((&edited["version"], edited["revision"].as_i64()), (&json!(2), Some(2)), "{edited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_texts_are_kept_or_refused_and_never_mangled() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let desk = Desk(&app);
    let odd = "👩‍👩‍👧‍👦 مرحبا \u{202e}abc\u{202c} e\u{301} 日本";
    let kept = desk.write(&json!({ "title": odd, "body": format!("{odd}\n"), "tags": [odd] })).await;
    let shown = desk.call(Method::GET, &format!("/{}", kept["id"].as_str().unwrap())).send().await.json();
    assert_eq!(
        (&shown["title"], &shown["body"], &shown["tags"]),
        (&json!(odd), &json!(format!("{odd}\n")), &json!([odd]))
    );
    for (article, field) in [
        (json!({ "title": "a".repeat(20_000), "body": "x" }), "title"),
        (json!({ "title": "a\nb", "body": "x" }), "title"),
        (json!({ "title": " ", "body": "x" }), "title"),
        (json!({ "title": "a", "body": "x\u{0}y" }), "body"),
        (json!({ "title": "a", "body": "" }), "body"),
        (json!({ "title": "a", "body": "x", "tags": ["\u{7}"] }), "tags[0]"),
        (json!({ "title": "a", "body": "x", "language": "not a tag" }), "language"),
        (json!({ "title": "a", "body": "x", "status": "archived" }), "status"),
        (json!({ "title": "a", "body": "x", "colour": "red" }), "colour"),
        (json!({ "title": 7, "body": "x" }), "title"),
    ] {
        let problem = desk.call(Method::POST, "").json(&article).send().await.problem(422, "body_invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let lone = desk.call(Method::POST, "").header("content-type", "application/json");
    lone.body("{\"title\": \"\\ud800\", \"body\": \"x\"}").send().await.problem(400, "body_not_json");
    assert_eq!(desk.list("?source=manual").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_the_scope_and_a_path_of_another_workspace_are_refused() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let path = format!("/knowledge/{}", app.bikes.workspace);
    app.get(&path).key(&app.bikes.publishable).send().await.problem(403, "scope_missing");
    app.get(&path).send().await.problem(401, "key_missing");
    app.get(&path).key(&app.bread.secret).send().await.problem(404, "workspace_not_found");
    app.get("/knowledge/nonsense").key(&app.bread.secret).send().await.problem(404, "workspace_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_constant_questions_no_answer_is_from_a_version_that_was_not_current() {
    let app = Arc::new(TestApp::with_ids(Ids::Random, |_| ()).await);
    let desk = Desk(&app);
    let id = desk.write(&json!({ "title": "Kayaks", "body": kayak(100), "status": "published" })).await["id"].clone();
    // From when on an edit may be seen, and from when on it must be.
    let (begun, done, is_over) =
        (Arc::new(AtomicU64::new(100)), Arc::new(AtomicU64::new(100)), Arc::new(AtomicBool::new(false)));
    let mut askers = tokio::task::JoinSet::new();
    for asker in 0..3 {
        let (app, begun, done, is_over) =
            (Arc::clone(&app), Arc::clone(&begun), Arc::clone(&done), Arc::clone(&is_over));
        askers.spawn(async move {
            let mut seen = 0;
            for number in 0.. {
                let least = done.load(Ordering::SeqCst);
                let question = "For how many days is a Quillfeather kayak lent?";
                let reply = app.ask(&app.bikes, &format!("visitor-{asker}-{number}"), question).await;
                let mut words = reply["answer"].as_str().unwrap().split_whitespace();
                let days = words.find_map(|word| word.parse::<u64>().ok());
                if let Some(days) = days.filter(|_| reply["decision"] == "answered") {
                    let most = begun.load(Ordering::SeqCst);
                    assert!((least..=most).contains(&days), "{days} of {least} to {most}: {reply}");
                    seen += 1;
                }
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
            }
            seen
        });
    }
    for days in 101..115 {
        begun.store(days, Ordering::SeqCst);
        let reply = desk.change(&id, &json!({ "body": kayak(days) })).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        done.store(days, Ordering::SeqCst);
    }
    is_over.store(true, Ordering::SeqCst);
    let seen: usize = askers.join_all().await.into_iter().sum();
    assert!(seen > 10, "{seen}");
    let path = format!("/{}", id.as_str().unwrap());
    assert_eq!(desk.call(Method::DELETE, &path).send().await.status, StatusCode::NO_CONTENT);
    let gone = app.ask(&app.bikes, "visitor-last", "For how many days is a Quillfeather kayak lent?").await;
    assert!(!gone["answer"].as_str().unwrap().contains("days"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_lost_what_was_written_gets_it_again_from_the_database() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    Desk(&app).write(&json!({ "title": "Kayaks", "body": kayak(3), "status": "published" })).await;
    let (config, secret) = (app.engine.config().clone(), app.bikes.secret.clone());
    let folder = app.close().await;
    std::fs::remove_dir_all(config.index_dir()).unwrap();
    let engine = crate::app::open(config, Unfit::Rebuild).await.unwrap();
    generation::mend(&engine, |_| ()).await.unwrap();
    engine.readiness().compared();
    let router = candor::http::router(engine.clone());
    let body = json!({ "query": "Quillfeather" }).to_string();
    let request = axum::http::Request::post("/chat/search")
        .header("x-api-key", secret)
        .header("content-type", "application/json")
        .body(axum::body::Body::from(body))
        .unwrap();
    let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("is lent for 3 days"), "{bytes:?}");
    drop(folder);
}
