//! What a run does to a workspace: only what is new or has changed.

use serde_json::json;

use crate::look::Look;
use crate::site::{NOWHERE, Site};

fn three_articles() -> Site {
    let site = Site::new();
    site.write("a.md", "# Bells\n\nA bell is rung with the thumb of the left hand.\n");
    site.write("b.txt", "Lamps are charged over night with the cable in the box.\n");
    site.write("guides/c.markdown", "# Locks\n\nA lock is opened with the app, also without a network.\n");
    site
}

#[test]
fn the_first_run_brings_all_in_and_the_second_does_not_even_load_the_model() {
    let site = three_articles();
    site.write("logo.png", "no article");
    let first = site.ingest(&["docs", "--json"]).succeeds().json();
    assert_eq!(first["added"], json!(["a.md", "b.txt", "guides/c.markdown"]));
    assert_eq!(first["passedOver"], json!({ "png": 1 }));
    assert_eq!((&first["chunks"], &first["unchanged"], &first["dryRun"]), (&json!(3), &json!(0), &json!(false)));

    let mut again = site.ingest_command(&["docs"]);
    again.env("CANDOR_RUNTIME_LIBRARY", NOWHERE).env("CANDOR_MODELS_DIR", NOWHERE);
    let second = crate::site::Ran::of(&mut again).succeeds();
    assert!(second.stdout.contains("0 added, 0 changed, 3 unchanged, 0 removed, 0 failed; 0 chunks"), "{second:?}");
}

#[test]
fn an_edited_file_is_changed_alone_and_a_file_that_has_gone_is_kept_until_it_is_pruned() {
    let site = three_articles();
    site.ingest_all();
    site.write("a.md", "# Bells\n\nA bell is rung twice at each corner of the yard.\n");
    site.remove("b.txt");
    let second = site.ingest_all();
    assert_eq!((&second["added"], &second["changed"]), (&json!([]), &json!(["a.md"])));
    assert_eq!(
        (&second["unchanged"], &second["missing"], &second["removed"]),
        (&json!(1), &json!(["b.txt"]), &json!([]))
    );
    let look = Look::into(&site);
    assert_eq!(look.sources(), ["a.md", "b.txt", "guides/c.markdown"]);

    let told = site.ingest(&["docs"]).succeeds();
    assert!(told.stdout.contains("not in this folder any more, article kept (--prune removes it): b.txt"), "{told:?}");
    let pruned = site.ingest(&["docs", "--prune", "--json"]).succeeds().json();
    assert_eq!((&pruned["removed"], &pruned["missing"]), (&json!(["b.txt"]), &json!([])));
    assert_eq!(look.sources(), ["a.md", "guides/c.markdown"]);
}

#[test]
fn nothing_is_pruned_while_a_part_of_the_folder_cannot_be_looked_at() {
    use std::os::unix::ffi::OsStrExt as _;
    let site = three_articles();
    site.ingest_all();
    site.remove("b.txt");
    let nameless = site.docs().join(std::ffi::OsStr::from_bytes(b"caf\xe9.md"));
    std::fs::write(&nameless, "# Coffee\n").unwrap();
    let pruned = site.ingest(&["docs", "--prune", "--json"]).ends_with(1);
    assert!(pruned.stderr.contains("nothing is removed"), "{pruned:?}");
    let pruned = pruned.json();
    assert_eq!((&pruned["removed"], &pruned["missing"]), (&json!([]), &json!(["b.txt"])));
    std::fs::remove_file(nameless).unwrap();
    let pruned = site.ingest(&["docs", "--prune", "--json"]).succeeds().json();
    assert_eq!(pruned["removed"], json!(["b.txt"]));
}

#[test]
fn an_article_that_was_pruned_comes_back_with_its_file() {
    let site = three_articles();
    site.ingest_all();
    site.remove("a.md");
    site.ingest(&["docs", "--prune"]).succeeds();
    site.write("a.md", "# Bells\n\nA bell is rung with the thumb of the left hand.\n");
    assert_eq!(site.ingest_all()["added"], json!(["a.md"]));
    assert_eq!(Look::into(&site).sources(), ["a.md", "b.txt", "guides/c.markdown"]);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let site = three_articles();
    site.ingest_all();
    site.write("a.md", "# Bells\n\nAnother text.\n");
    site.write("d.md", "# Bags\n\nA new text.\n");
    site.remove("b.txt");
    let look = Look::into(&site);
    let before = look.changes();
    let mut dry = site.ingest_command(&["docs", "--prune", "--dry-run"]);
    let ran = crate::site::Ran::of(dry.env("CANDOR_RUNTIME_LIBRARY", NOWHERE)).succeeds();
    for line in [
        "would add: d.md",
        "would update: a.md",
        "would remove: b.txt",
        "dry run: 1 added, 1 changed, 1 unchanged, 1 removed",
    ] {
        assert!(ran.stdout.contains(line), "{line:?} is not in {}", ran.stdout);
    }
    assert_eq!((look.changes(), look.sources().len()), (before, 3));
}

#[test]
fn a_single_file_is_ingested_by_its_own_name() {
    let site = three_articles();
    assert_eq!(site.ingest(&["docs/guides/c.markdown", "--json"]).succeeds().json()["added"], json!(["c.markdown"]));
    assert_eq!(Look::into(&site).sources(), ["c.markdown"]);
}

#[test]
fn a_second_workspace_on_the_command_line_is_refused_and_not_one_of_them_chosen() {
    let site = three_articles();
    let arguments = ["docs", "--workspace", &site.workspace];
    site.ingest(&arguments).ends_with(2).says(&["--workspace"]);
    assert_eq!(Look::into(&site).changes(), 0);
}
