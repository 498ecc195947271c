//! Answers from the passages: a stand-in for a model that is honest, dull and always the same.
//!
//! Sentences are taken word for word by how many words they share with the question, so that what Candor checks of an
//! answer (quotes, citations, sufficiency) can be checked against something that a person can predict.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use crate::evidence::Evidence;

/// A sentence that shares fewer words with the question is about something else.
const SHARED_WORDS_MIN: usize = 2;
/// So is one that shares a smaller part of the question's words.
const SHARED_PERCENT_MIN: usize = 30;
/// From here on the question counts as answered and not only touched.
const SUFFICIENT_PERCENT: usize = 60;
const SENTENCES_MAX: usize = 3;
/// Words up to this length, such as "is", say little; longer ones of that sort are in [`STOP_WORDS`].
const SHORT_WORD_CHARACTERS: usize = 2;

/// English words that are in every question.
const STOP_WORDS: &[&str] = &[
    "about", "after", "all", "and", "any", "are", "been", "before", "but", "can", "could", "did", "does", "for",
    "from", "had", "has", "have", "her", "here", "his", "how", "into", "its", "just", "may", "much", "many", "not",
    "one", "our", "out", "please", "shall", "she", "should", "some", "than", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "those", "was", "were", "what", "when", "where", "which", "who", "whom", "whose",
    "why", "will", "with", "would", "you", "your",
];

/// What the fake says in JSON, in the order of the names: so models write it where nobody asks for another order.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Answer {
    /// The share of the question's words that the sentences have.
    pub(crate) confidence: f64,
    #[serde(rename = "evidence")]
    pub(crate) sufficiency: Sufficiency,
    pub(crate) sentences: Vec<Sentence>,
    /// What the passages do not say; empty when nothing is missing.
    #[serde(rename = "unanswered")]
    pub(crate) missing: String,
}

/// One sentence with the numbers of the passages that it is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sentence {
    pub(crate) text: String,
    pub(crate) passages: Vec<u64>,
}

/// Whether the passages answer the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sufficiency {
    Sufficient,
    Partial,
    Insufficient,
}

impl Answer {
    /// Answers the question of `evidence` from its passages, in their order.
    pub(crate) fn of(evidence: &Evidence) -> Self {
        let asked = words(&evidence.question);
        let mut candidates = candidates(evidence, &asked);
        // The sort keeps the order of the passages among equals.
        candidates.sort_by_key(|candidate| Reverse(candidate.shared.len()));
        let best = candidates.first().map_or(0, |candidate| candidate.shared.len());
        candidates.retain(|candidate| is_enough(candidate.shared.len(), asked.len()));
        candidates.truncate(SENTENCES_MAX);
        if candidates.is_empty() {
            return Self::insufficient("The passages do not answer the question.", share(best, asked.len()));
        }
        candidates.sort_by_key(|candidate| candidate.place);
        let covered: BTreeSet<&String> = candidates.iter().flat_map(|candidate| &candidate.shared).collect();
        let confidence = share(covered.len(), asked.len());
        let left: Vec<&str> = asked.iter().filter(|word| !covered.contains(word)).map(String::as_str).collect();
        let (sufficiency, missing) = if covered.len() * 100 >= asked.len() * SUFFICIENT_PERCENT {
            (Sufficiency::Sufficient, String::new())
        } else {
            (Sufficiency::Partial, format!("The passages say nothing about: {}.", left.join(", ")))
        };
        let sentences = candidates.into_iter().map(|candidate| candidate.sentence).collect();
        Self { confidence, sufficiency, sentences, missing }
    }

    /// Says that there is no answer.
    pub(crate) fn insufficient(missing: &str, confidence: f64) -> Self {
        let missing = missing.to_owned();
        Self { sentences: Vec::new(), sufficiency: Sufficiency::Insufficient, missing, confidence }
    }

