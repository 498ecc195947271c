//! The same command while a server runs on the data folder.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use candor::database::Database;
use candor::index::remove_collections;
use candor::knowledge::store::generations;
use serde_json::{Value, json};

use crate::articles;
use crate::look::Look;
use crate::refusals::{check_bad_files_are_named, write_bad_files};
use crate::site::{Ran, Site, runtime, until};
use crate::stack::Stack;
use crate::stored::Stored;

const BELLS: &str = "# Bells\n\nA bell is rung with the thumb of the left hand.\n";

#[test]
fn an_article_is_answered_right_after_it_was_ingested_beside_the_server() {
    let site = Site::new();
    let server = site.serve();
    let asker = site.asker(&server);
    assert_eq!(asker.search("How is a bell rung?"), Vec::<Value>::new());
    site.write("bells.md", BELLS);
    assert_eq!(site.ingest_all()["added"], json!(["bells.md"]));
    assert_eq!(asker.search("How is a bell rung?")[0]["title"], "Bells");
    let reply = asker.ask("How is a bell rung?");
    assert_eq!(reply["decision"], "answered", "{reply:#}");
    assert!(reply["citations"][0]["quote"].as_str().unwrap().contains("thumb of the left hand"), "{reply:#}");

    site.write("bells.md", "# Bells\n\nA bell is rung with the elbow of the right arm.\n");
    assert_eq!(site.ingest_all()["changed"], json!(["bells.md"]));
    assert!(asker.search("How is a bell rung?")[0]["text"].as_str().unwrap().contains("elbow"));
    site.remove("bells.md");
    site.write("lamps.md", "# Lamps\n\nLamps are charged over night.\n");
    let pruned = site.ingest(&["docs", "--prune", "--json"]).succeeds().json();
    assert_eq!(pruned["removed"], json!(["bells.md"]));
    assert!(asker.search("How is a bell rung?").iter().all(|passage| passage["title"] != "Bells"));
    assert_eq!(site.ingest_all()["unchanged"], json!(1));
    assert!(server.stop().success());
    let (_, counts) = Stored::of(&site);
    assert_eq!((counts.rows, counts.points), (1, 1));
}

