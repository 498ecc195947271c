//! A question as any layout gives it, and all that can be wrong with it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::problem::{Problems, counted, quoted};
use super::{Question, Turn};
use crate::matching::{SHORT_ANSWER_WORDS_MAX, word_count};

/// A line of `queries.jsonl` or `questions.jsonl`, or what another layout has of it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Given {
    #[serde(rename = "_id")]
    pub id: String,
    pub text: String,
    pub answerable: Option<bool>,
    #[serde(default)]
    pub gold: Vec<String>,
    #[serde(default)]
    pub answers: Vec<String>,
    #[serde(default)]
    pub support: Vec<String>,
    pub kind: Option<String>,
    pub subset: Option<String>,
    pub intent: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    pub language: Option<String>,
    #[serde(default)]
    pub history: Vec<Turn>,
    pub group: Option<String>,
    pub passage_id: Option<String>,
}

/// The questions of a set while they are read.
pub(super) struct Questions {
    pub file: PathBuf,
    /// Whether all of the file was understood, so that a question that is not here is not in it either.
    pub whole: bool,
    pub list: Vec<Question>,
    /// Where each one stands; `None` in a layout without lines.
    pub lines: Vec<Option<usize>>,
    /// The place of each id in the list.
    ids: HashMap<String, usize>,
    /// The same of each text with its history.
    texts: HashMap<String, usize>,
    /// Those that say in no way whether they have an answer.
    silent: usize,
}

impl Questions {
    pub fn of(file: PathBuf) -> Self {
        let (list, lines, ids, texts) = (Vec::new(), Vec::new(), HashMap::new(), HashMap::new());
        Self { file, whole: true, list, lines, ids, texts, silent: 0 }
    }

    pub fn has(&self, id: &str) -> bool {
        self.ids.contains_key(id)
    }

    /// Adds a question, also one with an error: others may refer to it.
    pub fn add(&mut self, line: Option<usize>, mut given: Given, problems: &mut Problems) {
        let name = format!("question {}", quoted(&given.id));
        let place = self.list.len();
        if given.id.trim().is_empty() {
            problems.error(&self.file, line, "its id is empty");
        } else if let Some(earlier) = self.ids.get(&given.id) {
            let what = format!("the id {} stands {} as well", quoted(&given.id), self.whereabouts(*earlier));
            problems.error(&self.file, line, what);
        } else {
            self.ids.insert(given.id.clone(), place);
        }
        if given.text.trim().is_empty() {
            problems.error(&self.file, line, format!("{name} has an empty text"));
        }
        for (number, turn) in (1..).zip(&mut given.history) {
            if let Err(what) = normalise(turn) {
                problems.error(&self.file, line, format!("{name}: message {number} of its history {what}"));
            }
        }
        if given.history.last().is_some_and(|turn| turn.sender == "user") {
            let what = format!("{name}: its history ends with the user, who then says two things in a row");
            problems.note(&self.file, line, what);
        }
        let gold = without_repeats(std::mem::take(&mut given.gold));
        if given.answerable == Some(false) && !gold.is_empty() {
            let what = format!("{name} is marked as not answerable and has the gold article {}", quoted(&gold[0]));
            problems.error(&self.file, line, what);
        }
        if given.answerable == Some(false) && !given.answers.is_empty() {
            problems.note(&self.file, line, format!("{name} is marked as not answerable and has a gold answer"));
        }
        if given.answerable.is_none() && gold.is_empty() && given.answers.is_empty() {
            self.silent += 1;
        }
        let question = into_question(given, gold);
        if question.answerable && question.gold.is_empty() {
            let what = format!("{name} is answerable and names no gold article: no draft can be right");
            problems.note(&self.file, line, what);
        }
        if let Some(earlier) = self.texts.get(&spoken(&question)) {
            let other = quoted(&self.list[*earlier].id);
            let what = format!("{name} asks the same as {other} {}", self.whereabouts(*earlier));
            problems.note(&self.file, line, what);
        } else {
            self.texts.insert(spoken(&question), place);
        }
        self.list.push(question);
        self.lines.push(line);
    }

    fn whereabouts(&self, place: usize) -> String {
        self.lines[place].map_or_else(|| "before it".to_owned(), |line| format!("in line {line}"))
    }

