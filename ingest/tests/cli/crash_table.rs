//! What the tests of crashes have seen, as a table in Markdown: printed, and written to the file that `CRASH_TABLE` names.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use crate::moments::seed;
use crate::stack::Stack;

const HEADING: &str = "\
| stack | killed | moment | articles in | rows | points | without a point → restored | without a row → swept | \
next start mended | equal to undisturbed |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

/// The tables of all tests of this run, for the one file.
static ALL: Mutex<String> = Mutex::new(String::new());

/// One program on one stack, killed again and again; printed when it goes, also when the test fails.
pub struct Table {
    stack: Stack,
    killed: &'static str,
    rows: Vec<Crash>,
}

/// What was seen after one crash.
pub struct Crash {
    pub moment: String,
    pub articles: String,
    pub rows: usize,
    pub points: usize,
    pub lost: usize,
    /// Points of versions that were never committed, and of versions that had been replaced.
    pub orphans: (usize, usize),
    /// Whether the next start put both right.
    pub mended: Option<bool>,
    /// Whether what was there in the end is what an undisturbed run leaves.
    pub equal: Option<bool>,
}

impl Table {
    pub fn of(stack: Stack, killed: &'static str) -> Self {
        Self { stack, killed, rows: Vec::new() }
    }

    pub fn add(&mut self, crash: Crash) {
        self.rows.push(crash);
    }

    /// Those of the crashes that were not put right, or were not seen to be.
    pub fn failures(&self) -> usize {
        self.rows.iter().filter(|crash| crash.mended != Some(true) || crash.equal != Some(true)).count()
    }

    /// What became of all crashes whose mending has not been seen yet.
    pub fn mended(&mut self, mended: bool) {
        self.rows.iter_mut().filter(|crash| crash.mended.is_none()).for_each(|crash| crash.mended = Some(mended));
    }

    /// What became of all crashes since the last comparison.
    pub fn compared(&mut self, equal: bool) {
        self.rows.iter_mut().filter(|crash| crash.equal.is_none()).for_each(|crash| crash.equal = Some(equal));
    }

    fn lines(&self) -> String {
        let yes = |seen: Option<bool>| match seen {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not seen",
        };
        let mut lines = String::new();
        for crash in &self.rows {
            let Crash { moment, articles, rows, points, lost, orphans: (unborn, replaced), .. } = crash;
            let _ = writeln!(
                lines,
                "| {} | {} | {moment} | {articles} | {rows} | {points} | {lost} | {} ({unborn} new, {replaced} replaced) | {} | {} |",
                self.stack.name(),
                self.killed,
                unborn + replaced,
                yes(crash.mended),
                yes(crash.equal),
            );
        }
        lines
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let lines = self.lines();
        println!("CRASH_SEED={}\n\n{HEADING}{lines}", seed());
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_str(&lines);
        if let Ok(path) = std::env::var("CRASH_TABLE")
            && let Err(error) = std::fs::write(&path, format!("Seed {}.\n\n{HEADING}{all}", seed()))
        {
            eprintln!("the table of crashes cannot be written to {path}: {error}");
        }
    }
}
