//! Backups: made while others publish and ask, restored into an empty installation that then answers the same, and refused
//! without changing anything where that cannot be.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use candor::backup::manifest::Manifest;
use candor::backup::restore::{Made, Restored};
use candor::backup::verify::verify;
use candor::backup::{self, BackedUp, BackupError, restore, store};
use candor::clock::Clock;
use candor::config::{Config, Precision};
use candor::database::Database;
use candor::engine::{OpenError, Unfit};
use candor::http::router;
use candor::ids::Ids;
use candor::knowledge::generation::{self, Mended};
use candor::knowledge::store as knowledge;
use candor::people::store as people;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{NOW_MS, QUESTION_OF_BIKES, SECRET_OF_BIKES, Tenant, TestApp, config, open, publish};
use crate::indexes::qdrant;
use crate::stores::postgres_url;

/// What the articles of the bicycle shop answer, and what they do not.
const QUESTIONS: [&str; 4] = [
    QUESTION_OF_BIKES,
    "How long until the battery charges?",
    "When is the refund paid?",
    "Who is the king of Sweden?",
];

/// A database of its own in the PostgreSQL at `url`: `pg_dump` takes the whole of a schema's name along, so that one in a
/// test's schema could only be restored into the same one.
async fn fresh_database(url: &str) -> SecretString {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("backup_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    let administration = sqlx::PgPool::connect(url).await.unwrap();
    for statement in [format!("drop database if exists {name}"), format!("create database {name}")] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&administration).await.unwrap();
    }
    administration.close().await;
    let mut url = reqwest::Url::parse(url).unwrap();
    url.set_path(&name);
    url.to_string().into()
}

/// Settings that lead to a fresh PostgreSQL database and a Qdrant server; `None`, and says so, where one is missing.
async fn on_servers() -> Option<impl Fn(&mut Config) + Clone> {
    let (Some(postgres), Some(qdrant)) = (postgres_url(), qdrant()) else {
        eprintln!("skipped: TEST_POSTGRES_URL and QDRANT_TEST_URL are not both set");
        return None;
    };
    let database = fresh_database(&postgres).await;
    Some(move |config: &mut Config| {
        config.database_url = Some(database.clone());
        config.qdrant_url = Some(qdrant.url.clone());
    })
}

async fn back_up(config: &Config, folder: &Path) -> BackedUp {
    backup::backup(config, &Clock::fixed(NOW_MS), folder, |_| ()).await.unwrap()
}

/// Restores into the data folder `data_dir`, with other settings.
async fn try_restore(
    folder: &Path,
    data_dir: &Path,
    change: impl FnOnce(&mut Config),
) -> Result<Restored, BackupError> {
    let mut config = config(data_dir);
    change(&mut config);
    restore::restore(config, Clock::fixed(NOW_MS), Ids::Random, folder, |_| ()).await
}

/// Why it is not restored.
async fn refusal(folder: &Path, data_dir: &Path, change: impl FnOnce(&mut Config)) -> BackupError {
    let Err(error) = try_restore(folder, data_dir, change).await else { panic!("it was restored") };
    error
}

/// The restored installation with the keys of the one that was backed up.
fn app_of(restored: &Restored, before: &TestApp, folder: TempDir) -> TestApp {
    let engine = restored.engine.clone();
    engine.readiness().compared();
    TestApp {
        router: router(engine.clone()),
        clock: engine.clock().clone(),
        engine,
        bikes: before.bikes.clone(),
        bread: before.bread.clone(),
        empty: before.empty.clone(),
        folder: Arc::new(folder),
    }
}

/// What is answered, without what is new with each answer.
async fn answers(app: &TestApp, tenant: &Tenant, session: &str) -> Vec<Value> {
    let mut answers = Vec::new();
    for (number, question) in QUESTIONS.iter().enumerate() {
        let reply = app.ask(tenant, &format!("{session}-{number}"), question).await;
        let confidence = reply["confidence"].as_f64().map(|confidence| format!("{confidence:.3}"));
        // An escalation's answer names its ticket.
        let answer = reply.get("ticketId").is_none().then(|| reply["answer"].clone());
        let (decision, reason, citations) = (&reply["decision"], &reply["reason"], &reply["citations"]);
        answers.push(json!([decision, reason, answer, citations, confidence]));
    }
    answers
}