    /// Says what can only be said of all questions together.
    pub fn finish(&self, problems: &mut Problems) {
        if self.list.is_empty() && self.whole {
            problems.error(&self.file, None, "it holds no question");
        }
        if self.silent > 0 {
            let what = format!(
                "{} neither \"answerable\" nor a gold article nor a gold answer, and so not answerable",
                if self.silent == 1 { "1 question has".to_owned() } else { format!("{} questions have", self.silent) }
            );
            problems.note(&self.file, None, what);
        }
        let answerable: Vec<&Question> = self.list.iter().filter(|question| question.answerable).collect();
        let is_short = |answer: &String| (1..=SHORT_ANSWER_WORDS_MAX).contains(&word_count(answer));
        let without = answerable.iter().filter(|question| !question.answers.iter().any(is_short)).count();
        let long = answerable
            .iter()
            .flat_map(|question| &question.answers)
            .filter(|answer| word_count(answer) > SHORT_ANSWER_WORDS_MAX)
            .count();
        if without > 0 || long > 0 {
            let what = format!(
                "of {} {without} have no gold answer of at most {SHORT_ANSWER_WORDS_MAX} words, so that nobody can \
                 tell whether a draft is right; {} longer",
                counted(answerable.len(), "answerable question"),
                if long == 1 { "1 gold answer is".to_owned() } else { format!("{long} gold answers are") },
            );
            problems.note(&self.file, None, what);
        }
    }
}

fn into_question(given: Given, gold: Vec<String>) -> Question {
    let group = given.group.or_else(|| gold.first().cloned()).or(given.passage_id).unwrap_or_else(|| given.id.clone());
    Question {
        answerable: given.answerable.unwrap_or(!gold.is_empty() || !given.answers.is_empty()),
        id: given.id,
        text: given.text,
        gold,
        answers: given.answers,
        support: given.support,
        kind: given.kind,
        subset: given.subset,
        intent: given.intent,
        tags: given.tags,
        language: given.language,
        history: given.history,
        group,
    }
}

/// Gives the sender of an earlier message one of the two names that all other code knows.
fn normalise(turn: &mut Turn) -> Result<(), String> {
    let sender = match turn.sender.trim().to_ascii_lowercase().as_str() {
        "user" | "customer" | "human" => "user",
        "bot" | "ai" | "assistant" | "agent" => "bot",
        _ => {
            let sender = quoted(&turn.sender);
            return Err(format!("is of {sender}; a sender is user (customer, human) or bot (ai, assistant, agent)"));
        }
    };
    sender.clone_into(&mut turn.sender);
    if turn.text.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(()) }
}

fn without_repeats(ids: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}

/// What was said, such that two questions with the same are the same to whoever answers.
fn spoken(question: &Question) -> String {
    let said = question.history.iter().map(|turn| &turn.text).chain([&question.text]);
    said.map(|text| text.trim().to_lowercase()).collect::<Vec<_>>().join("\u{1f}")
}

