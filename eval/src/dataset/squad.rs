//! SQuAD: one JSON file of articles, their paragraphs, and questions about each paragraph (2.0, and 1.1, in which all
//! questions are answerable).

use std::collections::HashMap;
use std::collections::hash_map;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lines::without_place;
use super::problem::Problems;
use super::question::{Given, Questions};
use super::{Articles, Entry};

#[derive(Deserialize)]
struct File {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    title: String,
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    /// Read one by one, so that a broken one does not hide the others.
    qas: Vec<Value>,
}

#[derive(Deserialize)]
struct Asked {
    id: String,
    question: String,
    #[serde(default)]
    is_impossible: bool,
    #[serde(default)]
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
}

/// The paragraphs, each once, whatever the number of articles that hold it.
#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    /// The place in the list of each text.
    places: HashMap<String, usize>,
    /// How many paragraphs of each title there are.
    numbers: HashMap<String, usize>,
}

impl Entries {
    /// The id of the paragraph: its article's title and its number in it, from 0, such as `Normans_012`.
    fn id_of(&mut self, title: &str, context: String) -> String {
        let place = match self.places.entry(context) {
            hash_map::Entry::Occupied(place) => *place.get(),
            hash_map::Entry::Vacant(vacant) => {
                let number = self.numbers.entry(title.to_owned()).or_default();
                let id = format!("{}_{number:03}", title.replace(' ', "_"));
                *number += 1;
                self.list.push(Entry { id, title: title.to_owned(), text: vacant.key().clone() });
                *vacant.insert(self.list.len() - 1)
            }
        };
        self.list[place].id.clone()
    }
}

/// Reads the file; the digest is that of the file.
pub(super) fn read(path: &Path, digest: &mut Sha256, problems: &mut Problems) -> (Articles, Questions) {
    let mut questions = Questions::of(path.to_owned());
    let Some(file) = read_json(path, digest, problems) else {
        questions.whole = false;
        return (Articles::Entries(Vec::new()), questions);
    };
    let mut entries = Entries::default();
    for article in file.data {
        // Wikipedia's addresses write a space as `_`.
        let title = article.title.replace('_', " ");
        for (number, paragraph) in (1..).zip(article.paragraphs) {
            if paragraph.context.trim().is_empty() {
                problems.error(path, None, format!("paragraph {number} of {title:?} has an empty context"));
            }
            let passage = entries.id_of(&title, paragraph.context);
            for asked in paragraph.qas {
                match serde_json::from_value(asked) {
                    Ok(asked) => questions.add(None, given(asked, &passage), problems),
                    Err(error) => {
                        let what =
                            format!("a question about paragraph {number} of {title:?}: {}", without_place(&error));
                        problems.error(path, None, what);
                        questions.whole = false;
                    }
                }
            }
        }
    }
    if entries.list.is_empty() {
        problems.error(path, None, "it holds no article");
    }
    (Articles::Entries(entries.list), questions)
}

fn read_json(path: &Path, digest: &mut Sha256, problems: &mut Problems) -> Option<File> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            problems.error(path, None, format!("it cannot be read: {error}"));
            return None;
        }
    };
    digest.update(&bytes);
    let json = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    match serde_json::from_slice(json) {
        Ok(file) => Some(file),
        Err(error) => {
            let what = format!("it is not SQuAD's JSON: {} (column {})", without_place(&error), error.column());
            problems.error(path, error.line().max(1), what);
            None
        }
    }
}

