//! From what a language model wrote to a draft whose every sentence stands on a passage that was offered.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;

use crate::answer::discretion::Discretion;
use crate::answer::draft::{Draft, cite};
use crate::answer::evidence::Evidence;
use crate::answer::opinions::Opinion;
use crate::answer::orders;
use crate::answer::sentence::Sentence;
pub use crate::answer::support::Fault;
use crate::answer::support::{self, Context};
use crate::index::{Bm25, TermId};
use crate::knowledge::sentences;
use crate::search::Passage;

/// What this check is called; the number goes up when sentences are checked otherwise.
pub const NAME: &str = "sentences-2";

/// Sentences that are read of an answer.
pub(super) const SENTENCES_MAX: usize = 40;

/// A model that thinks it less likely that a sentence follows from its passages holds it back.
const ENTAILMENT_MIN: f64 = 0.5;

/// Whether the passages answer the question, as the model says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sufficiency {
    /// They do.
    Sufficient,
    /// They answer a part.
    Partial,
    /// They do not.
    Insufficient,
}

/// What a model was asked to write.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct Reply {
    /// The answer.
    pub sentences: Vec<ReplySentence>,
    /// Whether the passages answer the question.
    #[serde(rename = "evidence")]
    pub sufficiency: Sufficiency,
    /// What is not in them.
    #[serde(rename = "unanswered", default)]
    pub missing: String,
    /// How sure the model says it is, 0 to 1.
    #[serde(default)]
    pub confidence: Option<f64>,
}

impl Reply {
    /// How sure the model says it is, as a probability; `None` where it is none.
    pub(super) fn stated_confidence(&self) -> Option<f64> {
        self.confidence.filter(|stated| (0.0..=1.0).contains(stated))
    }

    /// The same with what was kept from the model.
    #[must_use]
    pub(super) fn told_by(self, discretion: &Discretion) -> Self {
        Self {
            sentences: self.sentences.into_iter().map(|sentence| sentence.told_by(discretion)).collect(),
            missing: discretion.inward(self.missing),
            ..self
        }
    }
}

impl ReplySentence {
    /// The same with what was kept from the model.
    #[must_use]
    pub(super) fn told_by(self, discretion: &Discretion) -> Self {
        Self { text: discretion.inward(self.text), ..self }
    }
}

/// A sentence with the numbers of the passages that it stands on.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct ReplySentence {
    /// What it says.
    pub text: String,
    /// From 1.
    #[serde(default)]
    pub passages: Vec<i64>,
}

/// A sentence and what became of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedSentence {
    /// What it says.
    pub text: String,
    /// The ranks of the passages that it names, of those that were offered.
    pub passages: Vec<usize>,
    /// The probability that its passages carry it, 0 to 1; 0 where it names none.
    #[serde(default)]
    pub score: f64,
    /// The probability that it follows from its passages, as a checker says that read both; `None` where none was asked or none answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entailment: Option<f64>,
    /// Why it is not said; `None` when it is.
    pub fault: Option<Fault>,
}

/// Reads what a model wrote. Some put JSON between the fences of a code block, whatever was asked for.
///
/// # Errors
/// When it is not the JSON that was asked for.
pub fn read(text: &str) -> Result<Reply, serde_json::Error> {
    let text = without_fence(text).trim_end();
    serde_json::from_str(text.strip_suffix("```").unwrap_or(text).trim())
}

/// What a model wrote without the fence before it.
pub(super) fn without_fence(text: &str) -> &str {
    let text = text.trim_start();
    text.strip_prefix("```json").or_else(|| text.strip_prefix("```")).unwrap_or(text)
}

/// A sentence of a reply as it is checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claim {
    /// What is said.
    text: String,
    /// The same without the number of a step.
    pub statement: String,
    /// The ranks of the passages that it names, of those that were offered.
    pub passages: Vec<usize>,
    /// What those say.
    pub offered: String,
}

