//! Reads an evaluation set, in any of its layouts, into one type, and says what is wrong with it.
//!
//! - A retrieval set is a folder with `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` (BEIR).
//! - A support set is a folder with `questions.jsonl` and `dataset.json`, which names the folder of its articles; the
//!   questions may be a table (CSV) that `dataset.json` names, with its columns.
//! - A SQuAD file is a set by itself.
//!
//! Fields that the readers do not know are ignored. A reader never stops at the first fault: it writes each into
//! [`Problems`] and goes on, so that a person mends a set once and not line by line.

pub mod articles;
mod beir;
pub mod check;
mod lines;
mod problem;
mod question;
mod sheet;
mod squad;
mod support;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use problem::quoted;
pub use problem::{Problem, Problems};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A set of questions and the articles that they are asked of.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The name of the set's folder, or of its file without the extension.
    pub name: String,
    pub source: Articles,
    /// In the order of the file; ids are unique.
    pub questions: Vec<Question>,
    /// SHA-256, in hexadecimal, of the set's own files joined: what
    /// `cat corpus.jsonl qrels.tsv queries.jsonl | sha256sum` prints, `cat dataset.json questions.jsonl | sha256sum`
    /// (or the table in place of the latter), or `sha256sum` of a SQuAD file. The article folder of a support set is
    /// not part of it.
    pub sha256: String,
    /// SHA-256, in hexadecimal, of what is asked and what is right, whatever the articles and the layout: the same
    /// questions over edited articles have the same one.
    pub questions_sha256: String,
}

/// Where the articles of a set are.
#[derive(Debug, Clone, PartialEq)]
pub enum Articles {
    /// A folder of files (support set), to be read as `ingest` reads it. Absolute, and it exists.
    Folder(PathBuf),
    /// The articles themselves (retrieval set, SQuAD), in the order of the file; ids are unique.
    Entries(Vec<Entry>),
}

/// One article that is not a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    #[serde(rename = "_id")]
    pub id: String,
    /// Empty where the set has none.
    #[serde(default)]
    pub title: String,
    pub text: String,
}

/// One question and what a right answer to it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub id: String,
    pub text: String,
    /// Whether the articles hold an answer. Where the set does not say, whether it names a gold article or answer.
    pub answerable: bool,
    /// The articles that answer it, without repeats: ids (retrieval set, SQuAD) or paths inside the article folder
    /// (support set). They exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gold: Vec<String>,
    /// Gold answers, any one of which marks a right answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// Sentences of the gold articles that hold the answer, verbatim.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub support: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// What the set's owner sorts the question by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// As the set writes it, such as `en`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The turns before the question, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Turn>,
    /// Questions of one group are not independent: every split and every bootstrap keeps a group together.
    /// The set's own `group`, else the first gold article, else `passage_id`, else the question's id.
    pub group: String,
}

/// One earlier message of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// `user` or `bot`.
    pub sender: String,
    pub text: String,
}

/// How a set is laid out, told by its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Retrieval,
    Support,
    Squad,
}

/// A set as far as it could be read, with all that is wrong with it.
#[derive(Debug)]
pub struct Examined {
    /// Only to be used when there is no error.
    pub set: Dataset,
    pub layout: Layout,
    /// Where the questions stand.
    pub questions_file: PathBuf,
    /// The line of each question; `None` in a layout without lines.
    pub lines: Vec<Option<usize>>,
    pub problems: Problems,
}

/// Why a set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error(
        "{} is not a data set: it has neither queries.jsonl (retrieval set) nor questions.jsonl and dataset.json \
         (support set)",
        .0.display()
    )]
    UnknownLayout(PathBuf),
    #[error(
        "{} is not a data set: of files by themselves only SQuAD's JSON is one; of all other sets give the folder",
        .0.display()
    )]
    UnknownFile(PathBuf),
    #[error("{}", bare_table(path, headings))]
    BareTable {
        path: PathBuf,
        /// Those of its columns.
        headings: Vec<String>,
    },
    #[error("{} has both queries.jsonl and questions.jsonl; a set has one layout", .0.display())]
    TwoLayouts(PathBuf),
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}", refusal(path, first, *others))]
    Refused {
        /// The set.
        path: PathBuf,
        first: Box<Problem>,
        /// How many errors there are besides the first.
        others: usize,
    },
}

