//! From what a language model wrote to a draft whose every sentence stands on a passage that was offered.

use std::collections::HashSet;
use std::ops::Range;

use crate::answer::draft::{Draft, cite};
use crate::answer::features::numbers;
use crate::answer::{Citation, sentences};
use crate::index::{Bm25, TermId};
use crate::search::{Found, Passage};

/// Sentences that are read of an answer.
const SENTENCES_MAX: usize = 40;

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
    pub sufficiency: Sufficiency,
    /// What is not in them.
    #[serde(default)]
    pub missing: String,
    /// How sure the model says it is, 0 to 1.
    #[serde(default)]
    pub confidence: Option<f64>,
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
    /// Why it is not said; `None` when it is.
    pub fault: Option<Fault>,
}

/// What is wrong with a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It names no passage that was offered.
    NoPassage,
    /// It has a number that none of its passages has.
    NumberNotFound,
}

/// Reads what a model wrote. Some put JSON between the fences of a code block, whatever was asked for.
///
/// # Errors
/// When it is not the JSON that was asked for.
pub fn read(text: &str) -> Result<Reply, serde_json::Error> {
    let text = text.trim();
    let text = text.strip_prefix("```json").or_else(|| text.strip_prefix("```")).unwrap_or(text);
    serde_json::from_str(text.strip_suffix("```").unwrap_or(text).trim())
}

/// Checks each sentence of `reply` and drafts the answer from those that hold.
#[must_use]
pub fn ground(bm25: &Bm25, reply: &Reply, found: &Found) -> (Draft, Vec<CheckedSentence>) {
    let checked: Vec<CheckedSentence> =
        reply.sentences.iter().take(SENTENCES_MAX).filter_map(|sentence| check(sentence, &found.passages)).collect();
    let said: Vec<&CheckedSentence> = checked.iter().filter(|sentence| sentence.fault.is_none()).collect();
    let mut citations: Vec<Citation> = Vec::new();
    for sentence in &said {
        let terms: HashSet<TermId> = bm25.document(&sentence.text).ids.into_iter().collect();
        for rank in &sentence.passages {
            let passage = &found.passages[*rank];
            let citation = cite(passage, &nearest_sentence(bm25, passage, &terms));
            if !citations.contains(&citation) {
                citations.push(citation);
            }
        }
    }
    let coverage = |sentence: &&CheckedSentence| found.terms.covered_by(&bm25.document(&sentence.text).ids);
    let draft = Draft {
        text: said.iter().map(|sentence| sentence.text.as_str()).collect::<Vec<_>>().join(" "),
        citations,
        passage_rank: said.first().and_then(|sentence| sentence.passages.first().copied()).unwrap_or_default(),
        best_sentence_coverage: said.iter().map(coverage).fold(0.0, f32::max),
    };
    (draft, checked)
}

/// What is wrong with a sentence, if anything; `None` for an empty one.
fn check(sentence: &ReplySentence, passages: &[Passage]) -> Option<CheckedSentence> {
    let text = sentence.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return None;
    }
    let mut ranks: Vec<usize> = Vec::new();
    for number in &sentence.passages {
        let rank = usize::try_from(number - 1).ok().filter(|rank| *rank < passages.len());
        if let Some(rank) = rank.filter(|rank| !ranks.contains(rank)) {
            ranks.push(rank);
        }
    }
    let fault = if ranks.is_empty() {
        Some(Fault::NoPassage)
    } else if !has_numbers(&text, ranks.iter().map(|rank| &passages[*rank])) {
        Some(Fault::NumberNotFound)
    } else {
        None
    };
    Some(CheckedSentence { text, passages: ranks, fault })
}

/// Whether every number of `text` stands in one of the passages, their titles or their headings.
fn has_numbers<'a>(text: &str, passages: impl Iterator<Item = &'a Passage>) -> bool {
    let offered: HashSet<String> = passages
        .flat_map(|passage| {
            let title = numbers(&passage.title);
            let headings = passage.heading_path.iter().flat_map(|heading| numbers(heading)).collect::<Vec<_>>();
            title.into_iter().chain(headings).chain(numbers(&passage.text))
        })
        .map(|number| number.to_lowercase())
        .collect();
    // A step's own number, "1.", is the answer's and not the article's.
    let own = text.split_whitespace().next().filter(|first| first.ends_with(['.', ')'])).map(str::len).unwrap_or(0);
    let claimed = if text[..own].bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b')') {
        &text[own..]
    } else {
        text
    };
    numbers(claimed).iter().all(|number| offered.contains(&number.to_lowercase()))
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