/// The question with its distinct gold answers; its group is the paragraph, also when that does not answer it.
fn given(asked: Asked, passage: &str) -> Given {
    let mut answers: Vec<String> = Vec::new();
    for answer in asked.answers {
        if !answers.contains(&answer.text) {
            answers.push(answer.text);
        }
    }
    Given {
        id: asked.id,
        text: asked.question,
        answerable: Some(!asked.is_impossible),
        gold: if asked.is_impossible { Vec::new() } else { vec![passage.to_owned()] },
        answers,
        group: Some(passage.to_owned()),
        ..Given::default()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::{Dataset, Layout, examine};
    use super::*;
    use crate::fixtures;

    const TWO: &str = r#"{"version": "v2.0", "data": [
        {"title": "Steam_engine", "paragraphs": [
            {"context": "Watt made it.", "qas": [
                {"id": "1", "question": "Who made it?", "is_impossible": false,
                 "answers": [{"text": "Watt", "answer_start": 0}, {"text": "Watt", "answer_start": 0}]},
                {"id": "2", "question": "Who sold it?", "is_impossible": true, "answers": [],
                 "plausible_answers": [{"text": "Watt", "answer_start": 0}]}]},
            {"context": "It was hot.", "qas": []}]},
        {"title": "Watt", "paragraphs": [
            {"context": "Watt made it.", "qas": [{"id": "3", "question": "And?", "answers": [{"text": "it"}]}]},
            {"context": "He was born.", "qas": []}]}]}"#;

    fn file(text: &str) -> TempDir {
        fixtures::folder(&[("dev-v2.0.json", text)])
    }

    fn told(text: &str) -> String {
        fixtures::told(&examine(&file(text).path().join("dev-v2.0.json")).unwrap().problems)
    }

    #[test]
    fn is_read() {
        let folder = file(TWO);
        let examined = examine(&folder.path().join("dev-v2.0.json")).unwrap();
        assert_eq!((examined.layout, fixtures::told(&examined.problems).as_str()), (Layout::Squad, ""));
        let set = examined.set;
        assert_eq!(set.name, "dev-v2.0");
        assert_eq!(set.sha256, hex::encode(Sha256::digest(TWO)));
        let Articles::Entries(entries) = &set.source else { panic!("{:?}", set.source) };
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["Steam_engine_000", "Steam_engine_001", "Watt_000"]);
        assert_eq!((entries[0].title.as_str(), entries[0].text.as_str()), ("Steam engine", "Watt made it."));
        let answerable: Vec<bool> = set.questions.iter().map(|question| question.answerable).collect();
        assert_eq!(answerable, [true, false, true]);
        assert_eq!(
            (set.questions[0].gold.as_slice(), set.questions[0].answers.as_slice()),
            (["Steam_engine_000".to_owned()].as_slice(), ["Watt".to_owned()].as_slice())
        );
        assert!(set.questions[1].gold.is_empty() && set.questions[1].answers.is_empty());
        assert!(set.questions.iter().all(|question| question.group == "Steam_engine_000"));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let asked = |qas: &str| {
            told(&format!(
                "{{\"data\": [{{\"title\": \"T\", \"paragraphs\": [{{\"context\": \"x\", \"qas\": [{qas}]}}]}}]}}"
            ))
        };
        let question = r#"{"id": "1", "question": "a?", "answers": [{"text": "x"}]}"#;
        assert_eq!(asked(question), "");
        assert!(asked(&format!("{question},{question}")).contains(": error: the id \"1\" stands before it as well"));
        assert!(asked(r#"{"id": "1", "question": " "}"#).contains(": error: question \"1\" has an empty text"));
        let both = asked(r#"{"id": 1, "question": "a?"}, {"id": "2"}"#);
        assert!(both.contains("a question about paragraph 1 of \"T\": invalid type: integer `1`"), "{both}");
        assert!(both.contains("a question about paragraph 1 of \"T\": missing field `question`"), "{both}");
        assert!(asked("").contains(": error: it holds no question"));
    }

    #[test]
    fn what_is_no_squad_is_told_by_line() {
        assert!(
            told("{\n\"date\": []}").contains("dev-v2.0.json:2: error: it is not SQuAD's JSON: missing field `data`")
        );
        assert!(told("").contains("dev-v2.0.json:1: error: it is not SQuAD's JSON: EOF"));
        let empty = told("{\"data\": []}");
        assert!(empty.contains("it holds no article") && empty.contains("it holds no question"), "{empty}");
        let blank = told(r#"{"data": [{"title": "T", "paragraphs": [{"context": "", "qas": []}]}]}"#);
        assert!(blank.contains("paragraph 1 of \"T\" has an empty context"), "{blank}");
    }

    #[test]
    fn it_may_be_used_as_a_set() {
        assert_eq!(Dataset::read(&file(TWO).path().join("dev-v2.0.json")).unwrap().group_count(), 1);
    }
}
