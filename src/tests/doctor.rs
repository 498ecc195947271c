//! What `candor doctor` says of a healthy installation and of the ways in which one is not.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use candor::config::Config;
use candor::doctor::{Finding, Report, Seen, Verdict, examine, findings};
use candor::http::local::{self, AddressFile};
use candor::ids::{ChunkId, Ids, VersionId};
use candor::index::{Point, Terms, remove_collections};
use candor::inference::token_projection;
use tempfile::TempDir;

use crate::app::{NOW_MS, Tenant, TestApp, config};
use crate::indexes::qdrant;

/// A point that no chunk of any article has.
fn orphan(dimension: usize) -> Point {
    let unit = |floats: usize| {
        let mut vector = vec![0.0; floats];
        vector[0] = 1.0;
        vector
    };
    Point {
        chunk: ChunkId::of(VersionId::new(&Ids::Random, NOW_MS), "no generation", 0),
        dense: unit(dimension),
        tokens: vec![unit(token_projection::DIMENSION)],
        sentences: vec![unit(dimension)],
        title: unit(dimension),
        terms: Terms::default(),
        title_terms: Terms::default(),
        tags: Vec::new(),
    }
}

/// Every file below `folder`. What SQLite has beside its database while it is open is not the installation's.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if !path.to_string_lossy().ends_with("-shm") && !path.to_string_lossy().ends_with("-wal") {
            files.insert(path);
        }
    }
    files
}

async fn lose_points(app: &TestApp, tenant: &Tenant, points: usize) {
    let index = &app.engine.generation().index;
    let there = index.chunks(tenant.workspace).await.unwrap();
    index.delete(tenant.workspace, &there[..points]).await.unwrap();
}

#[track_caller]
fn verdict<'a>(checks: &'a [Finding], check: &str) -> &'a Verdict {
    &checks.iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("no check {check}")).verdict
}

/// That the check finds something wrong, whose cause and remedy hold these words.
#[track_caller]
fn is_wrong(checks: &[Finding], check: &str, words: [&str; 2]) {
    match verdict(checks, check) {
        Verdict::Wrong { cause, remedy } => {
            assert!(cause.contains(words[0]) && remedy.contains(words[1]), "{cause} | {remedy}");
        }
        other => panic!("{check}: {other:?}"),
    }
}

/// That no other check finds something wrong.
#[track_caller]
fn only_wrong(report: &Report, checks: &[&str]) {
    let wrong = report.checks.iter().filter(|finding| matches!(finding.verdict, Verdict::Wrong { .. }));
    assert_eq!(wrong.map(|finding| finding.check).collect::<Vec<_>>(), checks, "{report:#?}");
}

async fn started() -> (TestApp, usize) {
    let app = TestApp::start().await;
    let dimension = app.engine.embedder().identity().dimension;
    (app, dimension)
}

