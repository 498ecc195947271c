//! The whole of Candor on a PostgreSQL and a Qdrant server, where `TEST_POSTGRES_URL` and `QDRANT_TEST_URL` name them: that it
//! answers as it does embedded, in several processes at once, and that nothing is lost while a server is away.

use std::time::Duration;

use axum::http::StatusCode;
use candor::clock::Clock;
use candor::config::Config;
use candor::engine::{Engine, Unfit};
use candor::ids::Ids;
use candor::knowledge::{generation, transfer};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::app::{BIKES, NOW_MS, QUESTION_OF_BIKES, SECRET_OF_BIKES, TestApp, article, config, eventually, publish};
use crate::indexes::qdrant;
use crate::proxy::{Behind, Proxy};
use crate::stores::{fresh_schema, postgres_url};

/// A place on each of both servers that no other test uses.
struct Servers {
    database: SecretString,
    qdrant: String,
}

impl Servers {
    /// `None`, and says so, where one of them is missing.
    async fn find() -> Option<Self> {
        let (Some(postgres), Some(qdrant)) = (postgres_url(), qdrant()) else {
            eprintln!("skipped: TEST_POSTGRES_URL and QDRANT_TEST_URL are not both set");
            return None;
        };
        Some(Self { database: fresh_schema(&postgres).await, qdrant: qdrant.url })
    }

    fn settings(&self, config: &mut Config) {
        config.database_url = Some(self.database.clone());
        config.qdrant_url = Some(self.qdrant.clone());
    }

    async fn app(&self) -> TestApp {
        TestApp::with_ids(Ids::Random, |config| self.settings(config)).await
    }

    /// A door before the Qdrant server.
    async fn before_qdrant(&mut self) -> Proxy {
        let address = self.qdrant.trim_start_matches("http://").to_owned();
        let proxy = Proxy::before(Behind::Tcp(address)).await;
        self.qdrant = format!("http://{}", proxy.address());
        proxy
    }

    /// A door before the PostgreSQL server, which is reached through a socket in a folder.
    async fn before_postgres(&mut self) -> Option<Proxy> {
        let url = self.database.expose_secret().to_owned();
        let (_, host) = url.split_once("host=")?;
        let folder = host.split('&').next()?;
        let proxy = Proxy::before(Behind::Unix(format!("{folder}/.s.PGSQL.5432"))).await;
        let address = proxy.address();
        let url = url.replace(&format!("host={folder}"), "sslmode=disable").replace("localhost", &address.to_string());
        self.database = url.into();
        Some(proxy)
    }
}

