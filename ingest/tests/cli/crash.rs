//! Programs that are killed in the middle of an ingest: nothing is lost, nothing is left over, nothing is mixed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use candor::knowledge::generation::Mended;
use serde_json::Value;

use crate::articles;
use crate::site::{Asker, Running, Site, until};
use crate::stored::{Look, Stored, mend};

/// Articles in the folder; those below [`EDITED`] are in already, in their first edition.
const ARTICLES: usize = 40;
const EDITED: usize = 15;

/// A workspace with the first editions of some articles, over a folder with the second editions of all.
fn half_way() -> Site {
    let site = Site::new();
    articles::write(&site, 0..EDITED, 0);
    site.ingest_all();
    articles::write(&site, 0..ARTICLES, 1);
    site
}

fn undisturbed() -> Stored {
    let site = half_way();
    let summary = site.ingest_all();
    assert_eq!(summary["changed"].as_array().unwrap().len(), EDITED);
    let (stored, counts) = Stored::of(&site);
    assert_eq!((counts.points, stored.articles.len()), (counts.rows, ARTICLES));
    stored
}

/// Waits until `articles` have been published since `before`.
fn wait_for(look: &Look, before: i64, articles: i64) {
    until("enough articles are published", || (look.changes() >= before + articles).then_some(()));
}

/// Runs to the end what was cut off, and compares what is there with an ingest that nothing disturbed.
fn finishes_as_if_undisturbed(site: &Site, undisturbed: &Stored) {
    let rest = site.ingest_all();
    let number = |what: &str| rest[what].as_array().unwrap().len();
    let (done, left) = (rest["unchanged"].as_u64().unwrap(), number("added") + number("changed"));
    assert!(done > 0, "what was done before the crash was done again: {rest}");
    assert!(left > 0, "the crash came after the end: {rest}");
    // The second run has swept the points of versions that never came to be.
    let (stored, counts) = Stored::of(site);
    assert_eq!(counts.points, counts.rows, "points are left over");
    for (source, article) in &undisturbed.articles {
        assert!(stored.articles.get(source) == Some(article), "{source} differs: {:#?}", stored.articles.get(source));
    }
    assert_eq!(stored.articles.len(), undisturbed.articles.len());
    assert_eq!(mend(site), Mended::default());
}

#[test]
fn an_ingest_that_is_killed_and_run_again_leaves_what_one_run_leaves() {
    let undisturbed = undisturbed();
    // New articles come first: the last two moments lie among those whose edition is replaced.
    for published in [10, 27, 34] {
        let site = half_way();
        let look = Look::into(&site);
        let before = look.changes();
        let run = Running::start(&mut site.ingest_command(&["docs"]));
        wait_for(&look, before, published);
        run.crash();
        drop(look);
        finishes_as_if_undisturbed(&site, &undisturbed);
    }
}

/// Asks about all articles in turn until told to stop, or until the server has gone after `may_go` was set.
///
/// Gives how many answers there were and which editions were seen.
fn ask_throughout(asker: &Asker, may_go: &AtomicBool, done: &AtomicBool) -> (usize, HashSet<&'static str>) {
    let (mut answers, mut seen) = (0, HashSet::new());
    for number in (0..EDITED).cycle() {
        if done.load(Ordering::Acquire) {
            break;
        }
        let question = articles::question(number);
        let search = serde_json::json!({ "query": question });
        for outcome in [asker.try_ask(&question), asker.post("/chat/search", &search)] {
            let (status, reply) = match outcome {
                Ok(reply) => reply,
                Err(error) => {
                    assert!(may_go.load(Ordering::Acquire), "a question was not answered: {error}");
                    return (answers, seen);
                }
            };
            assert_eq!(status, 200, "{reply:#}");
            let places = [&reply["citations"], &reply["passages"]];
            let places: Vec<Value> = places.into_iter().filter_map(Value::as_array).flatten().cloned().collect();
            seen.extend(articles::editions(&places).into_values());
            answers += 1;
        }
    }
    (answers, seen)
}

#[test]
fn a_server_that_is_killed_during_an_ingest_has_only_ever_answered_from_whole_articles() {
    let undisturbed = undisturbed();
    for published in [10, 27] {
        let site = half_way();
        let server = site.serve();
        let asker = site.asker(&server);
        let look = Look::into(&site);
        let before = look.changes();
        let (may_go, done) = (AtomicBool::new(false), AtomicBool::new(false));
        let (answers, seen) = std::thread::scope(|scope| {
            let asking = scope.spawn(|| ask_throughout(&asker.again(), &may_go, &done));
            let run = Running::start(&mut site.ingest_command(&["docs"]));
            wait_for(&look, before, published);
            may_go.store(true, Ordering::Release);
            server.crash();
            let ran = run.end();
            done.store(true, Ordering::Release);
            let told = asking.join().unwrap();
            let sentence = "the server on this data folder does not answer";
            ran.ends_with(2).says(&["stopped at guides/", "run it again for the rest", sentence]);
            told
        });
        assert!(answers > 0 && seen.len() == articles::EDITIONS.len(), "{answers} answers of {seen:?}");
        drop(look);

        // The server mends the index at its start; the rest comes in through it, while questions are asked again.
        let server = site.serve();
        let asker = site.asker(&server);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| ask_throughout(&asker.again(), &AtomicBool::new(false), &done));
            let rest = site.ingest(&["docs"]);
            done.store(true, Ordering::Release);
            assert!(asking.join().unwrap().0 > 0);
            rest.succeeds();
        });
        for number in 0..EDITED {
            let found = articles::editions(&asker.search(&articles::question(number)));
            assert!(found.values().all(|edition| *edition == articles::EDITIONS[1]), "{found:?}");
        }
        assert!(server.stop().success());
        let (stored, counts) = Stored::of(&site);
        assert_eq!(counts.points, counts.rows, "points are left over");
        assert!(stored == undisturbed, "what is there differs from an ingest that nothing disturbed");
    }
}