fn bare_table(path: &Path, headings: &[String]) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let text = headings.first().map_or("text", String::as_str);
    let settings =
        format!(r#"{{"docs": "FOLDER OF ARTICLES", "questions": {file:?}, "columns": {{"text": {text:?}}}}}"#);
    let headings = headings.iter().map(|heading| quoted(heading)).collect::<Vec<_>>().join(", ");
    format!(
        "{} is a table of questions without articles: write {settings} into a file dataset.json beside it, name there \
         the columns of text, answerable, gold and answers that it has (its headings are {headings}), and give the folder",
        path.display()
    )
}

fn refusal(path: &Path, first: &Problem, others: usize) -> String {
    let line = first.line.map(|line| format!(", line {line}")).unwrap_or_default();
    let others = match others {
        0 => String::new(),
        1 => format!("; `eval dataset check {}` lists one more error", path.display()),
        _ => format!("; `eval dataset check {}` lists {others} more errors", path.display()),
    };
    format!("{}{line}: {}{others}", first.file.display(), first.what)
}

impl Dataset {
    /// Reads the set at `path`, telling the layout by its files.
    ///
    /// # Errors
    /// A `DatasetError` that names the first file and line with an error. What is refused is what [`examine`] calls an
    /// error.
    pub fn read(path: &Path) -> Result<Self, DatasetError> {
        let Examined { set, problems, .. } = examine(path)?;
        match problems.first_error() {
            None => Ok(set),
            Some(first) => Err(DatasetError::Refused {
                path: path.to_owned(),
                first: Box::new(first.clone()),
                others: problems.errors() - 1,
            }),
        }
    }

    /// How many different groups the questions fall into.
    #[must_use]
    pub fn group_count(&self) -> usize {
        let groups: HashSet<&str> = self.questions.iter().map(|question| question.group.as_str()).collect();
        groups.len()
    }
}

impl Layout {
    fn of(path: &Path) -> Result<Self, DatasetError> {
        if path.is_file() {
            let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
            return match extension.to_str() {
                Some("json") if path.file_name() != Some("dataset.json".as_ref()) => Ok(Self::Squad),
                Some("csv" | "tsv") => {
                    Err(DatasetError::BareTable { path: path.to_owned(), headings: sheet::headings(path) })
                }
                _ => Err(DatasetError::UnknownFile(path.to_owned())),
            };
        }
        let has = |name: &str| path.join(name).is_file();
        match (has("queries.jsonl"), has("questions.jsonl")) {
            (true, true) => Err(DatasetError::TwoLayouts(path.to_owned())),
            (true, false) => Ok(Self::Retrieval),
            (false, true) => Ok(Self::Support),
            (false, false) if has("dataset.json") => Ok(Self::Support),
            (false, false) => Err(DatasetError::UnknownLayout(path.to_owned())),
        }
    }
}

