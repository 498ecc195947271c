//! Programs that are killed at random moments: nothing is lost, nothing is left over, nothing is mixed.
//!
//! `CRASH_SEED` repeats the moments of a run; what lies in a moment still depends on how fast the machine is. `CRASH_TABLE` names a
//! file for what was seen after each crash.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::articles;
use crate::chain::{Chain, EDITED};
use crate::look::Look;
use crate::moments::{Dice, Moment};
use crate::site::{Asker, Running, Server, Site, until};
use crate::stack::Stack;

/// How long somebody who asks thinks before the next question: most of the machine is for the programs under test.
const THINKS: Duration = Duration::from_millis(40);
/// After how many crashes everything is compared, with only the mending in between.
const COMPARED_EVERY: usize = 6;

/// Tells those who ask to stop, also when the test fails in the meantime and waits for them.
struct Asking<'a> {
    done: &'a AtomicBool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
    }
}

/// Asks about all articles that are always there in turn until told to stop, or until the server has gone after `may_go` was set.
///
/// Gives how many answers there were and which editions were seen.
fn ask_throughout(asker: &Asker, may_go: &AtomicBool, done: &AtomicBool) -> (usize, HashSet<&'static str>) {
    let (mut answers, mut seen) = (0, HashSet::new());
    for number in (0..EDITED).cycle() {
        if done.load(Ordering::Acquire) {
            break;
        }
        let question = articles::question(number);
        let search = json!({ "query": question });
        for outcome in [asker.try_ask(&question), asker.post("/chat/search", &search)] {
            let (status, reply) = match outcome {
                Ok(reply) => reply,
                Err(error) => {
                    assert!(may_go.load(Ordering::Acquire), "a question was not answered: {error}");
                    return (answers, seen);
                }
            };
            assert_eq!(status, 200, "{reply:#}");
            assert_ne!(reply["reason"], "search_failure", "{reply:#}");
            let places = [&reply["citations"], &reply["passages"]];
            let places: Vec<Value> = places.into_iter().filter_map(Value::as_array).flatten().cloned().collect();
            seen.extend(articles::editions(&places).into_values());
            answers += 1;
        }
        std::thread::sleep(THINKS);
    }
    (answers, seen)
}

/// Runs `work` while somebody asks `server`.
fn while_asked<T>(asker: &Asker, may_go: &AtomicBool, work: impl FnOnce() -> T) -> (T, (usize, HashSet<&'static str>)) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask_throughout(&asker.again(), may_go, &done));
        let until_then = Asking { done: &done };
        let outcome = work();
        drop(until_then);
        (outcome, asking.join().unwrap())
    })
}

/// Brings in what a killed `ingest` has left.
fn finish(chain: &mut Chain) {
    let done = chain.done();
    let rest = chain.site.ingest_all();
    assert_eq!(rest["unchanged"], json!(done), "what was done before the crash was done again: {rest}");
    if rest["added"] == json!([]) && rest["changed"] == json!([]) {
        // It had nothing to open the index for, so it is the next start that mends.
        crate::stored::mend(&chain.site);
    }
    chain.finished();
}

fn kill_ingests(chain: &mut Chain, dice: &mut Dice) {
    for (number, moment) in dice.twenty_moments().into_iter().enumerate() {
        let left = loop {
            if chain.is_nearly_done() {
                finish(chain);
            }
            let look = Look::into(&chain.site);
            let before = look.changes();
            let mut run = Running::start(&mut chain.site.ingest_command(&["docs"]));
            let held = moment.wait(&chain.site, (&look, before), || run.has_ended());
            let was_running = run.crash();
            drop((held, look));
            if was_running {
                break chain.crashed(moment, before);
            }
        };
        if number % COMPARED_EVERY == 0 {
            chain.compare_now(&left);
        }
    }
    finish(chain);
}

#[test]
fn an_ingest_that_is_killed_and_run_again_leaves_what_one_run_leaves() {
    let mut chain = Chain::begin(Stack::Embedded, "ingest").unwrap();
    kill_ingests(&mut chain, &mut Dice::thrown_by("ingest, embedded"));
    chain.end();
}