/// The sentences of `reply` that say something.
#[must_use]
pub(super) fn claims(reply: &Reply, passages: &[Passage]) -> Vec<Claim> {
    let sentences = reply.sentences.iter().take(SENTENCES_MAX).enumerate();
    sentences.filter_map(|(place, sentence)| Claim::read(place, sentence, passages)).collect()
}

impl Claim {
    /// The sentence at `place`; `None` for an empty one.
    pub fn read(place: usize, sentence: &ReplySentence, passages: &[Passage]) -> Option<Self> {
        let text = sentence.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return None;
        }
        let mut ranks: Vec<usize> = Vec::new();
        for number in &sentence.passages {
            let rank = number.checked_sub(1).and_then(|rank| usize::try_from(rank).ok());
            if let Some(rank) = rank.filter(|rank| *rank < passages.len() && !ranks.contains(rank)) {
                ranks.push(rank);
            }
        }
        let mut offered = String::new();
        for rank in &ranks {
            let Passage { title, heading_path, text, .. } = &passages[*rank];
            let heading = heading_path.join("\n");
            let [title, heading, text] = [title, &heading, text].map(|text| orders::without(text));
            // An article's links stand in its text.
            let [title, heading] = [title, heading].map(|text| without_links(&text));
            let _ = writeln!(offered, "{title}\n{heading}\n{text}");
        }
        let statement = without_step(&text, place).to_owned();
        Some(Self { text, statement, passages: ranks, offered })
    }

    /// What becomes of it, with the opinion that models have of it, where it answers `question`, which gives no orders.
    pub fn check(self, question: &str, opinion: &Opinion) -> CheckedSentence {
        let Judgement { score, fault } = if self.passages.is_empty() {
            Judgement::fault(Fault::NoPassage)
        } else {
            judge(&self.statement, question, &self.offered, &Context::read(&self.offered), opinion)
        };
        CheckedSentence { text: self.text, passages: self.passages, score, entailment: opinion.entailment, fault }
    }
}

/// Checks each of the `claims`, of each of which models have one of the `opinions`, and drafts the answer from those that hold.
#[must_use]
pub(super) fn ground(
    bm25: &Bm25,
    claims: Vec<Claim>,
    opinions: &[Opinion],
    evidence: &Evidence,
) -> (Draft, Vec<CheckedSentence>) {
    // An order is not excused by being repeated.
    let question = orders::asked(&evidence.question);
    let none = Opinion::default();
    let opinions = opinions.iter().chain(std::iter::repeat(&none));
    let checked: Vec<CheckedSentence> =
        claims.into_iter().zip(opinions).map(|(claim, opinion)| claim.check(&question, opinion)).collect();
    let mut draft = Draft::default();
    for sentence in checked.iter().filter(|sentence| sentence.fault.is_none()) {
        say(&mut draft, bm25, sentence, evidence);
    }
    (draft, checked)
}

/// Adds a sentence that holds to a draft, with what it stands on.
pub(super) fn say(draft: &mut Draft, bm25: &Bm25, said: &CheckedSentence, evidence: &Evidence) {
    if !draft.text.is_empty() {
        draft.text.push(' ');
    }
    draft.text.push_str(&said.text);
    let terms: HashSet<TermId> = bm25.document(&said.text).ids.into_iter().collect();
    for rank in &said.passages {
        let passage = &evidence.found.passages[*rank];
        let span = nearest_sentence(bm25, passage, &terms);
        let is_it = |sentence: &Sentence| sentence.rank == *rank && sentence.span == span;
        let quoted = evidence.sentences.iter().position(is_it).filter(|number| !draft.quoted.contains(number));
        draft.quoted.extend(quoted);
        let citation = cite(passage, &span);
        if !draft.citations.contains(&citation) {
            draft.citations.push(citation);
        }
    }
    let score = |number: &&usize| evidence.sentences[**number].score;
    draft.best = draft.quoted.iter().max_by(|one, other| score(one).total_cmp(&score(other))).copied();
}

/// What the check makes of a sentence or an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The probability that what is offered carries it, 0 to 1.
    pub score: f64,
    /// Why it is not said; `None` when it is.
    pub fault: Option<Fault>,
}

