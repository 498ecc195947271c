//! What cannot be ingested: the exit code, the sentence, and that the rest goes on.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::json;

use crate::articles;
use crate::look::Look;
use crate::site::{NOWHERE, Ran, Running, Site, until};

const ARTICLE: &str = "# Bells\n\nA bell is rung with the thumb of the left hand.\n";

#[test]
fn a_folder_that_is_not_there_is_named() {
    let site = Site::new();
    site.ingest(&["elsewhere"]).ends_with(2).says(&["elsewhere cannot be read"]);
}

#[test]
fn a_folder_without_articles_is_an_error() {
    let site = Site::new();
    site.write("logo.png", "no article");
    site.ingest(&["docs"]).ends_with(2).says(&["there is no article"]);
}

#[test]
fn an_unknown_workspace_is_named_with_where_to_look() {
    let mut site = Site::new();
    site.write("a.md", ARTICLE);
    site.workspace = "0192f3a4-0000-7000-8000-000000000000".into();
    site.ingest(&["docs"]).ends_with(2).says(&["there is no workspace 0192f3a4", "candor workspace list"]);
}

#[test]
fn pruning_by_a_single_file_is_refused() {
    let site = Site::new();
    site.write("a.md", ARTICLE);
    site.ingest(&["docs/a.md", "--prune"]).ends_with(2).says(&["--prune", "not a single file"]);
}

#[test]
fn what_make_setup_brings_is_asked_for_by_name() {
    let site = Site::new();
    site.write("a.md", ARTICLE);
    for (variable, part) in
        [("CANDOR_RUNTIME_LIBRARY", "the ONNX Runtime library is not there"), ("CANDOR_MODELS_DIR", "model")]
    {
        let mut command = site.ingest_command(&["docs"]);
        command.env(variable, NOWHERE);
        Ran::of(&mut command).ends_with(2).says(&["make setup", variable, part, NOWHERE]);
        let mut command = site.candor_command(&["serve"]);
        command.env(variable, NOWHERE);
        Ran::of(&mut command).ends_with(2).says(&["make setup", variable, part, NOWHERE]);
    }
    assert_eq!(Look::into(&site).sources(), Vec::<String>::new());
}

/// Bad files of each kind with what is said of them.
pub fn write_bad_files(site: &Site) -> [(&'static str, &'static str); 5] {
    site.write("binary.md", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0\x01\0\0\0");
    site.write("latin.md", b"Caf\xe9 au lait, by hand\n");
    site.write("empty.md", "");
    site.write("large.md", "a line\n".repeat(700_000));
    site.write("huge.txt", "a line\n".repeat(9 << 20));
    [
        ("binary.md", "The file is binary, not text."),
        ("latin.md", "The file is not valid UTF-8: the byte at offset 3"),
        ("empty.md", "The file has no text that a reader could see."),
        ("large.md", "The file has 4900000 bytes; the limit is 4194304."),
        ("huge.txt", "The file has 66060288 bytes; the limit is 4194304."),
    ]
}

/// Checks that each bad file is named with its reason in the summary.
pub fn check_bad_files_are_named(ran: &Ran, bad: &[(&str, &str)]) {
    for (file, why) in bad {
        assert!(ran.stdout.contains(&format!("could not ingest: {file}: {why}")), "{file}: {}", ran.stdout);
    }
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let site = Site::new();
    let bad = write_bad_files(&site);
    site.write("a.md", ARTICLE);
    site.write("z.md", ARTICLE);
    // What lies behind a link was not given, also when there is nothing.
    std::os::unix::fs::symlink(site.docs().join("gone.md"), site.docs().join("dangling.md")).unwrap();
    let ran = site.ingest(&["docs"]).ends_with(1);
    check_bad_files_are_named(&ran, &bad);
    assert!(ran.stdout.contains("2 added, 0 changed, 0 unchanged, 0 removed, 5 failed"), "{}", ran.stdout);
    assert_eq!(Look::into(&site).sources(), ["a.md", "z.md"]);
}

#[test]
fn a_file_that_turns_bad_keeps_its_article() {
    let site = Site::new();
    site.write("a.md", ARTICLE);
    site.ingest_all();
    site.write("a.md", "");
    site.ingest(&["docs", "--prune"]).ends_with(1);
    assert_eq!(Look::into(&site).sources(), ["a.md"]);
}

#[test]
fn a_name_that_is_not_utf_8_is_named_as_well_as_can_be() {
    let site = Site::new();
    site.write("a.md", ARTICLE);
    std::fs::write(site.docs().join(OsStr::from_bytes(b"caf\xe9.md")), ARTICLE).unwrap();
    let ran = site.ingest(&["docs", "--json"]).ends_with(1).json();
    assert_eq!(ran["added"], json!(["a.md"]));
    assert_eq!(ran["failed"], json!([{ "file": "caf\u{fffd}.md", "error": "its name is not UTF-8" }]));
}

#[test]
fn a_file_that_vanishes_on_the_way_is_named_and_the_others_are_in() {
    let site = Site::new();
    articles::write(&site, 0..30, 0);
    site.write("zz.md", ARTICLE);
    let look = Look::into(&site);
    let run = Running::start(&mut site.ingest_command(&["docs", "--json"]));
    // The first of thirty is in: the last one is planned, and not read again yet.
    until("the first article is published", || (look.changes() > 0).then_some(()));
    site.remove("zz.md");
    let ran = run.end().ends_with(1).json();
    assert_eq!(ran["added"].as_array().unwrap().len(), 30);
    assert_eq!(ran["failed"][0]["file"], "zz.md");
}

#[test]
fn a_reader_who_closes_the_pipe_changes_nothing_of_what_is_done() {
    let site = Site::new();
    write_bad_files(&site);
    site.write("a.md", ARTICLE);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = site.ingest_command(&["docs"]);
    let status = command.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(Look::into(&site).sources(), ["a.md"]);
}