/// Reads the set at `path` with all that is wrong with it.
///
/// Errors are broken lines, ids that are empty or stand twice, questions without a text, gold articles and judged
/// questions that do not exist, a history that nobody can follow, a set without questions or articles. Notes are what
/// may be meant: questions that are asked twice, and those for which no draft can be right.
///
/// # Errors
/// When there is no set at `path`.
pub fn examine(path: &Path) -> Result<Examined, DatasetError> {
    let absolute =
        fs::canonicalize(path).map_err(|source| DatasetError::Unreadable { path: path.to_owned(), source })?;
    let layout = Layout::of(path)?;
    let (mut digest, mut problems) = (Sha256::new(), Problems::default());
    let (source, questions) = match layout {
        Layout::Retrieval => beir::read(path, &mut digest, &mut problems),
        Layout::Support => support::read(path, &mut digest, &mut problems),
        Layout::Squad => squad::read(path, &mut digest, &mut problems),
    };
    questions.finish(&mut problems);
    let name = if layout == Layout::Squad { absolute.file_stem() } else { absolute.file_name() };
    let set = Dataset {
        name: name.unwrap_or(absolute.as_os_str()).to_string_lossy().into_owned(),
        source,
        sha256: hex::encode(digest.finalize()),
        questions_sha256: question::digest(&questions.list),
        questions: questions.list,
    };
    Ok(Examined { set, layout, questions_file: questions.file, lines: questions.lines, problems })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures;

    fn refusal(path: &Path) -> String {
        Dataset::read(path).unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_the_first_error_and_how_to_see_the_others() {
        let article = ("corpus.jsonl", "{\"_id\": \"a\", \"text\": \"t\"}\n");
        let folder = |queries| fixtures::folder(&[article, ("qrels.tsv", ""), ("queries.jsonl", queries)]);
        let one = folder("{\"_id\": \"q\", \"text\": \"t\"}\n{\"_id\": \"q\", \"text\": \"u\"}\n");
        let told = refusal(one.path());
        assert!(told.ends_with("queries.jsonl, line 2: the id \"q\" stands in line 1 as well"), "{told}");
        let three = folder("no\nno\nno\n");
        let expected = format!("; `eval dataset check {}` lists 2 more errors", three.path().display());
        let told = refusal(three.path());
        assert!(told.contains("queries.jsonl, line 1: ") && told.ends_with(&expected), "{told}");
    }

    #[test]
    fn a_folder_that_is_no_set_is_refused() {
        let folder = fixtures::folder(&[]);
        assert!(refusal(folder.path()).contains("is not a data set"));
        assert!(refusal(&folder.path().join("absent")).contains("cannot be read"));
        let both = fixtures::folder(&[("queries.jsonl", ""), ("questions.jsonl", "")]);
        assert!(refusal(both.path()).contains("one layout"));
        let inside = both.path().join("queries.jsonl");
        assert!(refusal(&inside).contains("queries.jsonl is not a data set: of files by themselves"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                // pieces of what the readers look for get further than noise
                prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat().into_bytes()),
            ],
            place in 0..FILES.len(),
        ) {
            let usual: Vec<(&str, &str)> = FILES.iter().flat_map(|(_, files)| files.iter().copied()).collect();
            let folder = fixtures::folder(&usual);
            let (set, files) = FILES[place];
            for (file, _) in files {
                fs::write(folder.path().join(file), &bytes).unwrap();
                let examined = examine(&folder.path().join(set)).unwrap();
                prop_assert_eq!(examined.lines.len(), examined.set.questions.len());
            }
        }
    }

    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "\n",
        "\r",
        "\t",
        ";",
        "|",
        "_id",
        "\"_id\":",
        "\"text\":",
        "\"a\"",
        "0",
        "1",
        "true",
        "query-id\tcorpus-id\tscore\n",
        "q\ta\t1\n",
        "\"history\":[{\"sender\":\"user\",\"text\":\"é\"}]",
        "{\"_id\":\"q\",\"text\":\"t\"}\n",
        "\"docs\":\"docs\"",
        "\u{feff}",
        "Question",
        "\"gold\":[\"../a.md\"]",
    ];

    /// A set of each layout, and the files of it that may hold anything.
    type Set = (&'static str, &'static [(&'static str, &'static str)]);
    const FILES: [Set; 4] = [
        (
            "beir",
            &[
                ("beir/corpus.jsonl", "{\"_id\": \"a\", \"text\": \"t\"}\n"),
                ("beir/qrels.tsv", "q\ta\t1\n"),
                ("beir/queries.jsonl", "{\"_id\": \"q\", \"text\": \"t\"}\n"),
            ],
        ),
        (
            "support",
            &[
                ("support/questions.jsonl", "{\"_id\": \"q\", \"text\": \"t\"}\n"),
                ("support/dataset.json", "{\"docs\": \".\"}"),
            ],
        ),
        ("table", &[("table/faq.csv", "Question,gold\nt,a.md\n"), ("table/dataset.json", TABLE)]),
        ("squad.json", &[("squad.json", "{\"data\": []}")]),
    ];
    const TABLE: &str = r#"{"docs": ".", "questions": "faq.csv", "columns": {"text": "Question"}}"#;
}