/// A session's messages and the ticket that it led to, as a person sees them.
async fn record(app: &TestApp, tenant: &Tenant, session: &str, ticket: &str) -> Value {
    let messages = app.get(&format!("/chat/sessions/{session}/messages")).key(&tenant.secret).send().await.json();
    let ticket = app.get(&format!("/tickets/{ticket}")).key(&tenant.secret).send().await.json();
    json!([messages, ticket])
}

/// Backs an installation up while others publish and ask, restores it into another, and asks that.
async fn the_restored_answers_as_the_original(source: impl FnOnce(&mut Config), target: impl FnOnce(&mut Config)) {
    let app = Arc::new(TestApp::with_ids(Ids::Random, source).await);
    // A generation that is retired stands in the backup too.
    generation::rebuild(&app.engine, |_, _| ()).await.unwrap();
    let before = answers(&app, &app.bikes, "before").await;
    assert_eq!(before[0][0], "answered", "{before:?}");
    let escalated = app.ask(&app.empty, "visitor", "Where is my order?").await;
    let ticket = escalated["ticketId"].as_str().unwrap().to_owned();
    let recorded = record(&app, &app.empty, "visitor", &ticket).await;

    let busy = Arc::new(AtomicBool::new(true));
    let working = {
        let (app, busy) = (Arc::clone(&app), Arc::clone(&busy));
        tokio::spawn(async move {
            let mut rounds = 0;
            while busy.load(Ordering::SeqCst) {
                let text = format!("# Rye {rounds}\n\nRye bread {rounds} rests for {} hours.\n", rounds + 100);
                publish(&app.engine, &app.bread, &format!("rye-{rounds}.md"), &text).await;
                app.ask(&app.bread, &format!("rye-{rounds}"), "How long does rye bread rest?").await;
                rounds += 1;
            }
            rounds
        })
    };
    let backups = tempfile::tempdir().unwrap();
    crate::app::eventually("something is published", || async {
        let known = knowledge::known_files(app.engine.database(), app.bread.workspace).await.unwrap();
        (known.len() > crate::app::BREAD.len()).then_some(())
    })
    .await;
    let made = back_up(app.engine.config(), backups.path()).await;
    busy.store(false, Ordering::SeqCst);
    let rounds = working.await.unwrap();
    publish(&app.engine, &app.bikes, "tandem.md", "# Tandems\n\nA tandem costs 31 euros a day and seats two.\n").await;

    let folder = tempfile::tempdir().unwrap();
    let restored = try_restore(&made.folder, folder.path(), target).await.unwrap();
    assert_eq!(restored.rows, made.manifest.content.rows);
    assert_eq!(restored.index, Made::Mended);
    let verified = verify(&restored.engine).await.unwrap();
    assert!(verified.is_whole() && verified.asked >= 6, "{verified:?}");
    let there = app_of(&restored, &app, folder);
    assert_eq!(crate::schema::of(there.engine.database()).await, crate::schema::of(app.engine.database()).await);
    assert_eq!(record(&there, &there.empty, "visitor", &ticket).await, recorded);
    assert_eq!(answers(&there, &there.bikes, "after").await, before);
    // What was going on is there as far as it had come: each article that is known is found, each question has its answer.
    let known = knowledge::known_files(there.engine.database(), there.bread.workspace).await.unwrap().len();
    assert!(known > crate::app::BREAD.len() && known <= crate::app::BREAD.len() + rounds, "{known} of {rounds}");
    for round in 0..rounds {
        let history = there.get(&format!("/chat/sessions/rye-{round}/messages")).key(&there.bread.secret);
        let history = history.send().await;
        assert!(history.status == 404 || history.json()["total"] == 2, "{}", history.text());
    }
    // Neither has touched the other's index: one goes on with what was published since, the other does not know it.
    assert_eq!(generation::mend(&app.engine, |_| ()).await.unwrap(), Mended::default());
    let answer = app.ask(&app.bikes, "tandem", "What does a tandem cost a day?").await;
    assert!(answer["answer"].as_str().unwrap().contains("31 euros"), "{answer}");
    let answer = there.ask(&there.bikes, "tandem", "What does a tandem cost a day?").await;
    assert!(!answer["answer"].as_str().unwrap().contains("31 euros"), "{answer}");
    assert_ne!(there.engine.generation().row.id, app.engine.generation().row.id);
    assert!(knowledge::generations::retired(there.engine.database()).await.unwrap().is_empty());
    publish(&there.engine, &there.bikes, "cargo.md", "# Cargo bikes\n\nA cargo bike carries 80 kilograms.\n").await;
    assert_eq!(generation::mend(&there.engine, |_| ()).await.unwrap(), Mended::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_installation_is_restored_and_answers_as_before() {
    the_restored_answers_as_the_original(|_| (), |_| ()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_on_servers_is_restored_and_answers_as_before() {
    let (Some(source), Some(target)) = (on_servers().await, on_servers().await) else { return };
    the_restored_answers_as_the_original(source, target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_runs_on_the_empty_database_answers_from_what_is_restored_into_it() {
    let (Some(source), Some(target)) = (on_servers().await, on_servers().await) else { return };
    let app = TestApp::with_ids(Ids::Random, source).await;
    let backups = tempfile::tempdir().unwrap();
    let made = back_up(app.engine.config(), backups.path()).await;
    let (running, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut settings = config(running.path());
    target(&mut settings);
    let server =
        candor::engine::Engine::open(settings, Clock::fixed(NOW_MS), Ids::Random, Unfit::Refuse).await.unwrap();
    let restored = try_restore(&made.folder, other.path(), &target).await.unwrap();
    let (server, restored) = (Restored { engine: server, ..restored }, other);
    let answer = app_of(&server, &app, running).ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert!(answer["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{answer}");
    drop(restored);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_in_a_backup_and_only_its_owner_can_read_it() {
    let app = TestApp::start().await;
    let backups = tempfile::tempdir().unwrap();
    let made = back_up(app.engine.config(), &backups.path().join("new")).await;
    assert!(made.folder.ends_with("candor-20261118T110640Z"), "{}", made.folder.display());
    assert_eq!(Manifest::read(&made.folder).unwrap(), made.manifest);
    let schema = crate::schema::of(app.engine.database()).await;
    let mut tables: Vec<&str> = schema.iter().filter_map(|line| Some(line.split_once('.')?.0)).collect();
    tables.retain(|table| !table.contains(' '));
    tables.dedup();
    tables.push("_sqlx_migrations");
    tables.sort_unstable();
    let backed_up: Vec<&str> = made.manifest.content.rows.keys().map(String::as_str).collect();
    assert_eq!(backed_up, tables);
    assert_eq!(made.manifest.content.rows["articles"], 6);
    #[cfg(unix)]
    for (path, expected) in [("", 0o700), ("manifest.json", 0o600), ("database.sqlite", 0o600)] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&made.folder.join(path).metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, expected, "{path}");
    }
    // A second one in the same second would have the same name.
    let again = backup::backup(app.engine.config(), &app.clock, &backups.path().join("new"), |_| ()).await.unwrap_err();
    assert!(matches!(again, BackupError::Taken { .. }), "{again}");
    assert_eq!(std::fs::read_dir(backups.path().join("new")).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_nothing_nothing_is_backed_up_and_nothing_made() {
    let (data, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (data, backups) = (data.path().join("data"), backups.path().join("backups"));
    let error = backup::backup(&config(&data), &Clock::System, &backups, |_| ()).await.unwrap_err();
    assert!(matches!(error, BackupError::Nothing), "{error}");
    // A database of somebody else's.
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("candor.sqlite"), "").unwrap();
    let error = backup::backup(&config(&data), &Clock::System, &backups, |_| ()).await.unwrap_err();
    assert!(matches!(error, BackupError::Nothing), "{error}");
    assert!(!backups.exists());
}

/// Writes the backup again with another manifest.
fn altered(made: &BackedUp, to: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    std::fs::create_dir(to).unwrap();
    std::fs::copy(made.folder.join("database.sqlite"), to.join("database.sqlite")).unwrap();
    let mut manifest: Value = serde_json::to_value(&made.manifest).unwrap();
    change(&mut manifest);
    std::fs::write(to.join("manifest.json"), manifest.to_string()).unwrap();
    to.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_restored_is_refused_before_anything_is_made() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let made = back_up(app.engine.config(), folder.path()).await;
    let target = folder.path().join("target");
    let place = |name: &str| folder.path().join(name);

    let nowhere = refusal(&place("nowhere"), &target, |_| ()).await;
    assert!(matches!(nowhere, BackupError::NotWhole { .. }), "{nowhere}");
    let interrupted = altered(&made, &place("candor-1.partial"), |_| ());
    std::fs::remove_file(interrupted.join("manifest.json")).unwrap();
    let interrupted = refusal(&interrupted, &target, |_| ()).await;
    assert!(matches!(interrupted, BackupError::NotWhole { .. }), "{interrupted}");

    let damaged = altered(&made, &place("damaged"), |_| ());
    let mut bytes = std::fs::read(damaged.join("database.sqlite")).unwrap();
    bytes[5_000] ^= 1;
    std::fs::write(damaged.join("database.sqlite"), bytes).unwrap();
    let error = refusal(&damaged, &target, |_| ()).await;
    assert!(matches!(&error, BackupError::Damaged { why } if why.contains("SHA-256")), "{error}");
    std::fs::remove_file(damaged.join("database.sqlite")).unwrap();
    let error = refusal(&damaged, &target, |_| ()).await;
    assert!(matches!(&error, BackupError::Damaged { why } if why.contains("is missing")), "{error}");
    std::fs::write(damaged.join("manifest.json"), "{").unwrap();
    let error = refusal(&damaged, &target, |_| ()).await;
    assert!(matches!(&error, BackupError::Damaged { why } if why.contains("manifest.json")), "{error}");

    // A newer format may have nothing in common with this one but its number.
    let newer = altered(&made, &place("newer"), |manifest| *manifest = json!({ "format": 2, "candor": "7.0.0" }));
    let error = refusal(&newer, &target, |_| ()).await;
    assert_eq!(
        error.to_string(),
        "the backup's format 2 is newer than this Candor, which knows 1: use Candor 7.0.0 or a newer one"
    );
    let newer = altered(&made, &place("newer-schema"), |manifest| manifest["schema"] = json!(9_999));
    let error = refusal(&newer, &target, |_| ()).await;
    assert!(matches!(error, BackupError::Newer { what: "the backup's schema", theirs: 9_999, .. }), "{error}");

    // Neither server is asked: nothing listens there.
    let nobody: SecretString = "postgres://candor@127.0.0.1:1/candor".to_owned().into();
    let error = refusal(&made.folder, &target, |config| config.database_url = Some(nobody)).await;
    assert!(error.to_string().contains("of SQLite and the settings name PostgreSQL: unset DATABASE_URL"), "{error}");
    let other = altered(&made, &place("other"), |manifest| manifest["engine"] = json!("postgres"));
    let error = refusal(&other, &target, |_| ()).await;
    assert!(error.to_string().contains("of PostgreSQL and the settings name SQLite: set DATABASE_URL"), "{error}");
    assert!(!target.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_with_a_workspace_stays_as_it_is() {
    let app = TestApp::start().await;
    let backups = tempfile::tempdir().unwrap();
    let made = back_up(app.engine.config(), backups.path()).await;
    let in_use = refusal(&made.folder, app.folder.path(), |_| ()).await;
    assert!(matches!(in_use, BackupError::Open(OpenError::InUse { .. })), "{in_use}");
    // From another data folder the same database can be reached.
    let url: SecretString = format!("sqlite:{}", app.folder.path().join("candor.sqlite").display()).into();
    let other = tempfile::tempdir().unwrap();
    let error = refusal(&made.folder, other.path(), |config| config.database_url = Some(url)).await;
    assert!(matches!(error, BackupError::NotEmpty { workspaces: 3 }), "{error}");
    let answer = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert!(answer["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_on_a_server_with_a_workspace_stays_as_it_is_and_schemas_are_kept_apart() {
    let (Some(source), Some(target)) = (on_servers().await, on_servers().await) else { return };
    let app = TestApp::with_ids(Ids::Random, &source).await;
    let backups = tempfile::tempdir().unwrap();
    let made = back_up(app.engine.config(), backups.path()).await;
    let other = tempfile::tempdir().unwrap();
    let error = refusal(&made.folder, other.path(), &source).await;
    assert!(matches!(error, BackupError::NotEmpty { workspaces: 3 }), "{error}");
    let answer = app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert!(answer["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{answer}");

    let error = refusal(&made.folder, other.path(), |config| {
        target(config);
        let url = secrecy::ExposeSecret::expose_secret(config.database_url.as_ref().unwrap()).to_owned();
        config.database_url = Some(format!("{url}&options[search_path]=pg_catalog").into());
    })
    .await;
    assert!(matches!(&error, BackupError::OtherNamespace { settings, .. } if settings == "pg_catalog"), "{error}");

    // What pg_restore refuses is not there by half, and can be tried again.
    let dump = made.folder.join("database.dump");
    let whole = std::fs::read(&dump).unwrap();
    let cut = &whole[..whole.len() / 2];
    std::fs::write(&dump, cut).unwrap();
    let mut manifest = made.manifest.clone();
    manifest.database.bytes = cut.len() as u64;
    manifest.database.sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(cut));
    std::fs::write(made.folder.join("manifest.json"), serde_json::to_string(&manifest).unwrap()).unwrap();
    let error = refusal(&made.folder, other.path(), &target).await;
    assert!(matches!(&error, BackupError::Program { program: "pg_restore", said } if !said.is_empty()), "{error}");
    std::fs::write(&dump, whole).unwrap();
    std::fs::write(made.folder.join("manifest.json"), serde_json::to_string(&made.manifest).unwrap()).unwrap();
    let restored = try_restore(&made.folder, other.path(), &target).await.unwrap();
    assert!(verify(&restored.engine).await.unwrap().is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_cut_off_opens_nothing_and_can_be_begun_again() {
    let app = TestApp::start().await;
    let (backups, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let made = back_up(app.engine.config(), backups.path()).await;
    {
        let database = Database::open(&config(target.path()).database_url()).await.unwrap();
        store::attach(&database, &made.folder.join("database.sqlite")).await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        store::clear(&mut transaction).await.unwrap();
        store::fill(&mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
        database.close().await;
    }
    let Err(error) = open(config(target.path()), Unfit::Refuse).await else { panic!("it was opened") };
    assert!(matches!(error, OpenError::HalfRestored), "{error}");
    let error = backup::backup(&config(target.path()), &Clock::System, backups.path(), |_| ()).await.unwrap_err();
    assert!(matches!(error, BackupError::Open(OpenError::HalfRestored)), "{error}");
    let restored = try_restore(&made.folder, target.path(), |_| ()).await.unwrap();
    assert!(verify(&restored.engine).await.unwrap().is_whole());
    assert_eq!(people::workspaces(restored.engine.database()).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_another_model_is_embedded_anew() {
    let app = TestApp::start().await;
    let (backups, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let made = back_up(app.engine.config(), backups.path()).await;
    let change = |config: &mut Config| config.embedding_precision = Precision::Fp32;
    let restored = try_restore(&made.folder, target.path(), change).await.unwrap();
    assert_eq!(restored.index, Made::Rebuilt);
    assert_eq!(restored.rows, made.manifest.content.rows);
    assert!(verify(&restored.engine).await.unwrap().is_whole());
    let there = app_of(&restored, &app, target);
    let answer = there.ask(&there.bikes, "visitor", QUESTION_OF_BIKES).await;
    assert!(answer["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_on_the_way_is_said() {
    let app = TestApp::start().await;
    let (backups, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let made = back_up(app.engine.config(), backups.path()).await;
    let restored = try_restore(&made.folder, target.path(), |_| ()).await.unwrap();
    let index = restored.engine.generation().index.clone();
    let chunks = index.chunks(app.bikes.workspace).await.unwrap();
    index.delete(app.bikes.workspace, &chunks[..2]).await.unwrap();
    let verified = verify(&restored.engine).await.unwrap();
    assert!(!verified.is_whole());
    assert_eq!(verified.differences, Mended { restored: 2, swept: 0 });
}