/// SHA-256, in hexadecimal, of what is asked and what is right: one line of JSON a question, by rising id, with its id,
/// text, history, whether it is answerable, gold articles and gold answers.
pub(super) fn digest(questions: &[Question]) -> String {
    let mut by_id: Vec<&Question> = questions.iter().collect();
    by_id.sort_by(|one, other| one.id.cmp(&other.id));
    let mut digest = Sha256::new();
    for question in by_id {
        let history: Vec<[&str; 2]> = question.history.iter().map(|turn| [&*turn.sender, &*turn.text]).collect();
        let Question { id, text, answerable, gold, answers, .. } = question;
        digest.update(serde_json::json!([id, text, history, answerable, gold, answers]).to_string());
        digest.update("\n");
    }
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn given(id: &str, text: &str) -> Given {
        Given { id: id.into(), text: text.into(), answerable: Some(false), ..Given::default() }
    }

    fn said(sender: &str, text: &str) -> Turn {
        Turn { sender: sender.into(), text: text.into() }
    }

    fn read(given: Vec<Given>) -> (Vec<Question>, Vec<String>) {
        let mut problems = Problems::default();
        let mut questions = Questions::of("f".into());
        for (line, given) in (1..).zip(given) {
            questions.add(Some(line), given, &mut problems);
        }
        questions.finish(&mut problems);
        (questions.list, problems.kept().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn ids_and_texts_are_checked() {
        let (_, told) = read(vec![given(" ", "a"), given("q", "b"), given("q", "c"), given("r", " \n")]);
        assert_eq!(
            told,
            [
                "f:1: error: its id is empty",
                "f:3: error: the id \"q\" stands in line 2 as well",
                "f:4: error: question \"r\" has an empty text",
            ]
        );
    }

    #[test]
    fn senders_get_one_of_two_names() {
        let senders = ["user", "Customer", "human", "bot", "AI", "assistant ", "agent"];
        let history = senders.map(|sender| said(sender, "x")).to_vec();
        let (questions, told) = read(vec![Given { history, ..given("q", "a") }]);
        let senders: Vec<&str> = questions[0].history.iter().map(|turn| turn.sender.as_str()).collect();
        assert_eq!(senders, ["user", "user", "user", "bot", "bot", "bot", "bot"]);
        assert_eq!(told, [""; 0]);
    }

    #[test]
    fn a_broken_history_is_an_error_and_two_messages_of_the_user_in_a_row_are_a_note() {
        let history = vec![said("system", "x"), said("bot", " "), said("user", "y")];
        let (_, told) = read(vec![Given { history, ..given("q", "a") }]);
        assert!(
            told[0].starts_with("f:1: error: question \"q\": message 1 of its history is of \"system\""),
            "{told:?}"
        );
        assert_eq!(told[1], "f:1: error: question \"q\": message 2 of its history is empty");
        assert!(told[2].starts_with("f:1: note: question \"q\": its history ends with the user"), "{told:?}");
    }

    #[test]
    fn what_is_not_answerable_has_no_gold() {
        let gold = Given { gold: vec!["a.md".into()], answers: vec!["x".into()], ..given("q", "a") };
        let (_, told) = read(vec![gold]);
        assert_eq!(told[0], "f:1: error: question \"q\" is marked as not answerable and has the gold article \"a.md\"");
        assert_eq!(told[1], "f:1: note: question \"q\" is marked as not answerable and has a gold answer");
    }

    #[test]
    fn whether_it_is_answerable_follows_from_gold_where_the_set_does_not_say() {
        let unsaid = |id: &str, gold: &[&str], answers: &[&str]| Given {
            answerable: None,
            gold: gold.iter().map(ToString::to_string).collect(),
            answers: answers.iter().map(ToString::to_string).collect(),
            ..given(id, id)
        };
        let (questions, told) =
            read(vec![unsaid("q", &["a", "a"], &["x"]), unsaid("r", &[], &["y"]), unsaid("s", &[], &[])]);
        let answerable: Vec<bool> = questions.iter().map(|question| question.answerable).collect();
        assert_eq!(answerable, [true, true, false]);
        assert_eq!(questions[0].gold, ["a"]);
        assert_eq!(
            told,
            [
                "f:2: note: question \"r\" is answerable and names no gold article: no draft can be right",
                "f: note: 1 question has neither \"answerable\" nor a gold article nor a gold answer, and so not answerable",
            ]
        );
    }

    #[test]
    fn the_same_text_is_a_note_unless_the_history_differs() {
        let after = |id: &str, before: &str| Given { history: vec![said("bot", before)], ..given(id, "And?") };
        let (_, told) = read(vec![given("q", "And?"), after("r", "x"), after("s", "y"), given("t", " and? ")]);
        assert_eq!(told, ["f:4: note: question \"t\" asks the same as \"q\" in line 1"]);
    }

    #[test]
    fn long_and_missing_gold_answers_are_counted_in_one_note() {
        let with = |id: &str, answers: &[&str]| Given {
            answerable: Some(true),
            gold: vec!["a".into()],
            answers: answers.iter().map(ToString::to_string).collect(),
            ..given(id, id)
        };
        let long = "one two three four five six seven eight nine";
        let (_, told) = read(vec![with("q", &["x", long]), with("r", &[long]), with("s", &[""])]);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("f: note: of 3 answerable questions 2 have no gold answer of at most 8 words"));
        assert!(told[0].ends_with("; 2 gold answers are longer"));
    }

    #[test]
    fn a_file_without_a_question_is_an_error_unless_that_is_told_already() {
        let mut problems = Problems::default();
        Questions::of(Path::new("f").into()).finish(&mut problems);
        Questions { whole: false, ..Questions::of("g".into()) }.finish(&mut problems);
        assert_eq!(
            problems.kept().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["f: error: it holds no question"]
        );
    }

    #[test]
    fn the_digest_follows_what_is_asked_and_not_the_order() {
        let of = |ids: &[&str], text: &str, tag: &str| {
            let one = |id: &&str| Given { tags: vec![tag.into()], ..given(id, text) };
            digest(&read(ids.iter().map(one).collect()).0)
        };
        assert_eq!(of(&["q", "r"], "a", "x"), of(&["r", "q"], "a", "y"));
        assert_ne!(of(&["q", "r"], "a", "x"), of(&["q", "r"], "b", "x"));
        assert_ne!(of(&["q", "r"], "a", "x"), of(&["q", "s"], "a", "x"));
        let line = "[\"q\",\"a\",[],false,[],[]]\n";
        assert_eq!(of(&["q"], "a", "x"), hex::encode(Sha256::digest(line)));
    }
}