    /// The same without JSON.
    pub(crate) fn prose(&self) -> String {
        if self.sentences.is_empty() {
            return self.missing.clone();
        }
        self.sentences.iter().map(|sentence| sentence.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

struct Candidate {
    sentence: Sentence,
    /// The question's words that stand in it.
    shared: BTreeSet<String>,
    /// Where it stands among all sentences.
    place: usize,
}

/// Every sentence of the passages once, however many passages have it.
fn candidates(evidence: &Evidence, asked: &BTreeSet<String>) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for passage in &evidence.passages {
        for text in passage.text.lines().flat_map(UnicodeSegmentation::unicode_sentences).map(str::trim) {
            match candidates.iter_mut().find(|candidate| candidate.sentence.text == text) {
                Some(known) if known.sentence.passages.contains(&passage.number) => {}
                Some(known) => known.sentence.passages.push(passage.number),
                None => candidates.push(Candidate {
                    sentence: Sentence { text: text.to_owned(), passages: vec![passage.number] },
                    shared: words(text).intersection(asked).cloned().collect(),
                    place: candidates.len(),
                }),
            }
        }
    }
    candidates
}

fn is_enough(shared: usize, asked: usize) -> bool {
    shared >= SHARED_WORDS_MIN && shared * 100 >= asked * SHARED_PERCENT_MIN
}

/// A share with two digits, 0 of nothing.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 100.0).round() / 100.0 }
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase);
    words.filter(|word| word.chars().count() > SHORT_WORD_CHARACTERS && !STOP_WORDS.contains(&word.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Passage;

    fn evidence(question: &str, passages: &[(u64, &str)]) -> Evidence {
        let passage = |(number, text): &(u64, &str)| Passage {
            number: *number,
            title: String::new(),
            heading: String::new(),
            text: (*text).to_owned(),
        };
        Evidence { question: question.to_owned(), passages: passages.iter().map(passage).collect() }
    }

    #[test]
    fn the_sentences_that_share_most_are_quoted_in_their_order() {
        let answer = Answer::of(&evidence(
            "How long does the battery charge take in winter?",
            &[
                (3, "Store the battery inside in winter. Größere Akkus laden länger."),
                (5, "The battery charge takes 4 h."),
            ],
        ));
        let sentences: Vec<_> = answer.sentences.iter().map(|s| (s.text.as_str(), s.passages.as_slice())).collect();
        let expected = [("Store the battery inside in winter.", &[3][..]), ("The battery charge takes 4 h.", &[5][..])];
        assert_eq!(sentences, expected);
        assert_eq!((answer.sufficiency, answer.confidence), (Sufficiency::Sufficient, 0.6));
        assert_eq!(answer.missing, "");
    }

    #[test]
    fn a_sentence_of_two_passages_cites_both() {
        let answer =
            Answer::of(&evidence("Return a bicycle?", &[(1, "Return the bicycle."), (2, "Return the bicycle.")]));
        assert_eq!(answer.sentences, [Sentence { text: "Return the bicycle.".to_owned(), passages: vec![1, 2] }]);
    }

    #[test]
    fn what_is_left_open_is_said() {
        let asked = "Refund duration abroad, customs, insurance, currency?";
        let answer = Answer::of(&evidence(asked, &[(1, "The refund has a duration of 14 days.")]));
        assert_eq!(answer.sufficiency, Sufficiency::Partial);
        assert_eq!(answer.missing, "The passages say nothing about: abroad, currency, customs, insurance.");
    }

    #[test]
    fn too_little_in_common_is_insufficient() {
        for (asked, text) in [
            ("Which colours do helmets have?", "Helmets cost 40 euros."),
            ("alpha beta gamma delta epsilon zeta eta", "Only alpha and beta are here."),
            ("", "Anything."),
        ] {
            let answer = Answer::of(&evidence(asked, &[(1, text)]));
            assert_eq!((answer.sentences.len(), answer.sufficiency), (0, Sufficiency::Insufficient), "{asked}");
            assert!(answer.confidence <= 0.5 && !answer.missing.is_empty(), "{asked}");
        }
    }
}