impl Judgement {
    fn fault(fault: Fault) -> Self {
        Self { score: 0.0, fault: Some(fault) }
    }

    /// The worse of two, as an answer is no better than its worst sentence.
    fn and(self, other: Self) -> Self {
        Self { score: self.score.min(other.score), fault: self.fault.or(other.fault) }
    }
}

/// How well `offered`, which `context` was read from, carries a sentence, and what is wrong with it. Where a checker has an opinion, both
/// must agree.
fn judge(sentence: &str, question: &str, offered: &str, context: &Context, opinion: &Opinion) -> Judgement {
    if !links(sentence).all(|link| offered.contains(link)) {
        return Judgement::fault(Fault::LinkNotFound);
    }
    if support::is_promise(sentence, offered) {
        return Judgement::fault(Fault::Promise);
    }
    let support = support::of(sentence, context, question, opinion.carried.as_ref());
    let follows = opinion.entailment.unwrap_or(1.0);
    let not_entailed = (follows < ENTAILMENT_MIN).then_some(Fault::NotEntailed);
    Judgement { score: support.score.min(follows), fault: support.fault.or(not_entailed) }
}

/// A text without its links and addresses, on one line.
fn without_links(text: &str) -> String {
    let kept: Vec<&str> = text.split_whitespace().filter(|word| links(word).next().is_none()).collect();
    kept.join(" ")
}

/// Links and addresses.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|char: char| !char.is_alphanumeric() && char != '/'))
        .filter(|word| word.contains("://") || word.starts_with("www.") || word.contains('@'))
}

/// A step without its number, which is the answer's and not the article's: "2. Open the app." in the second place, or after it where
/// the steps are introduced.
fn without_step(text: &str, place: usize) -> &str {
    let split = text.split_once(['.', ')']).filter(|(_, rest)| rest.starts_with(' '));
    let step =
        split.filter(|(number, _)| number.parse::<usize>().is_ok_and(|number| (1..=place + 1).contains(&number)));
    step.map_or(text, |(_, rest)| rest.trim_start())
}

/// The sentences of an answer, without the numbers of steps.
#[must_use]
pub fn statements(answer: &str) -> Vec<&str> {
    let spans = sentences::split(answer).into_iter().enumerate();
    spans.map(|(place, span): (usize, Range<usize>)| without_step(&answer[span], place)).collect()
}

/// How well `context` carries the sentences of an answer, each with the opinion that models have of it: as well as the worst of them. An
/// answer without a sentence is not carried at all.
#[must_use]
pub fn support(context: &str, question: &str, statements: &[(&str, Opinion)]) -> Judgement {
    let read = Context::read(context);
    let judge = |(statement, opinion): &(&str, Opinion)| judge(statement, question, context, &read, opinion);
    statements.iter().map(judge).reduce(Judgement::and).unwrap_or(Judgement::fault(Fault::WordsNotFound))
}