async fn examined(folder: &TempDir) -> Report {
    examine(&config(folder.path())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_installation_is_well_and_stays_as_it_is() {
    let (app, _) = started().await;
    let chunks = app.engine.generation().index.total().await.unwrap();
    let folder = app.close().await;
    let before = files(folder.path());
    for _ in 0..2 {
        let report = examined(&folder).await;
        // The engine itself clears up journals that are done with.
        let made: Vec<PathBuf> = files(folder.path()).difference(&before).cloned().collect();
        assert!(made.is_empty(), "{made:?}");
        only_wrong(&report, &[]);
        assert!(!report.is_wrong() && !report.is_incomplete(), "{report:#?}");
        let health = report.index.unwrap();
        assert_eq!((health.chunks(), health.missing(), health.left_over()), (chunks, 0, 0));
        assert_eq!(health.workspaces.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_were_lost_are_counted_in_their_workspace() {
    let (app, _) = started().await;
    lose_points(&app, &app.bikes, 2).await;
    let workspace = app.bikes.workspace;
    let folder = app.close().await;
    let report = examined(&folder).await;
    only_wrong(&report, &["index against SQL"]);
    is_wrong(
        &report.checks,
        "index against SQL",
        [&format!("{workspace}: 2 missing, 0 left over"), "start the server"],
    );
    let health = report.index.unwrap();
    assert_eq!((health.missing(), health.left_over()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_no_chunk_has_are_counted_also_those_of_no_workspace() {
    let (app, dimension) = started().await;
    let nobody = candor::ids::WorkspaceId::new(&Ids::Random, NOW_MS);
    for workspace in [app.bread.workspace, nobody] {
        app.engine.generation().index.upsert(workspace, vec![orphan(dimension)]).await.unwrap();
    }
    let folder = app.close().await;
    let report = examined(&folder).await;
    only_wrong(&report, &["index against SQL"]);
    is_wrong(&report.checks, "index against SQL", ["2 points have no chunk", "nobody sees them"]);
    let health = report.index.unwrap();
    assert_eq!((health.missing(), health.left_over(), health.strays), (0, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_model_is_named_and_the_index_is_compared_without_it() {
    let (app, _) = started().await;
    let folder = app.close().await;
    // A model's folder that lacks a file.
    let models = tempfile::tempdir().unwrap();
    let settings = config(folder.path());
    let (from, to) = (settings.models_dir.join("all-MiniLM-L6-v2"), models.path().join("all-MiniLM-L6-v2"));
    std::fs::create_dir(&to).unwrap();
    std::fs::copy(from.join("config.json"), to.join("config.json")).unwrap();
    let report = examine(&Config { models_dir: models.path().to_owned(), ..settings.clone() }).await;
    only_wrong(&report, &["embedding model"]);
    is_wrong(&report.checks, "embedding model", ["model.safetensors", "make setup"]);
    assert!(matches!(verdict(&report.checks, "index's model"), Verdict::Unknown { .. }));
    assert_eq!(report.index.unwrap().missing(), 0);

    let nowhere = Path::new("/nowhere/libonnxruntime.so").to_owned();
    let report = examine(&Config { runtime_library: nowhere, ..settings }).await;
    only_wrong(&report, &["ONNX Runtime"]);
    is_wrong(&report.checks, "ONNX Runtime", ["/nowhere/libonnxruntime.so", "CANDOR_RUNTIME_LIBRARY"]);
    assert!(matches!(verdict(&report.checks, "embedding model"), Verdict::Unknown { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_index_is_said_to_be_damaged_and_is_not_made() {
    let (app, _) = started().await;
    let generation = app.engine.generation().row.id.clone();
    let folder = app.close().await;
    let index = config(folder.path()).index_dir().join(generation);
    std::fs::remove_dir_all(&index).unwrap();
    let report = examined(&folder).await;
    is_wrong(&report.checks, "index against SQL", ["it is not there", "candor reindex"]);
    assert!(!index.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_another_model_or_other_chunks_is_told_apart() {
    let (app, _) = started().await;
    let folder = app.close().await;
    let mut seen = Seen::look(&config(folder.path())).await;
    let model = seen.model.as_mut().unwrap();
    model.embedding = "another-model".to_owned();
    model.chunker = "another-chunker".to_owned();
    let checks = findings(&seen);
    is_wrong(&checks, "index's model", ["this program has another-model", "candor reindex"]);
    is_wrong(&checks, "index's chunks", ["cuts by another-chunker", "cuts anew"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_and_an_index_out_of_order_are_said() {
    let (app, _) = started().await;
    let folder = app.close().await;
    let mut seen = Seen::look(&config(folder.path())).await;
    seen.free_bytes = Ok(1 << 20);
    seen.index.as_mut().unwrap().segments.pending = Some("the server is optimising".to_owned());
    let checks = findings(&seen);
    is_wrong(&checks, "free disk", ["1 MiB are free", "free some space"]);
    is_wrong(&checks, "index's order", ["the server is optimising", "without an ingest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    let report = examine(&config(&nothing)).await;
    assert!(report.is_wrong() && report.index.is_none());
    is_wrong(&report.checks, "data folder", ["there is no data folder", "candor workspace create"]);
    assert!(!nothing.exists());

    std::fs::create_dir(&nothing).unwrap();
    let report = examine(&config(&nothing)).await;
    only_wrong(&report, &["database"]);
    assert!(!nothing.join("candor.sqlite").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_is_asked_for_what_only_it_can_see() {
    let (app, _) = started().await;
    lose_points(&app, &app.bikes, 1).await;
    // A program that is no server: nothing is wrong that can be seen, and not all can be.
    let report = examined(&app.folder).await;
    assert!(report.is_incomplete() && !report.is_wrong(), "{report:#?}");
    assert!(matches!(verdict(&report.checks, "index against SQL"), Verdict::Unknown { .. }));

    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let token = "a token".to_owned().into();
    let address = AddressFile::leave(app.folder.path(), listener.local_addr().unwrap(), &token).unwrap();
    let door = tokio::spawn(axum::serve(listener, local::router(app.engine.clone(), token)).into_future());
    let report = examined(&app.folder).await;
    only_wrong(&report, &["index against SQL"]);
    is_wrong(&report.checks, "index against SQL", ["1 missing", "the server restores them"]);
    assert!(!report.is_incomplete(), "{report:#?}");

    // One that has gone and left its address, while another program has the folder.
    door.abort();
    let _ = door.await;
    let report = examined(&app.folder).await;
    assert!(report.is_incomplete() && !report.is_wrong(), "{report:#?}");
    drop(address);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_is_seen_of_an_index_on_a_server() {
    let Some(address) = qdrant() else {
        eprintln!("skipped: QDRANT_TEST_URL is not set");
        return;
    };
    let app = TestApp::with_ids(Ids::Random, |config| config.qdrant_url = Some(address.url.clone())).await;
    let generation = app.engine.generation().row.id.clone();
    let settings = app.engine.config().clone();
    lose_points(&app, &app.bikes, 1).await;
    let folder = app.close().await;
    let report = examine(&settings).await;
    only_wrong(&report, &["index against SQL"]);
    assert_eq!(report.index.unwrap().missing(), 1);
    remove_collections(&address, &[generation]).await.unwrap();
    let report = examine(&settings).await;
    is_wrong(&report.checks, "index against SQL", ["does not have this installation's collection", "makes it again"]);
    drop(folder);
}
