//! What is wrong with a set, by file and line.

use std::fmt;
use std::path::{Path, PathBuf};

/// Problems of each severity that are kept; more are only counted. A file in which every line is broken must not fill
/// the memory, and nobody reads further.
pub const KEPT_MAX: usize = 1_000;

/// Letters of the set's own text that a sentence repeats at most.
const QUOTED_CHARS_MAX: usize = 60;

/// Whether a set can be used in spite of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Figures over the set would be wrong, so it is refused.
    Error,
    /// Worth a look, and may be meant.
    Note,
}

/// One thing that is wrong, or worth a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    /// From 1; `None` where it is about the whole file.
    pub line: Option<usize>,
    pub severity: Severity,
    /// A sentence without its full stop.
    pub what: String,
}

impl fmt::Display for Problem {
    /// As compilers write it, so that editors find the place.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Note => "note",
        };
        write!(formatter, ": {severity}: {}", self.what)
    }
}

/// The problems of one set, in the order in which they were found.
#[derive(Debug, Default)]
pub struct Problems {
    kept: Vec<Problem>,
    errors: usize,
    notes: usize,
}

impl Problems {
    pub fn error(&mut self, file: &Path, line: impl Into<Option<usize>>, what: impl Into<String>) {
        self.errors += 1;
        if self.errors <= KEPT_MAX {
            self.keep(file, line.into(), Severity::Error, what.into());
        }
    }

    pub fn note(&mut self, file: &Path, line: impl Into<Option<usize>>, what: impl Into<String>) {
        self.notes += 1;
        if self.notes <= KEPT_MAX {
            self.keep(file, line.into(), Severity::Note, what.into());
        }
    }

    fn keep(&mut self, file: &Path, line: Option<usize>, severity: Severity, what: String) {
        self.kept.push(Problem { file: file.to_owned(), line, severity, what });
    }

    /// The first [`KEPT_MAX`] errors and the first [`KEPT_MAX`] notes.
    #[must_use]
    pub fn kept(&self) -> &[Problem] {
        &self.kept
    }

    /// How many errors there are, those that were not kept included.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many notes there are, those that were not kept included.
    #[must_use]
    pub fn notes(&self) -> usize {
        self.notes
    }

    #[must_use]
    pub fn first_error(&self) -> Option<&Problem> {
        self.kept.iter().find(|problem| problem.severity == Severity::Error)
    }
}

/// A piece of the set's own text for a sentence: in quotes, on one line, and cut when it is long.
#[must_use]
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{:?}", format!("{}…", &text[..end])),
        None => format!("{text:?}"),
    }
}

/// `1 column`, `2 columns`.
#[must_use]
pub fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_place() {
        let mut problems = Problems::default();
        problems.note(Path::new("a/b.jsonl"), None, "it is odd");
        problems.error(Path::new("a/b.jsonl"), 7, "it is broken");
        let told: Vec<String> = problems.kept().iter().map(ToString::to_string).collect();
        assert_eq!(told, ["a/b.jsonl: note: it is odd", "a/b.jsonl:7: error: it is broken"]);
        assert_eq!(problems.first_error().map(|problem| problem.line), Some(Some(7)));
    }

    #[test]
    fn many_notes_push_no_error_out_and_all_are_counted() {
        let mut problems = Problems::default();
        for line in 1..=2 * KEPT_MAX {
            problems.note(Path::new("a"), line, "odd");
        }
        problems.error(Path::new("a"), 1, "broken");
        assert_eq!((problems.errors(), problems.notes(), problems.kept().len()), (1, 2 * KEPT_MAX, KEPT_MAX + 1));
        assert!(problems.first_error().is_some());
    }

    #[test]
    fn what_a_set_says_stays_on_one_line_and_short() {
        assert_eq!(quoted("a\n\"b\""), r#""a\n\"b\"""#);
        assert_eq!(quoted(&"é".repeat(100)), format!("\"{}…\"", "é".repeat(60)));
    }
}
