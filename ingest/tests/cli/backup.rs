//! `candor backup` and `candor restore` as a person runs them: beside a server, and into a folder that is thrown away.

use std::path::Path;

use serde_json::{Value, json};

use crate::articles;
use crate::site::{Asker, Ran, Server, Site};

const ARTICLES: usize = 6;

/// `candor` with these arguments on another data folder.
fn candor_on(site: &Site, data: &Path, arguments: &[&str]) -> Ran {
    Ran::of(site.candor_command(arguments).env("CANDOR_DATA_DIR", data))
}

#[test]
fn what_is_backed_up_beside_a_server_is_restored_and_answers_the_same() {
    let site = Site::new();
    for number in 0..ARTICLES {
        site.write(&articles::name(number), articles::text(number, 0));
    }
    site.ingest_all();
    let server = site.serve();
    let key = site.key("secret", "chat,tickets");
    let asker = Asker::new(&server.url, key["key"].as_str().unwrap());
    let answers = |asker: &Asker| -> Vec<Value> {
        let questions = (0..ARTICLES).map(articles::question);
        questions
            .map(|question| asker.ask(&question))
            .map(|reply| json!([reply["answer"], reply["citations"]]))
            .collect()
    };
    let before = answers(&asker);

    let made = site.candor(&["backup", "backups"]).succeeds();
    let folder = made.stdout.trim();
    assert!(folder.starts_with("backups/candor-2") && folder.ends_with('Z'), "{made:?}");
    // Nothing is said where nobody looks on.
    assert_eq!(made.stderr, "");
    let other = site.docs().with_file_name("restored");
    let restored = candor_on(&site, &other, &["restore", folder, "--verify", "--json"]).succeeds().json();
    assert_eq!((&restored["articles"], &restored["index"]), (&json!(ARTICLES), &json!("mended")), "{restored:#}");
    assert_eq!(restored["faults"], json!([]), "{restored:#}");
    assert!(restored["verified"]["asked"].as_u64().unwrap() >= 10, "{restored:#}");

    // Keys and sessions came along; the first server has noticed nothing.
    let second = Server::start(site.candor_command(&["serve"]).env("CANDOR_DATA_DIR", &other));
    assert_eq!(answers(&Asker::new(&second.url, key["key"].as_str().unwrap())), before);
    assert_eq!(answers(&asker), before);

    let refused = candor_on(&site, &other, &["restore", folder]).ends_with(2);
    assert!(refused.stderr.contains("in use by another Candor process"), "{}", refused.stderr);
    second.stop();
    candor_on(&site, &other, &["restore", folder]).ends_with(2).says(&["is not empty", "nothing was changed"]);
}

#[test]
fn a_restored_installation_that_is_not_what_it_was_is_exit_code_1() {
    let site = Site::new();
    site.write(&articles::name(0), articles::text(0, 0));
    site.ingest_all();
    let made = site.candor(&["backup", "backups", "--json"]).succeeds().json();
    let manifest = site.docs().with_file_name(made["folder"].as_str().unwrap()).join("manifest.json");
    let told = std::fs::read_to_string(&manifest).unwrap().replace("\"articles\": 1", "\"articles\": 2");
    std::fs::write(&manifest, told).unwrap();
    let other = site.docs().with_file_name("restored");
    let ran = candor_on(&site, &other, &["restore", made["folder"].as_str().unwrap(), "--verify"]).ends_with(1);
    assert!(ran.stdout.contains("not as it was: table articles has 1 rows, the backup 2"), "{}", ran.stdout);
}

#[test]
fn a_password_is_not_printed_when_a_backup_fails() {
    let site = Site::new();
    let mut command = site.candor_command(&["backup", "backups"]);
    command.env("DATABASE_URL", "postgres://candor:hunter2@127.0.0.1:1/candor");
    let ran = Ran::of(&mut command).ends_with(2).says(&["the database cannot be reached"]);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    assert!(!site.docs().with_file_name("backups").exists());
}
