//! A support set: a folder with `dataset.json`, which names the folder of the articles, and the questions, which are
//! `questions.jsonl` or a table that `dataset.json` names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use candor::knowledge::parse::Format;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Articles;
use super::lines::{each_line, parse, without_place};
use super::problem::{Problems, quoted};
use super::question::{Given, Questions};
use super::sheet::Reading;

/// `dataset.json`.
#[derive(Debug, Deserialize)]
struct Settings {
    /// The folder of articles, relative to the set.
    docs: PathBuf,
    /// The file of the questions, relative to the set.
    #[serde(default = "questions_jsonl")]
    questions: PathBuf,
    /// The headings of a table's columns by our field.
    #[serde(default)]
    columns: BTreeMap<String, String>,
    /// What stands between the items of a list in one cell of a table.
    #[serde(default = "pipe")]
    list_separator: String,
}

fn questions_jsonl() -> PathBuf {
    "questions.jsonl".into()
}

fn pipe() -> String {
    "|".to_owned()
}

/// Reads `dataset.json`, then the questions: the digest is over both in this order.
pub(super) fn read(root: &Path, digest: &mut Sha256, problems: &mut Problems) -> (Articles, Questions) {
    let path = root.join("dataset.json");
    let settings = read_settings(&path, digest, problems);
    let docs = settings.as_ref().and_then(|settings| folder_of_articles(&path, &root.join(&settings.docs), problems));
    let named = settings.as_ref().map_or_else(questions_jsonl, |settings| settings.questions.clone());
    let mut questions = Questions::of(root.join(&named));
    questions.whole = match (settings, named.extension().and_then(|extension| extension.to_str())) {
        (_, Some("jsonl")) => read_lines(docs.as_deref(), &mut questions, digest, problems),
        (Some(settings), Some("csv" | "tsv")) => {
            let file = questions.file.clone();
            let Settings { columns, list_separator: separator, .. } = &settings;
            Reading { path: &file, settings: &path, columns, separator }.each_row(
                digest,
                problems,
                |line, given, problems| {
                    check_gold(docs.as_deref(), &file, line, &given, problems);
                    questions.add(Some(line), given, problems);
                },
            )
        }
        _ => {
            let what = format!(
                "\"questions\" names {}, and is to name a .jsonl, .csv or .tsv file",
                quoted(&named.to_string_lossy())
            );
            problems.error(&path, None, what);
            false
        }
    };
    (docs.map_or_else(|| Articles::Entries(Vec::new()), Articles::Folder), questions)
}

fn read_lines(docs: Option<&Path>, questions: &mut Questions, digest: &mut Sha256, problems: &mut Problems) -> bool {
    let path = questions.file.clone();
    each_line(&path, digest, problems, |number, line, problems| {
        let given: Given = parse(line)?;
        check_gold(docs, &path, number, &given, problems);
        questions.add(Some(number), given, problems);
        Ok(())
    })
}

fn read_settings(path: &Path, digest: &mut Sha256, problems: &mut Problems) -> Option<Settings> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            problems.error(path, None, format!("it cannot be read: {error}"));
            return None;
        }
    };
    digest.update(&bytes);
    match serde_json::from_slice(&bytes) {
        Ok(settings) => Some(settings),
        Err(error) => {
            problems.error(path, error.line().max(1), without_place(&error));
            None
        }
    }
}

fn folder_of_articles(settings: &Path, docs: &Path, problems: &mut Problems) -> Option<PathBuf> {
    let folder = fs::canonicalize(docs).ok().filter(|docs| docs.is_dir());
    if folder.is_none() {
        problems.error(settings, None, format!("\"docs\" names {}, which is not a folder", docs.display()));
    }
    folder
}

/// Says which gold articles are not there, where the folder is.
fn check_gold(docs: Option<&Path>, file: &Path, line: usize, given: &Given, problems: &mut Problems) {
    let Some(docs) = docs else { return };
    for gold in given.gold.iter().filter(|gold| !is_article(docs, gold)) {
        let what = format!(
            "question {} has the gold article {}, and the folder of articles has no such file",
            quoted(&given.id),
            quoted(gold)
        );
        problems.error(file, line, what);
    }
}