#[test]
fn the_servers_address_is_for_this_user_alone_and_goes_with_the_server() {
    let site = Site::new();
    let address = site.data().join("server.json");
    let server = site.serve();
    assert_eq!(std::fs::metadata(&address).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(server.stop().success());
    assert!(!address.exists());
}

#[test]
fn an_address_without_its_server_is_no_obstacle() {
    let site = Site::new();
    site.serve().crash();
    assert!(site.data().join("server.json").exists());
    site.write("bells.md", BELLS);
    assert_eq!(site.ingest_all()["added"], json!(["bells.md"]));
    site.candor(&["reindex"]).succeeds();
    let server = site.serve();
    assert_eq!(site.asker(&server).search("How is a bell rung?")[0]["title"], "Bells");
    assert!(server.stop().success());
}

#[test]
fn bad_files_are_told_apart_through_the_server_too() {
    let site = Site::new();
    let server = site.serve();
    let bad = write_bad_files(&site);
    site.write("a.md", BELLS);
    site.write("z.md", BELLS);
    let ran = site.ingest(&["docs"]).ends_with(1);
    check_bad_files_are_named(&ran, &bad);
    assert!(ran.stdout.contains("2 added, 0 changed, 0 unchanged, 0 removed, 5 failed"), "{}", ran.stdout);
    assert_eq!(Look::into(&site).sources(), ["a.md", "z.md"]);
    assert!(server.stop().success());
}

#[test]
fn an_unknown_workspace_is_named_through_the_server_too() {
    let mut site = Site::new();
    let _server = site.serve();
    site.write("a.md", BELLS);
    site.workspace = "0192f3a4-0000-7000-8000-000000000000".into();
    site.ingest(&["docs"]).ends_with(2).says(&["there is no workspace 0192f3a4"]);
}

#[test]
fn a_server_whose_address_is_not_to_be_had_is_no_reason_to_write_past_it() {
    let site = Site::new();
    let _server = site.serve();
    std::fs::remove_file(site.data().join("server.json")).unwrap();
    site.write("a.md", BELLS);
    site.ingest(&["docs"]).ends_with(2).says(&["is in use by another Candor process"]);
}

#[test]
fn a_second_server_on_the_folder_is_refused_and_leaves_the_first_alone() {
    let site = Site::new();
    let server = site.serve();
    site.candor(&["serve"]).ends_with(2).says(&["is in use by another Candor process", "CANDOR_DATA_DIR"]);
    site.write("bells.md", BELLS);
    assert_eq!(site.ingest_all()["added"], json!(["bells.md"]));
    assert!(server.stop().success());
}

#[test]
fn every_question_is_answered_while_the_index_is_built_again() {
    const ARTICLES: usize = 12;
    let site = Site::new();
    articles::write(&site, 0..ARTICLES, 0);
    site.ingest_all();
    let before = Stored::of(&site).0;
    let server = site.serve();
    let (asker, done) = (site.asker(&server), AtomicBool::new(false));
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (asker, mut asked) = (asker.again(), 0);
            while !done.load(Ordering::Acquire) {
                let number = asked % ARTICLES;
                let passages = asker.search(&articles::question(number));
                assert_eq!(passages[0]["title"], format!("Care of the {}", articles::subject(number)));
                articles::editions(asker.ask(&articles::question(number))["citations"].as_array().unwrap());
                asked += 1;
            }
            asked
        });
        let rebuilt = site.candor(&["reindex", "--json"]);
        done.store(true, Ordering::Release);
        let asked = asking.join().unwrap();
        let rebuilt = rebuilt.succeeds().json();
        assert_eq!(rebuilt["articles"], json!(ARTICLES));
        assert!(rebuilt["generation"].as_str().unwrap().starts_with("2-"), "{rebuilt}");
        asked
    });
    assert!(asked > 0, "nothing was asked while the index was built");
    assert!(server.stop().success());
    assert!(Stored::of(&site).0 == before, "the index that was built again differs from the first");
}

#[test]
fn an_article_of_a_heading_alone_does_not_keep_a_rebuild_from_ending() {
    let site = Site::new();
    site.write("heading.md", "# Bells\n");
    site.write("rule.md", "---\n\n***\n\n![](bell.png)\n\nx\n");
    site.ingest_all();
    site.candor(&["reindex"]).succeeds();
}

#[test]
fn a_server_that_has_stopped_leaves_the_folder_free() {
    let site = Site::new();
    let server = site.serve();
    assert!(server.stop().success());
    // The folder is free again at once.
    site.write("bells.md", BELLS);
    Ran::of(&mut site.ingest_command(&["docs"])).succeeds();
}

#[test]
fn a_running_server_whose_collection_is_lost_answers_from_none_of_it_until_it_has_made_it_again() {
    let Some(site) = Site::on(Stack::Servers) else { return };
    articles::write(&site, 0..5, 0);
    site.ingest_all();
    let server = site.serve();
    let asker = site.asker(&server);
    let found = until("the index was compared", || {
        let (status, reply) = asker.post("/chat/search", &json!({ "query": articles::question(3) })).unwrap();
        (status == 200).then(|| reply["passages"].as_array().unwrap().len())
    });
    let servers = site.servers().unwrap();
    runtime().block_on(async {
        let database = Database::open(&servers.database).await.unwrap();
        let active = generations::active(&database).await.unwrap().unwrap();
        remove_collections(&servers.qdrant, &[active.id]).await.unwrap();
        database.close().await;
    });
    let (status, reply) = asker.try_ask(&articles::question(3)).unwrap();
    assert_eq!((status, reply["reason"].as_str()), (200, Some("search_failure")), "{reply}");
    // Nobody asks for it: the server sees by itself that the index is gone.
    let again = until("the index is whole again", || {
        let (status, reply) = asker.post("/chat/search", &json!({ "query": articles::question(3) })).unwrap();
        assert!([200, 503].contains(&status), "{reply}");
        (status == 200).then(|| reply["passages"].as_array().unwrap().len())
    });
    assert_eq!(again, found, "it answered from a part of the articles");
}
