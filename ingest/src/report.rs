//! What a run did, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// What became of every file.
#[derive(Debug, Default)]
pub struct Summary {
    /// Whether it only says what would be done.
    pub dry_run: bool,
    /// Articles that were not there before.
    pub added: Vec<String>,
    /// Articles whose file had changed.
    pub changed: Vec<String>,
    /// How many were as they are.
    pub unchanged: usize,
    /// Articles whose file has gone and that were removed.
    pub removed: Vec<String>,
    /// Articles whose file has gone and that are still there.
    pub missing: Vec<String>,
    /// Files that could not be ingested, with why.
    pub failed: Vec<(String, String)>,
    /// Files of other formats, by extension.
    pub passed_over: BTreeMap<String, usize>,
    /// Chunks that were published.
    pub chunks: usize,
    /// How long it took.
    pub took: Duration,
}

/// Lines of a list that a person still reads.
const LISTED_MAX: usize = 20;

impl Summary {
    /// For programs.
    pub fn json(&self) -> Value {
        let failed: Vec<Value> = self.failed.iter().map(|(file, why)| json!({ "file": file, "error": why })).collect();
        json!({
            "dryRun": self.dry_run,
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "missing": self.missing,
            "failed": failed,
            "passedOver": self.passed_over,
            "chunks": self.chunks,
            "seconds": self.took.as_secs_f64(),
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.dry_run {
            for (what, files) in [("add", &self.added), ("update", &self.changed), ("remove", &self.removed)] {
                list(&mut text, &format!("would {what}"), files.iter().map(String::as_str));
            }
        }
        if !self.failed.is_empty() {
            let lines: Vec<String> = self.failed.iter().map(|(file, why)| format!("{file}: {why}")).collect();
            list(&mut text, "could not ingest", lines.iter().map(String::as_str));
        }
        if !self.missing.is_empty() {
            list(
                &mut text,
                "not in this folder any more, article kept (--prune removes it)",
                self.missing.iter().map(String::as_str),
            );
        }
        if !self.passed_over.is_empty() {
            let counts: Vec<String> =
                self.passed_over.iter().map(|(extension, count)| format!("{count} {extension}")).collect();
            let _ = writeln!(text, "files of other formats left out: {}", counts.join(", "));
        }
        let _ = write!(
            text,
            "{}{} added, {} changed, {} unchanged, {} removed, {} failed",
            if self.dry_run { "dry run: " } else { "" },
            self.added.len(),
            self.changed.len(),
            self.unchanged,
            self.removed.len(),
            self.failed.len(),
        );
        if !self.dry_run {
            let _ = write!(text, "; {} chunks in {:.1} s", self.chunks, self.took.as_secs_f64());
        }
        text
    }
}

fn list<'a>(text: &mut String, what: &str, lines: impl ExactSizeIterator<Item = &'a str>) {
    let more = lines.len().saturating_sub(LISTED_MAX);
    for line in lines.take(LISTED_MAX) {
        let _ = writeln!(text, "{what}: {line}");
    }
    if more > 0 {
        let _ = writeln!(text, "{what}: … and {more} more (--json lists all)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_sees_counts_and_every_failure() {
        let summary = Summary {
            added: vec!["a.md".into()],
            unchanged: 3,
            failed: vec![("b.md".into(), "The file is binary, not text.".into())],
            missing: vec!["c.md".into()],
            chunks: 2,
            took: Duration::from_millis(1_250),
            ..Summary::default()
        };
        assert_eq!(
            summary.text(),
            "could not ingest: b.md: The file is binary, not text.\n\
             not in this folder any more, article kept (--prune removes it): c.md\n\
             1 added, 0 changed, 3 unchanged, 0 removed, 1 failed; 2 chunks in 1.2 s"
        );
    }

    #[test]
    fn long_lists_are_cut() {
        let summary =
            Summary { dry_run: true, added: (0..30).map(|n| format!("{n}.md")).collect(), ..Summary::default() };
        assert!(summary.text().contains("… and 10 more"));
        assert_eq!(summary.json()["added"].as_array().unwrap().len(), 30);
    }
}