/// Whether `ingest` would read the file `path` of the folder and know it by this name.
fn is_article(docs: &Path, path: &str) -> bool {
    let plain =
        |part: Component<'_>| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"."));
    // `components` leaves out what a source never has: a `.` in the middle, a doubled slash.
    let rejoined: PathBuf = Path::new(path).components().collect();
    Path::new(path).components().all(plain)
        && rejoined.as_os_str() == path
        && Format::of_file_name(path).is_some()
        && docs.join(path).is_file()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::{Dataset, Question, Turn, examine};
    use super::*;
    use crate::fixtures;

    fn set(questions: &str, settings: &str) -> TempDir {
        let files = [("articles/x/y.md", "Press a key."), ("articles/z.md", "Text."), ("articles/.hidden.md", "Text.")];
        let set = [("set/questions.jsonl", questions), ("set/dataset.json", settings)];
        fixtures::folder(&[files.as_slice(), &set].concat())
    }

    fn told(folder: &TempDir) -> String {
        fixtures::told(&examine(&folder.path().join("set")).unwrap().problems)
    }

    #[test]
    fn is_read() {
        let line = r#"{"_id": "q9", "text": "And then?", "answerable": true, "gold": ["x/y.md", "z.md"], "answers": ["a key"], "support": ["Press a key."], "kind": "howto", "history": [{"sender": "customer", "text": "Hi"}, {"sender": "bot", "text": "Hello"}], "intent": "greeting", "group": "own", "subset": "followup", "tags": ["keys"], "language": "en", "checked": "(?i)x"}"#;
        let folder = set(line, "{\"docs\": \"../articles\"}");
        let set = Dataset::read(&folder.path().join("set")).unwrap();
        assert_eq!(set.name, "set");
        assert_eq!(set.source, Articles::Folder(fs::canonicalize(folder.path().join("articles")).unwrap()));
        let expected = Question {
            id: "q9".into(),
            text: "And then?".into(),
            answerable: true,
            gold: vec!["x/y.md".into(), "z.md".into()],
            answers: vec!["a key".into()],
            support: vec!["Press a key.".into()],
            kind: Some("howto".into()),
            subset: Some("followup".into()),
            intent: Some("greeting".into()),
            tags: vec!["keys".into()],
            language: Some("en".into()),
            history: vec![
                Turn { sender: "user".into(), text: "Hi".into() },
                Turn { sender: "bot".into(), text: "Hello".into() },
            ],
            group: "own".into(),
        };
        assert_eq!(set.questions, [expected]);
    }

    #[test]
    fn the_digest_is_that_of_both_files_joined() {
        let (question, settings) = ("{\"_id\": \"q\", \"text\": \"t\"}", "{\"docs\": \"../articles\"}\n");
        let folder = set(question, settings);
        let sha256 = Dataset::read(&folder.path().join("set")).unwrap().sha256;
        assert_eq!(sha256, hex::encode(Sha256::digest(format!("{settings}{question}"))));
    }

    #[test]
    fn a_set_without_its_articles_is_refused() {
        let question = "{\"_id\": \"q\", \"text\": \"t\"}";
        let told_of = |settings: &str| told(&set(question, settings));
        assert!(told_of("{\"docs\": \"../absent\"}").contains("dataset.json: error: \"docs\" names"));
        assert!(told_of("{\"docs\": \"dataset.json\"}").contains("which is not a folder"));
        assert!(told_of("{\n\"doc\": 1}").contains("dataset.json:2: error: missing field `docs`"));
        assert!(told_of("").contains("dataset.json:1: error: EOF"));
        let folder = set(question, "");
        fs::remove_file(folder.path().join("set/dataset.json")).unwrap();
        assert!(told(&folder).contains("dataset.json: error: it cannot be read"));
    }

    #[test]
    fn gold_that_ingest_would_not_read_is_an_error() {
        for gold in
            ["absent.md", "./z.md", "x//y.md", "x/./y.md", "../articles/z.md", ".hidden.md", "x", "", "/etc/hosts.md"]
        {
            let line = format!("{{\"_id\": \"q\", \"text\": \"t\", \"gold\": [\"z.md\", \"{gold}\"]}}");
            let told = told(&set(&line, "{\"docs\": \"../articles\"}"));
            let expected = format!("questions.jsonl:1: error: question \"q\" has the gold article \"{gold}\"");
            assert!(told.contains(&expected), "{expected} is not in {told}");
            assert_eq!(told.matches("error").count(), 1, "{told}");
        }
    }
}
