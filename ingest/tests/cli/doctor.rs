//! `candor doctor` as a person runs it: its exit codes, beside a server and without one.

use serde_json::json;

use crate::articles;
use crate::site::Site;

fn site() -> Site {
    let site = Site::new();
    site.write(&articles::name(0), articles::text(0, 0));
    site.ingest_all();
    site
}

#[test]
fn all_is_well_beside_a_server_and_without_one() {
    let site = site();
    let before = site.candor(&["doctor"]).succeeds();
    assert!(before.stdout.lines().all(|line| line.starts_with("ok ")), "{}", before.stdout);
    let server = site.serve();
    let beside = site.candor(&["doctor", "--json"]).succeeds().json();
    assert!(beside["checks"].as_array().unwrap().iter().all(|check| check["outcome"] == "well"), "{beside:#}");
    assert_eq!(beside["index"]["workspaces"][0]["missing"], json!(0), "{beside:#}");
    server.stop();
}

#[test]
fn an_index_that_is_gone_is_exit_code_1_with_its_remedy() {
    let site = site();
    std::fs::remove_dir_all(site.data().join("index")).unwrap();
    let ran = site.candor(&["doctor"]).ends_with(1);
    assert!(
        ran.stdout.contains("WRONG    index against SQL") && ran.stdout.contains("→ run `candor reindex`"),
        "{ran:?}"
    );
    site.candor(&["reindex"]).succeeds();
    site.candor(&["doctor"]).succeeds();
}

#[test]
fn what_another_program_holds_could_not_be_looked_at() {
    let site = site();
    let lock = std::fs::File::create(site.data().join("candor.lock")).unwrap();
    lock.lock().unwrap();
    let ran = site.candor(&["doctor"]).ends_with(2);
    assert!(ran.stdout.contains("unknown  index against SQL") && !ran.stdout.contains("WRONG"), "{ran:?}");
}
