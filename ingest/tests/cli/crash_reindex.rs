//! `candor reindex` that is killed: what answers is the old generation or the new one, whole, and nothing stays of the rest.

use candor::index::IndexError;

use crate::articles;
use crate::crash_table::{Crash, Table};
use crate::look::Look;
use crate::moments::Dice;
use crate::site::{Running, Site, runtime, until};
use crate::stack::Stack;
use crate::stored::{Stored, mend, open_index};

const ARTICLES: usize = 12;
/// Fewer than of the others: each is compared on its own.
const CRASHES: usize = 6;

/// Checks that of the generations that do not answer nothing is left, after a start.
fn nothing_is_left_of_others(site: &Site) {
    let look = Look::into(site);
    let active = look.generations("active");
    assert_eq!(look.generations("building"), Vec::<String>::new());
    for generation in look.generations("retired") {
        let is_gone = if site.servers().is_some() {
            let index = open_index(site, site.data(), &generation);
            matches!(runtime().block_on(index.total()), Err(IndexError::Missing { .. }))
        } else {
            !site.config().index_dir().join(&generation).exists()
        };
        assert!(is_gone, "{generation} is still there beside {active:?}");
    }
}

fn rebuilds_are_killed(stack: Stack, dice: &mut Dice) {
    let Some(site) = Site::on(stack) else { return };
    articles::write(&site, 0..ARTICLES, 0);
    site.ingest_all();
    let undisturbed = Stored::of(&site).0;
    let mut table = Table::of(stack, "reindex");
    let mut crashes = 0;
    while crashes < CRASHES {
        // It writes points and rows of article after article, switches, and forgets the old generation's rows.
        let look = Look::into(&site);
        let old = look.chunks();
        let (rows, wait) = (dice.throw(0, u64::try_from(old).unwrap()), dice.milliseconds(0, 60));
        let mut run = Running::start(&mut site.candor_command(&["reindex"]));
        until("enough rows are written", || {
            (look.chunks() >= old + i64::try_from(rows).unwrap() || run.has_ended()).then_some(())
        });
        std::thread::sleep(wait);
        if !run.crash() {
            continue;
        }
        crashes += 1;
        let left = look.left(&site);
        drop(look);
        table.add(Crash {
            moment: format!("{} ms after row {rows} of {old} of the new generation", wait.as_millis()),
            articles: format!("{ARTICLES} of {ARTICLES}"),
            rows: left.rows.len(),
            points: left.points.len(),
            lost: left.lost().len(),
            orphans: (left.orphans().len(), 0),
            mended: None,
            equal: None,
        });
        // What answers is whole, so there is nothing to mend in it.
        assert_eq!((left.lost().len(), left.orphans().len()), (0, 0));
        let mended = mend(&site);
        table.mended((mended.restored, mended.swept) == (0, 0));
        let (stored, counts) = Stored::of(&site);
        table.compared(stored == undisturbed && counts.points == counts.rows);
    }
    site.candor(&["reindex"]).succeeds();
    mend(&site);
    nothing_is_left_of_others(&site);
    assert!(Stored::of(&site).0 == undisturbed, "the index that was built again differs from the first");
    assert_eq!(table.failures(), 0, "a crash was not put right: see the table");
}

#[test]
fn a_rebuild_that_is_killed_leaves_the_old_index_or_the_new_one() {
    rebuilds_are_killed(Stack::Embedded, &mut Dice::thrown_by("reindex, embedded"));
}

#[test]
fn a_rebuild_that_is_killed_on_servers_leaves_the_old_index_or_the_new_one() {
    rebuilds_are_killed(Stack::Servers, &mut Dice::thrown_by("reindex, servers"));
}
