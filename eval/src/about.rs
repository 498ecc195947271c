//! How a report's figures came about: what was asked of what, with what, on what, and what was left out.

use candor::answer::confidence::Calibration;
use candor::answer::question_hashes::QuestionHashes;
use serde::{Deserialize, Serialize};

use crate::hardware::Hardware;
use crate::outcome::Outcome;

/// The circumstances of one run over one set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// When it began, and of what: what `eval history` calls it.
    pub id: String,
    pub dataset: String,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: String,
    /// The version of `eval` and the start of the SHA-256 of its program file.
    pub program: String,
    /// `library`, or the server's URL.
    pub target: String,
    pub made_with: MadeWith,
    /// Decides what `--limit` draws and the resamples of the intervals.
    pub seed: u64,
    /// Resamples behind each interval.
    pub resamples: u32,
    /// Questions that were drawn; `None`: all of them.
    pub limit: Option<u64>,
    pub concurrency: u8,
    pub data: Data,
    /// Articles that could not be ingested, with why.
    pub excluded_articles: Vec<Excluded>,
    /// Messages that the product does not take, with why; they count as not answered.
    pub refused_questions: Vec<Excluded>,
    /// Questions that were asked with a conversation before them.
    pub follow_ups: usize,
    /// Drafts that quote the articles because the language model did not answer.
    pub fallbacks: usize,
    /// Answers that an earlier run, which did not finish, left.
    pub resumed: usize,
    /// Questions whose embedding was kept from an earlier run; their times are left out.
    pub embeddings_kept: usize,
    pub calibration: Disjointness,
    pub hardware: Hardware,
}

/// What the answers were made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeWith {
    /// The version of the product.
    pub candor: String,
    pub config_hash: String,
    pub calibration_hash: String,
    /// What a calibration must name to count for these answers; empty in reports from before there was one.
    #[serde(default)]
    pub answering_hash: String,
    pub embedding: String,
    pub generator: String,
    pub threshold: f64,
    /// What may be claimed for the threshold.
    pub guarantee: String,
}

/// What was asked, and of what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Over the set's own files.
    pub sha256: String,
    /// Over the questions and what a right answer to them is, so that the same ones over edited articles are known.
    pub questions_sha256: String,
    /// Over all articles; `None` for a server's, which are not seen.
    pub articles_sha256: Option<String>,
    pub articles: Option<usize>,
    /// Questions of the whole set.
    pub questions: usize,
    /// Folders and sets whose articles were added.
    pub distractors: Vec<String>,
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    pub id: String,
    pub why: String,
}

/// Whether the calibration has learned from the questions that were asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disjointness {
    /// The sets that it was fitted on; `None` when the server's calibration is not this program's.
    pub fitted_on: Option<Vec<String>>,
    /// Questions of this run whose text it learned from.
    pub questions_seen: Option<usize>,
    /// Whether there is none: only then do the figures of the confidence say what it is worth on new questions.
    pub is_disjoint: Option<bool>,
}

impl Disjointness {
    /// Compares the questions with those that `calibration` was fitted on, by the hash of their text.
    #[must_use]
    pub fn by(calibration: Option<&Calibration>, outcomes: &[Outcome]) -> Self {
        let Some(calibration) = calibration else {
            return Self { fitted_on: None, questions_seen: None, is_disjoint: None };
        };
        let fitted_on = Some(calibration.data.iter().map(|data| data.dataset.clone()).collect());
        // An artefact without the hashes of its questions cannot tell.
        if calibration.data.iter().any(|data| data.question_hashes == QuestionHashes::default()) {
            return Self { fitted_on, questions_seen: None, is_disjoint: None };
        }
        let seen = |outcome: &&Outcome| calibration.data.iter().any(|data| data.holds(&outcome.question.text));
        let questions_seen = outcomes.iter().filter(seen).count();
        Self { fitted_on, questions_seen: Some(questions_seen), is_disjoint: Some(questions_seen == 0) }
    }
}

impl About {
    /// What a reader must know before the figures, each in a sentence.
    #[must_use]
    pub fn caveats(&self) -> Vec<String> {
        let mut caveats = Vec::new();
        let mut say = |count: usize, one: &str, more: &str| match count {
            0 => (),
            1 => caveats.push(format!("1 {one}")),
            count => caveats.push(format!("{count} {more}")),
        };
        say(
            self.excluded_articles.len(),
            "article could not be ingested and was not searched.",
            "articles could not be ingested and were not searched.",
        );
        say(
            self.refused_questions.len(),
            "message was not taken by the product and counts as not answered.",
            "messages were not taken by the product and count as not answered.",
        );
        say(
            self.fallbacks,
            "draft quotes the articles because the language model did not answer.",
            "drafts quote the articles because the language model did not answer.",
        );
        let flatter = "those that the confidence was fitted on: its figures here flatter, and those of questions that it has not seen are \
                       printed by eval calibrate.";
        say(
            self.calibration.questions_seen.unwrap_or_default(),
            &format!("question is among {flatter}"),
            &format!("questions are among {flatter}"),
        );
        if self.calibration.is_disjoint.is_none() {
            caveats.push("Whether the confidence was fitted on these questions is not known.".to_owned());
        }
        if self.data.articles.is_none() {
            caveats.push("The server's articles were not seen: that it has all of the set's is not known.".to_owned());
        }
        if let Some(limit) = self.limit {
            caveats.push(format!("Only {limit} of {} questions were drawn (seed {}).", self.data.questions, self.seed));
        }
        caveats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn what_flatters_or_is_missing_is_said() {
        let mut about = fixtures::about();
        assert_eq!(about.caveats(), Vec::<String>::new());
        about.excluded_articles.push(Excluded { id: "a.md".into(), why: "it is empty".into() });
        about.calibration.questions_seen = Some(7);
        about.limit = Some(10);
        let caveats = about.caveats().join(" ");
        assert!(caveats.contains("1 article could") && caveats.contains("7 questions") && caveats.contains("Only 10"));
    }

    #[test]
    fn without_a_calibration_nothing_is_claimed() {
        assert_eq!(Disjointness::by(None, &[]).is_disjoint, None);
    }
}
