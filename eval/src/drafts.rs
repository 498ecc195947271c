//! The drafts of labelled sets, asked once: what a confidence is fitted to and measured on.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use candor::answer::ResponseType;
use candor::answer::confidence::FittedOn;
use candor::answer::question_hashes::QuestionHashes;
use candor::config::Config;
use candor::search::Signals;

use crate::about::MadeWith;
use crate::fit::Sample;
use crate::measure::{self, Asking};
use crate::outcome::Outcome;
use crate::run;

/// The drafts of all sets, and where they come from.
pub struct Drafts {
    pub samples: Vec<Sample>,
    /// What each sample's best passage was ranked by; all 0 where nothing was found.
    pub best_passages: Vec<Signals>,
    /// The sets' names.
    pub names: Vec<String>,
    /// The sets that something is learned from.
    pub data: Vec<FittedOn>,
    /// What all answers were made with.
    pub made_with: MadeWith,
}

/// A question that got a confidence.
struct Taken<'a> {
    text: &'a str,
    sample: Sample,
    best_passage: Signals,
}

impl Drafts {
    /// Asks the questions of all sets. The drafts are extractive, also where a language model is set up: theirs is the
    /// confidence that is fitted.
    ///
    /// # Errors
    /// A sentence that says what is wrong with a set, or with two of them together.
    pub async fn read(config: &Config, asking: &Asking) -> Result<Self> {
        let (mut samples, mut best_passages, mut data, mut names) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut made_with: Option<MadeWith> = None;
        // A question in two sets would be learned from in one and tested in the other.
        let mut known: HashMap<String, String> = HashMap::new();
        measure::check(asking)?;
        let config = &run::extractive(config);
        for (set, folder) in asking.dataset.iter().enumerate() {
            let measured = measure::set(config, folder, asking).await?;
            measured.journal.finish()?;
            let told = measured.about.made_with.clone();
            if let Some(before) = &made_with
                && (&before.embedding, &before.generator) != (&told.embedding, &told.generator)
            {
                bail!("the sets were answered by {} and by {}: ask the same for all", before.generator, told.generator);
            }
            made_with = Some(told);
            let dataset = &measured.about.dataset;
            let taken = taken(set, &measured.outcomes);
            for Taken { text, .. } in &taken {
                let of_set = known.entry(text.trim().to_lowercase()).or_insert_with(|| format!("{set} {dataset}"));
                if *of_set != format!("{set} {dataset}") {
                    bail!("{dataset} and another set share the question \"{text}\": give each question once");
                }
            }
            let learned = || taken.iter().filter(|one| one.sample.correct.is_some());
            let questions = learned().count();
            if questions == 0 {
                println!("{dataset} has no short gold answers, so nothing is learned from it.");
            } else {
                data.push(FittedOn {
                    dataset: dataset.clone(),
                    sha256: measured.about.data.sha256.clone(),
                    questions,
                    question_hashes: QuestionHashes::of(learned().map(|one| one.text)),
                });
            }
            for Taken { sample, best_passage, .. } in taken {
                samples.push(sample);
                best_passages.push(best_passage);
            }
            names.push(measured.about.dataset);
        }
        let made_with = made_with.context("no set was given")?;
        Ok(Self { samples, best_passages, names, data, made_with })
    }
}

/// The questions that get a confidence; a message that the product does not take never gets to one, and neither does small
/// talk. A draft that took the place of a language model's is another generator's.
fn taken(set: usize, outcomes: &[Outcome]) -> Vec<Taken<'_>> {
    let of = |outcome: &Outcome| Sample {
        set,
        // Without the set: two sets over one folder of articles have groups in common.
        group: outcome.question.group.clone(),
        answerable: outcome.question.answerable,
        correct: outcome.judged.correct,
        features: outcome.asked.features.iter().map(|feature| feature.value).collect(),
    };
    let is_fallback = |outcome: &Outcome| outcome.asked.response_type == ResponseType::Fallback.name();
    let taken = outcomes.iter().filter(|outcome| outcome.asked.logit.is_some() && !is_fallback(outcome));
    taken
        .map(|outcome| Taken {
            text: &outcome.question.text,
            sample: of(outcome),
            best_passage: outcome.asked.best_passage.unwrap_or_default(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_question_without_a_confidence_is_no_sample_and_one_without_a_passage_has_no_signal() {
        let signals = Signals { cosine: 0.8, bm25: 0.4, ..Signals::default() };
        let mut outcomes = ["found", "nothing", "refused"].map(|id| fixtures::outcome(id, true));
        outcomes[0].asked.best_passage = Some(signals);
        outcomes[2].asked.logit = None;
        let taken = taken(3, &outcomes);
        let told: Vec<_> = taken.iter().map(|one| (one.sample.group.as_str(), one.best_passage)).collect();
        assert_eq!(told, [("found", signals), ("nothing", Signals::default())]);
        assert!(taken.iter().all(|one| one.sample.set == 3));
    }
}