/// As embedded; and another process on the same servers answers all the time, whoever is killed beside it.
#[test]
fn an_ingest_that_is_killed_on_servers_leaves_what_one_run_leaves() {
    let Some(mut chain) = Chain::begin(Stack::Servers, "ingest") else { return };
    let server = chain.site.serve_beside();
    let asker = chain.site.asker(&server);
    let mut dice = Dice::thrown_by("ingest, servers");
    let ((), (answers, seen)) = while_asked(&asker, &AtomicBool::new(false), || kill_ingests(&mut chain, &mut dice));
    assert!(answers > 0 && seen.len() == articles::EDITIONS.len(), "{answers} answers of {seen:?}");
    assert!(server.stop().success());
    chain.end();
}

/// Somebody who asks `server` with `key`, after the server has compared the index with the database.
fn asker_of(server: &Server, key: &str) -> Asker {
    let asker = Asker::new(&server.url, key);
    until("the index was compared with the database", || asker.finds_it_ready().then_some(()));
    asker
}

/// Brings in what an `ingest` has left whose server was killed, through the next server.
fn finish_through_a_server(chain: &mut Chain, key: &str) {
    let done = chain.done();
    let server = chain.site.serve();
    let asker = Asker::new(&server.url, key);
    let (rest, (answers, _)) = while_asked(&asker, &AtomicBool::new(false), || chain.site.ingest_all());
    assert_eq!(rest["unchanged"], json!(done), "what was done before the crash was done again: {rest}");
    assert!(answers > 0);
    let asker = asker_of(&server, key);
    for number in 0..EDITED {
        let found = articles::editions(&asker.search(&articles::question(number)));
        assert!(found.values().all(|edition| *edition == chain.edition()), "{found:?}");
    }
    assert!(server.stop().success());
    chain.finished();
}

/// Kills a server at `moment` of an ingest through it; `None` when the ingest had come to its end, else who was answered what.
fn kill_server(
    site: &Site,
    key: &str,
    moment: Moment,
    (look, before): (&Look, i64),
) -> Option<(usize, HashSet<&'static str>)> {
    if let Moment::Starting(_) = moment {
        let run = Running::start(&mut site.candor_command(&["serve"]));
        moment.wait(site, (look, before), || false);
        assert!(run.crash(), "a server does not end by itself");
        return Some(Default::default());
    }
    let server = site.serve();
    let asker = Asker::new(&server.url, key);
    let may_go = AtomicBool::new(false);
    let (ran, told) = while_asked(&asker, &may_go, || {
        // It begins while the server still mends.
        let mut run = Running::start(&mut site.ingest_command(&["docs"]));
        asker_of(&server, key);
        let held = moment.wait(site, (look, before), || run.has_ended());
        may_go.store(true, Ordering::Release);
        server.crash();
        drop(held);
        run.end()
    });
    if ran.status.success() {
        return None;
    }
    ran.ends_with(2).says(&[
        "stopped at guides/",
        "run it again for the rest",
        "the server on this data folder does not answer",
    ]);
    Some(told)
}

fn kill_servers(chain: &mut Chain, dice: &mut Dice) {
    let key = chain.site.key("secret", "chat,tickets");
    let key = key["key"].as_str().unwrap();
    let (mut answers, mut seen) = (0, HashSet::new());
    for moment in dice.twenty_moments() {
        loop {
            if chain.is_nearly_done() {
                finish_through_a_server(chain, key);
            }
            let look = Look::into(&chain.site);
            let before = look.changes();
            let killed = kill_server(&chain.site, key, moment, (&look, before));
            drop(look);
            if let Some((answered, of)) = killed {
                (answers, seen) = (answers + answered, &seen | &of);
                chain.crashed(moment, before);
                break;
            }
        }
    }
    finish_through_a_server(chain, key);
    assert!(answers > 0 && seen.len() == articles::EDITIONS.len(), "{answers} answers of {seen:?}");
}

#[test]
fn a_server_that_is_killed_during_an_ingest_has_only_ever_answered_from_whole_articles() {
    let mut chain = Chain::begin(Stack::Embedded, "server").unwrap();
    kill_servers(&mut chain, &mut Dice::thrown_by("server, embedded"));
    chain.end();
}

#[test]
fn a_server_that_is_killed_on_servers_has_only_ever_answered_from_whole_articles() {
    let Some(mut chain) = Chain::begin(Stack::Servers, "server") else { return };
    kill_servers(&mut chain, &mut Dice::thrown_by("server, servers"));
    chain.end();
}