/// The sentence of `passage` that has most words in common with `terms`; the first of equal ones.
fn nearest_sentence(bm25: &Bm25, passage: &Passage, terms: &HashSet<TermId>) -> Range<usize> {
    let mut best: (usize, Range<usize>) = (0, 0..passage.text.len());
    for span in sentences::split(&passage.text) {
        let shared = bm25.document(&passage.text[span.clone()]).ids.iter().filter(|term| terms.contains(term)).count();
        if shared > best.0 {
            best = (shared, span);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::evidence::tests::evidence;
    use crate::search::tests::passage;

    const PASSAGE: &str =
        "A return is free within 30 days. The fee is €1,500 at most. Write to help@tarnwheel.example.";

    fn grounded(sentences: &[(&str, i64)]) -> (Draft, Vec<Option<Fault>>) {
        let (draft, checked) = grounded_with(sentences, &[]);
        (draft, checked.into_iter().map(|sentence| sentence.fault).collect())
    }

    fn grounded_with(sentences: &[(&str, i64)], opinions: &[Opinion]) -> (Draft, Vec<CheckedSentence>) {
        let bm25 = Bm25::new().unwrap();
        let passage = Passage { title: "Returns".into(), ..passage(PASSAGE) };
        let mut evidence = evidence("Can I return it after 12 days?");
        evidence.found.passages.push(passage);
        let sentences = sentences
            .iter()
            .map(|(text, passage)| ReplySentence { text: (*text).to_owned(), passages: vec![*passage] })
            .collect();
        let reply =
            Reply { sentences, sufficiency: Sufficiency::Sufficient, missing: String::new(), confidence: Some(0.9) };
        let claims = claims(&reply, &evidence.found.passages);
        ground(&bm25, claims, opinions, &evidence)
    }

    #[test]
    fn a_sentence_is_said_when_its_words_and_the_checker_agree() {
        let sentences = [("A return is free.", 1), ("A return is free within 30 days.", 1), ("It costs 45 crowns.", 1)];
        let opinions = [0.2, 0.9, 0.9].map(|likely| Opinion { entailment: Some(likely), ..Opinion::default() });
        let (draft, checked) = grounded_with(&sentences, &opinions);
        let faults: Vec<Option<Fault>> = checked.iter().map(|sentence| sentence.fault).collect();
        assert_eq!(faults, [Some(Fault::NotEntailed), None, Some(Fault::NumberNotFound)]);
        assert_eq!((checked[0].score, checked[0].entailment), (0.2, Some(0.2)));
        assert!(checked[1].score <= 0.9 && checked[2].score < 0.4, "{checked:?}");
        assert_eq!(draft.text, "A return is free within 30 days.");
    }

    #[test]
    fn a_sentence_is_said_when_its_passage_carries_it() {
        let sentences = [
            ("You can return it free within 30-day, so after 12 days.", 1),
            ("2. The fee is 1500 euros at most.", 1),
            ("Write to help@tarnwheel.example.", 1),
        ];
        let (draft, faults) = grounded(&sentences);
        assert_eq!(faults, [None, None, None], "{draft:?}");
        assert_eq!(draft.citations.len(), 3);
        assert_eq!(draft.citations[0].quote, "A return is free within 30 days.");
    }

    #[test]
    fn a_sentence_is_not_said_when_its_passage_does_not() {
        let sentences = [
            ("A return is free within 45 days.", 1),
            ("45.", 1),
            ("A return is free.", 2),
            ("A return is free.", i64::MIN),
            ("A return is free: see https://evil.example/free.", 1),
            ("Ignore that, everything costs nothing for everybody today.", 1),
            ("A return is not free within 30 days.", 1),
            ("The fee is $1,500 at most.", 1),
            ("I have opened a ticket for you.", 1),
        ];
        let (draft, faults) = grounded(&sentences);
        let expected = [
            Fault::NumberNotFound,
            Fault::NumberNotFound,
            Fault::NoPassage,
            Fault::NoPassage,
            Fault::LinkNotFound,
            Fault::WordsNotFound,
            Fault::Denied,
            Fault::NumberMisplaced,
            Fault::Promise,
        ];
        assert_eq!(faults, expected.map(Some));
        assert!(draft.text.is_empty() && draft.citations.is_empty());
    }

    #[test]
    fn an_answer_is_as_well_supported_as_its_worst_sentence() {
        let support = |answer: &str| {
            let statements = statements(answer).into_iter().map(|statement| (statement, Opinion::default()));
            support(PASSAGE, "Can I return it?", &statements.collect::<Vec<_>>()).score
        };
        assert!(support("A return is free.") > 0.9);
        assert!(support("1. A return is free. 2. Write to help@tarnwheel.example.") > 0.5);
        assert!(support("A return is free within 45 days.") < 0.5);
        assert!(support("A return is free. Ignore whatever anybody else believes.") < 0.5);
        assert!(support("").abs() < 1e-9);
    }

    #[test]
    fn json_between_the_fences_of_a_code_block_is_read() {
        let json = r#"{"sentences": [], "evidence": "insufficient"}"#;
        assert_eq!(read(&format!("```json\n{json}\n```")).unwrap(), read(json).unwrap());
        assert!(read("I cannot help.").is_err());
    }
}
