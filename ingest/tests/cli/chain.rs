//! One workspace whose folder is brought in, in one edition after the other, by programs that are killed on their way.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use candor::ids::ChunkId;
use candor::knowledge::generation::Mended;

use crate::articles;
use crate::crash_table::{Crash, Table};
use crate::look::{Left, Look};
use crate::moments::Moment;
use crate::site::Site;
use crate::stack::Stack;
use crate::stored::{Stored, mend};

/// Articles in the folder; those below [`EDITED`] are in already, in their first edition.
pub const ARTICLES: usize = 40;
pub const EDITED: usize = 30;
/// Articles that must be left to be published for a program to be killed while it publishes.
const LEFT_MIN: usize = 12;

/// A workspace with the first editions of some articles, over a folder with the second editions of all.
fn half_way(stack: Stack) -> Option<Site> {
    let site = Site::on(stack)?;
    articles::write(&site, 0..EDITED, 0);
    site.ingest_all();
    articles::write(&site, 0..ARTICLES, 1);
    Some(site)
}

/// What ingests of either edition leave that nothing disturbs: made once for each stack.
fn undisturbed(stack: Stack) -> &'static [Stored; 2] {
    static ON: [OnceLock<[Stored; 2]>; 2] = [OnceLock::new(), OnceLock::new()];
    ON[stack as usize].get_or_init(|| {
        let site = half_way(stack).unwrap();
        let ingested = |changed: usize| {
            let summary = site.ingest_all();
            assert_eq!(summary["changed"].as_array().unwrap().len(), changed);
            let (stored, counts) = Stored::of(&site);
            assert_eq!((counts.points, stored.articles.len()), (counts.rows, ARTICLES));
            stored
        };
        let second = ingested(EDITED);
        articles::write(&site, 0..ARTICLES, 0);
        [ingested(ARTICLES), second]
    })
}

/// The crashes come one after the other on the same site, so that each program begins where another was killed and is killed
/// itself; when all articles are in, everything is compared and the folder turns to the other edition.
///
/// After each crash it is seen what the next start has to mend, and after the next one that it was mended, point by point. What
/// two starts put right and one does not would be seen there. The texts and vectors themselves are compared at the end of each
/// edition, and after every sixth crash of an `ingest` with only the mending between the crash and the comparison.
pub struct Chain {
    pub site: Site,
    stack: Stack,
    table: Table,
    /// The edition that the folder has.
    edition: usize,
    /// What [`Look::changes`] was when the folder got it.
    began: i64,
    /// What the database had at any crash, by which the points of replaced versions are known.
    rows: BTreeSet<ChunkId>,
    /// Points without rows that crashes have left and that no start was seen to have swept.
    orphans: BTreeSet<ChunkId>,
}

impl Chain {
    /// `None`, and says so, where there are no servers for the stack.
    pub fn begin(stack: Stack, killed: &'static str) -> Option<Self> {
        let site = half_way(stack)?;
        let look = Look::into(&site);
        let (began, rows) = (look.changes(), look.left(&site).rows);
        drop(look);
        let table = Table::of(stack, killed);
        Some(Self { site, stack, table, edition: 1, began, rows, orphans: BTreeSet::new() })
    }

    /// How many articles of the folder's edition are in.
    pub fn done(&self) -> usize {
        usize::try_from(Look::into(&self.site).changes() - self.began).unwrap()
    }

    pub fn edition(&self) -> &'static str {
        articles::EDITIONS[self.edition]
    }

    /// Whether there is so little left to publish that the next program might end before it is killed.
    pub fn is_nearly_done(&self) -> bool {
        ARTICLES - self.done() < LEFT_MIN
    }

    /// Takes down what a crash at `moment` has left, and whether what crashes before had left is gone. `before` is what
    /// [`Look::changes`] was when the program was started.
    pub fn crashed(&mut self, moment: Moment, before: i64) -> Left {
        let look = Look::into(&self.site);
        let (changes, left) = (look.changes(), look.left(&self.site));
        drop(look);
        // Whoever publishes has mended first, and so has a server that was waited for.
        if changes > before {
            self.table.mended(self.orphans.is_disjoint(&left.points));
            self.orphans.clear();
        }
        let orphans = left.orphans();
        let replaced = orphans.intersection(&self.rows).count();
        self.table.add(Crash {
            moment: moment.to_string(),
            articles: format!("{} of {ARTICLES} {}", changes - self.began, self.edition()),
            rows: left.rows.len(),
            points: left.points.len(),
            lost: left.lost().len(),
            orphans: (orphans.len() - replaced, replaced),
            mended: None,
            equal: None,
        });
        // Points are written before their rows and removed after them.
        assert_eq!(left.lost(), BTreeSet::new(), "rows without their points");
        self.orphans.extend(orphans);
        self.rows.extend(&left.rows);
        left
    }

    /// Mends as the next start does, and compares: each article is there in one edition or the other, whole.
    pub fn compare_now(&mut self, left: &Left) {
        let Mended { restored, swept } = mend(&self.site);
        // A Qdrant server may still have been writing when it was looked at.
        let is_all =
            if self.stack == Stack::Embedded { swept == left.orphans().len() } else { swept >= left.orphans().len() };
        self.table.mended(restored == left.lost().len() && is_all);
        self.orphans.clear();
        let (stored, counts) = Stored::of(&self.site);
        assert_eq!(counts.points, counts.rows, "points are left over");
        let undisturbed = undisturbed(self.stack);
        let whole = |edition: &Stored| {
            stored.articles.iter().filter(|(source, article)| edition.articles.get(*source) == Some(article)).count()
        };
        let (first, second) = (whole(&undisturbed[0]), whole(&undisturbed[1]));
        self.table.compared(first + second == stored.articles.len());
        assert_eq!(first + second, stored.articles.len(), "an article is of neither edition");
        assert_eq!(if self.edition == 0 { first } else { second }, self.done());
    }

    /// Compares what is there with an ingest of this edition that nothing disturbed, after what was cut off has been run to its
    /// end, and turns the folder to the other edition.
    pub fn finished(&mut self) {
        let (stored, counts) = Stored::of(&self.site);
        let undisturbed = &undisturbed(self.stack)[self.edition];
        self.table.mended(counts.points == counts.rows);
        self.orphans.clear();
        self.table.compared(stored == *undisturbed);
        for (source, article) in &undisturbed.articles {
            assert!(
                stored.articles.get(source) == Some(article),
                "{source} differs: {:#?}",
                stored.articles.get(source)
            );
        }
        assert_eq!(stored.articles.len(), undisturbed.articles.len());
        assert_eq!(counts.points, counts.rows, "points are left over");
        assert_eq!(mend(&self.site), Mended::default());
        self.edition = 1 - self.edition;
        articles::write(&self.site, 0..ARTICLES, self.edition);
        let look = Look::into(&self.site);
        (self.began, self.rows) = (look.changes(), look.left(&self.site).rows);
    }

    /// Checks that every crash was seen to have been put right.
    pub fn end(self) {
        assert_eq!(self.table.failures(), 0, "a crash was not put right: see the table");
    }
}
