//! One question of a report: what was asked, what came back, and what that is worth.

use std::ops::RangeInclusive;

use candor::search::Signals;
use candor::telemetry::Stage;
use serde::{Deserialize, Serialize};

use crate::dataset::Question;
use crate::ranking::Ranking;

/// Articles of a ranking that a report keeps.
pub const RANKED_KEPT: usize = 10;

/// What came back for one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Article ids by their best passage, best first.
    pub ranked: Vec<String>,
    /// What would be said.
    pub draft: String,
    /// Ids of the articles that the draft cites, without repeats.
    pub cited: Vec<String>,
    /// The words of the articles that it stands on.
    pub quotes: Vec<String>,
    /// `answered`, `clarify` or `escalated`.
    pub decision: String,
    /// Why it was escalated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the product does not take the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// How the draft was made; `none` for a message that the product does not take.
    pub response_type: String,
    /// 0 to 1.
    pub confidence: f64,
    /// The confidence before it became a probability; `None` for a message that the product does not take.
    pub logit: Option<f64>,
    /// The engine's features by name, each with its value and its part of the logit.
    pub features: Vec<Feature>,
    /// What the best passage was ranked by; `None` where nothing was found, and in reports from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_passage: Option<Signals>,
    /// How long each stage of the answer took.
    pub stages_ms: Vec<(Stage, f64)>,
    /// How long the answer took; `None` where its embedding was kept from before, which would flatter.
    pub total_ms: Option<f64>,
}

/// A signal of the confidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    pub name: String,
    pub value: f64,
    /// What it adds to the logit, or takes from it.
    pub share: f64,
}

impl Asked {
    /// A message that the product refuses to take, such as one that is too long: no draft, not answered.
    #[must_use]
    pub fn refused(why: String) -> Self {
        Self {
            ranked: Vec::new(),
            draft: String::new(),
            cited: Vec::new(),
            quotes: Vec::new(),
            decision: "escalated".to_owned(),
            reason: None,
            refusal: Some(why),
            response_type: "none".to_owned(),
            confidence: 0.0,
            logit: None,
            features: Vec::new(),
            best_passage: None,
            stages_ms: Vec::new(),
            total_ms: None,
        }
    }

    /// Whether the product took the message at all.
    #[must_use]
    pub fn was_taken(&self) -> bool {
        self.refusal.is_none()
    }
}

/// What a draft is worth: by the set's own answers, without a language model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Whether the draft is right; on a question without an answer it never is. `None` where the set has only long gold
    /// answers, which a right answer need not repeat.
    pub correct: Option<bool>,
    /// The scores of a draft of an answerable question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftScores>,
    /// How the articles were ranked, for a question that names a gold article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
}

/// How good a draft of an answerable question is, each 0 to 1 except the words, and `None` where the set has nothing to
/// compare with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DraftScores {
    pub words: usize,
    pub token_f1: Option<f64>,
    /// The share of the set's supporting sentences that the draft or a quote holds.
    pub support_recall: Option<f64>,
    /// The share of the draft's sentences that stand in a gold article.
    pub sentence_support: Option<f64>,
    /// The share of the cited articles that are gold; 0 for a draft that cites none.
    pub citation_precision: f64,
    /// The share of the gold articles that are cited.
    pub citation_recall: f64,
}

/// Ids in their order, each once.
#[must_use]
pub fn without_repeats<'a>(ids: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for id in ids {
        if !kept.iter().any(|known| known == id) {
            kept.push(id.to_owned());
        }
    }
    kept
}

/// A question with its answer and its scores, as a report keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    #[serde(flatten)]
    pub question: Question,
    #[serde(flatten)]
    pub asked: Asked,
    pub judged: Judged,
}

impl Outcome {
    /// Whether the draft was sent to the customer.
    #[must_use]
    pub fn was_answered(&self) -> bool {
        self.asked.decision == "answered"
    }

    /// The slices that it belongs to: a slice's name with this question's value in it.
    #[must_use]
    pub fn slices(&self) -> Vec<(&'static str, String)> {
        let Question { kind, subset, tags, language, history, answerable, .. } = &self.question;
        let mut slices = vec![("answerable", if *answerable { "yes" } else { "no" }.to_owned())];
        slices.extend(kind.iter().map(|kind| ("kind", kind.clone())));
        slices.extend(subset.iter().map(|subset| ("subset", subset.clone())));
        slices.extend(tags.iter().map(|tag| ("tag", tag.clone())));
        slices.push(("language", language.clone().unwrap_or_else(|| language_of(&self.question.text))));
        slices.push(("length", length(&self.question.text).to_owned()));
        slices.push(("turns", if history.is_empty() { "first message" } else { "follow-up" }.to_owned()));
        slices
    }
}

/// The language of a text that is long enough to tell, as its ISO 639-3 code.
fn language_of(text: &str) -> String {
    let told = whatlang::detect(text).filter(whatlang::Info::is_reliable);
    told.map_or_else(|| "not told".to_owned(), |told| told.lang().code().to_owned())
}

/// The lengths that questions are sorted into, in words.
const LENGTHS: [(RangeInclusive<usize>, &str); 4] =
    [(0..=5, "1–5 words"), (6..=10, "6–10 words"), (11..=20, "11–20 words"), (21..=usize::MAX, "over 20 words")];

fn length(text: &str) -> &'static str {
    let words = text.split_whitespace().count();
    LENGTHS.iter().find(|(range, _)| range.contains(&words)).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_question_is_sorted_by_its_words_and_its_language() {
        let mut outcome = fixtures::outcome("q1", true);
        outcome.question.text = "Wie kann ich mein Fahrrad bei einem Schaden am Rahmen zurückgeben lassen?".to_owned();
        outcome.question.tags = vec!["bikes".to_owned(), "returns".to_owned()];
        let slices = outcome.slices();
        for slice in [("length", "11–20 words"), ("language", "deu"), ("tag", "returns"), ("turns", "first message")]
        {
            assert!(slices.contains(&(slice.0, slice.1.to_owned())), "{slice:?} is not in {slices:?}");
        }
    }

    #[test]
    fn an_outcome_survives_being_written_and_read() {
        let outcome = fixtures::outcome("q1", true);
        let read: Outcome = serde_json::from_str(&serde_json::to_string(&outcome).unwrap()).unwrap();
        assert_eq!(read, outcome);
    }
}