/// What everybody must see, whatever it runs on.
async fn story(app: &TestApp) -> Vec<Value> {
    let answered = app.ask(&app.bikes, "visitor-1", QUESTION_OF_BIKES).await;
    assert_eq!(answered["decision"], "answered", "{answered}");
    assert!(answered["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{answered}");
    let elsewhere = app.ask(&app.bread, "visitor-1", QUESTION_OF_BIKES).await;
    assert!(!elsewhere.to_string().contains(SECRET_OF_BIKES), "{elsewhere}");
    let escalated = app.ask(&app.empty, "visitor-2", "Where is my order?").await;
    assert_eq!((&escalated["decision"], &escalated["reason"]), (&json!("escalated"), &json!("no_evidence")));
    let ticket = escalated["ticketId"].as_str().unwrap();
    let shown = app.get(&format!("/tickets/{ticket}")).key(&app.empty.secret).send().await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text());
    assert!(shown.text().contains("Where is my order?"));
    let history = app.get("/chat/sessions/visitor-1/messages").key(&app.bikes.secret).send().await;
    assert_eq!(history.json()["total"], 2, "{}", history.text());
    assert_eq!(app.get("/readyz").send().await.json()["status"], "ready");
    app.search(&app.bikes, "battery charges").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_is_the_same_embedded_and_on_servers() {
    let Some(servers) = Servers::find().await else { return };
    let (embedded, on_servers) = (TestApp::start().await, servers.app().await);
    let (one, other) = (story(&embedded).await, story(&on_servers).await);
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one["text"], other["text"]);
        for score in ["score", "cosine", "bm25"] {
            let difference = one[score].as_f64().unwrap() - other[score].as_f64().unwrap();
            assert!(difference.abs() < 1e-4, "{score}: {one} {other}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_start_at_once_on_a_fresh_database_share_one_generation() {
    let Some(servers) = Servers::find().await else { return };
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let opening = folders.iter().map(|folder| {
        let mut config = config(folder.path());
        servers.settings(&mut config);
        tokio::spawn(Engine::open(config, Clock::fixed(NOW_MS), Ids::Random, Unfit::Refuse))
    });
    let mut engines = Vec::new();
    for opened in opening.collect::<Vec<_>>() {
        engines.push(opened.await.unwrap().unwrap());
    }
    let names: Vec<String> = engines.iter().map(|engine| engine.generation().row.id.clone()).collect();
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    for engine in &engines {
        generation::mend(engine, |_| ()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_publishes_and_rebuilds_another_answers_from() {
    let Some(servers) = Servers::find().await else { return };
    let app = servers.app().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = config(folder.path());
    servers.settings(&mut settings);
    let other = Engine::open(settings, Clock::fixed(NOW_MS), Ids::Random, Unfit::Refuse).await.unwrap();
    let new = ("tandem.md", "# Tandems\n\nA tandem costs 31 euros a day and seats two.\n");
    candor::knowledge::sync::publish(&other, app.bikes.workspace, article(new.0, new.1)).await.unwrap();
    let answer = app.ask(&app.bikes, "visitor", "What does a tandem cost a day?").await;
    assert!(answer["answer"].as_str().unwrap().contains("31 euros"), "{answer}");

    // The other process switches to a new generation; this one follows with the next question, and publishes into it.
    let before = app.engine.generation().row.id.clone();
    let rebuilt = generation::rebuild(&other, |_, _| ()).await.unwrap();
    assert_ne!(rebuilt.generation, before);
    let answer = app.ask(&app.bikes, "visitor-2", QUESTION_OF_BIKES).await;
    assert!(answer["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{answer}");
    assert_eq!(app.engine.generation().row.id, rebuilt.generation);
    publish(&app.engine, &app.bikes, "cargo.md", "# Cargo bikes\n\nA cargo bike carries 80 kilograms.\n").await;
    let mended = generation::mend(&other, |_| ()).await.unwrap();
    assert_eq!(mended, generation::Mended::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_that_another_process_builds_is_not_taken_for_the_remains_of_a_crash() {
    let Some(servers) = Servers::find().await else { return };
    let app = servers.app().await;
    let row = app.engine.generation_row(2);
    let mut transaction = app.engine.database().begin().await.unwrap();
    candor::knowledge::store::generations::insert(&mut transaction, &row, NOW_MS).await.unwrap();
    transaction.commit().await.unwrap();
    let building = app.engine.database().may_rebuild().await.unwrap();
    let retired_after_a_start = async || {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = config(folder.path());
        servers.settings(&mut settings);
        Engine::open(settings, Clock::fixed(NOW_MS), Ids::Random, Unfit::Refuse).await.unwrap();
        candor::knowledge::store::generations::retired(app.engine.database()).await.unwrap()
    };
    assert_eq!(retired_after_a_start().await, Vec::<String>::new());
    drop(building);
    eventually("the right to rebuild is given back", || async {
        (retired_after_a_start().await == [row.id.clone()]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn articles_published_by_one_process_during_a_rebuild_by_another_are_in_the_new_index() {
    let Some(servers) = Servers::find().await else { return };
    let app = servers.app().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = config(folder.path());
    servers.settings(&mut settings);
    let other = Engine::open(settings, Clock::fixed(NOW_MS), Ids::Random, Unfit::Refuse).await.unwrap();
    let rebuilding = {
        let other = other.clone();
        tokio::spawn(async move { generation::rebuild(&other, |_, _| ()).await })
    };
    for number in 0..12 {
        let text = format!("# Lamp {number}\n\nLamp {number} shines for {} hours.\n", number + 100);
        publish(&app.engine, &app.bikes, &format!("lamp-{number}.md"), &text).await;
    }
    let rebuilt = rebuilding.await.unwrap().unwrap();
    let answer = app.ask(&app.bikes, "visitor", "For how many hours does Lamp 7 shine?").await;
    assert!(answer["answer"].as_str().unwrap().contains("107 hours"), "{answer}");
    assert_eq!(app.engine.generation().row.id, rebuilt.generation);
    // Nothing is missing and nothing is left over, whichever of the two came last.
    generation::mend(&app.engine, |_| ()).await.unwrap();
    let index = app.engine.generation().index.clone();
    let in_sql = candor::knowledge::store::chunk_ids(app.engine.database(), app.bikes.workspace, &rebuilt.generation);
    assert_eq!(index.chunks(app.bikes.workspace).await.unwrap().len(), in_sql.await.unwrap().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_index_is_away_questions_go_to_a_person_and_nothing_is_lost() {
    let Some(mut servers) = Servers::find().await else { return };
    let proxy = servers.before_qdrant().await;
    let app = servers.app().await;
    proxy.shut();
    let handed_over = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert_eq!(handed_over["reason"], "search_failure", "{handed_over}");
    assert!(handed_over["ticketId"].is_string(), "{handed_over}");
    let search = app.post("/chat/search", &json!({ "query": QUESTION_OF_BIKES })).key(&app.bikes.secret);
    let refused = search.send().await;
    refused.problem(503, "dependency_unavailable");
    assert!(!refused.header("retry-after").is_empty());
    let ready = app.get("/readyz").send().await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["dependencies"]["index"]["ok"], false, "{}", ready.text());
    assert_eq!(ready.json()["dependencies"]["database"]["ok"], true, "{}", ready.text());
    // An article that cannot be written is not half there.
    let failed = candor::knowledge::sync::publish(&app.engine, app.bikes.workspace, article("new.md", "# New\n\nNew."));
    let error = failed.await.unwrap_err();
    assert!(!error.is_about_file() && error.to_string().contains("cannot be reached"), "{error}");
    let known = candor::knowledge::store::known_files(app.engine.database(), app.bikes.workspace).await.unwrap();
    assert_eq!(known.len(), BIKES.len());

    proxy.open();
    let answer = eventually("the index is back", || async {
        let reply = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
        (reply["decision"] == "answered").then_some(reply)
    })
    .await;
    assert!(answer["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{answer}");
    assert_eq!(generation::mend(&app.engine, |_| ()).await.unwrap(), generation::Mended::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_index_slows_answers_down_and_a_very_slow_one_is_not_waited_for() {
    let Some(mut servers) = Servers::find().await else { return };
    let proxy = servers.before_qdrant().await;
    let app = servers.app().await;
    proxy.slow_down(Duration::from_millis(300));
    let answer = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert!(answer["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{answer}");
    proxy.slow_down(Duration::from_secs(60));
    let handed_over = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert_eq!(handed_over["reason"], "search_failure", "{handed_over}");
    assert_eq!(app.get("/readyz").send().await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_lost_its_collection_gets_it_again_from_the_database() {
    let Some(servers) = Servers::find().await else { return };
    let app = servers.app().await;
    let points = app.engine.generation().index.total().await.unwrap();
    let name = app.engine.generation().row.id.clone();
    candor::index::remove_collections(&qdrant().unwrap(), &[name]).await.unwrap();
    let handed_over = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert_eq!(handed_over["reason"], "search_failure", "{handed_over}");
    let mended = generation::mend(&app.engine, |_| ()).await.unwrap();
    assert_eq!((mended.restored, mended.swept), (points, 0));
    let answer = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert!(answer["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_installation_moves_to_a_server_without_embedding_anything() {
    let Some(servers) = Servers::find().await else { return };
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let (bikes, points) = (app.bikes.clone(), app.engine.generation().index.total().await.unwrap());
    let before = app.search(&app.bikes, "battery charges").await;
    let folder = app.close().await;
    let mut settings = config(folder.path());
    settings.qdrant_url = Some(servers.qdrant.clone());
    let engine = eventually("the data folder is free", || {
        let settings = settings.clone();
        async move { Engine::open(settings, Clock::fixed(NOW_MS), Ids::Random, Unfit::Refuse).await.ok() }
    })
    .await;
    let moved = transfer::from_edge(&engine, |_, _| ()).await.unwrap();
    assert_eq!(moved.points, points);
    assert_eq!(generation::mend(&engine, |_| ()).await.unwrap(), generation::Mended::default());
    let query = candor::search::SearchQuery::new("battery charges", 10);
    let mut stages = candor::telemetry::Stages::default();
    let found = candor::search::search(&engine, bikes.workspace, &query, &mut stages).await.unwrap();
    assert_eq!(found.passages.len(), before.len());
    for (passage, before) in found.passages.iter().zip(before) {
        assert_eq!(passage.text, before["text"].as_str().unwrap());
        assert!((f64::from(passage.score) - before["score"].as_f64().unwrap()).abs() < 1e-4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_connection_that_is_lost_in_the_middle_is_a_503_and_never_half_a_turn() {
    let Some(mut servers) = Servers::find().await else { return };
    let Some(proxy) = servers.before_postgres().await else { return };
    let app = servers.app().await;
    let app = std::sync::Arc::new(app);
    let asking: Vec<_> = (0..6)
        .map(|visitor| {
            let app = std::sync::Arc::clone(&app);
            tokio::spawn(async move {
                let (mut answered, mut refused) = (0, 0);
                for _ in 0..25 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    let body = json!({ "sessionId": format!("v{visitor}"), "message": QUESTION_OF_BIKES });
                    let reply = app.post("/chat/query", &body).key(&app.bikes.secret).send().await;
                    match reply.status.as_u16() {
                        200 => answered += 1,
                        503 => {
                            reply.problem(503, "dependency_unavailable");
                            refused += 1;
                        }
                        _ => panic!("{}", reply.text()),
                    }
                }
                (answered, refused)
            })
        })
        .collect();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(40)).await;
        proxy.shut();
        tokio::time::sleep(Duration::from_millis(5)).await;
        proxy.open();
    }
    let (mut answered, mut refused) = (0, 0);
    for (visitor, outcome) in asking.into_iter().enumerate() {
        let (yes, no) = outcome.await.unwrap();
        (answered, refused) = (answered + yes, refused + no);
        // A turn is two messages or none; one whose commit was not heard of may be there, and is whole.
        let history = app.get(&format!("/chat/sessions/v{visitor}/messages?limit=100")).key(&app.bikes.secret);
        let history = history.send().await.json();
        let total = history["total"].as_i64().unwrap_or_default();
        assert!(total % 2 == 0 && total >= 2 * i64::from(yes), "{yes} answered, {total} messages");
    }
    assert!(answered > 0 && refused > 0, "{answered} answered, {refused} refused: the door was shut in vain");
    // With the door open, everybody is answered again.
    for visitor in 0..6 {
        let body = json!({ "sessionId": format!("v{visitor}"), "message": QUESTION_OF_BIKES });
        let reply = app.post("/chat/query", &body).key(&app.bikes.secret).send().await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_have_the_same_tables_columns_and_indexes() {
    let Some(url) = postgres_url() else {
        eprintln!("skipped: TEST_POSTGRES_URL is not set");
        return;
    };
    let postgres = candor::database::Database::open(&fresh_schema(&url).await).await.unwrap();
    postgres.migrate(std::path::Path::new("")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sqlite_url = SecretString::from(format!("sqlite:{}", folder.path().join("a.sqlite").display()));
    let sqlite = candor::database::Database::open(&sqlite_url).await.unwrap();
    sqlite.migrate(&folder.path().join("lock")).await.unwrap();
    let (one, other) = (crate::schema::of(&sqlite).await, crate::schema::of(&postgres).await);
    assert!(one.len() > 100, "{one:?}");
    assert_eq!(one, other);
}
