//! Every quality figure by its name in the report, as a statistic over outcomes.
//!
//! A statistic takes how often each outcome counts (`interval::Bootstrap`), so that one definition gives the value, its
//! interval, its slice and its difference between two runs.

use crate::abstention::Ranked;
use crate::calibration_error::Confidences;
use crate::interval::mean;
use crate::outcome::{DraftScores, Outcome};

/// Which way a figure gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
    /// It describes the set or the style, and no change of it is a loss.
    Neither,
}

/// A figure's name and meaning.
#[derive(Debug)]
pub struct Definition {
    /// The section and the field of the report, as in `retrieval.hit_at_1`.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    pub better: Better,
}

const fn define(name: &'static str, label: &'static str, better: Better) -> Definition {
    Definition { name, label, better }
}

/// All of them, in the report's order.
pub const DEFINITIONS: [Definition; 27] = [
    define("retrieval.hit_at_1", "hit@1", Better::Higher),
    define("retrieval.recall_at_5", "recall@5", Better::Higher),
    define("retrieval.recall_at_10", "recall@10", Better::Higher),
    define("retrieval.mrr_at_10", "MRR@10", Better::Higher),
    define("retrieval.ndcg_at_10", "nDCG@10", Better::Higher),
    define("answers.accuracy", "accuracy", Better::Higher),
    define("answers.answer_words", "words", Better::Neither),
    define("answers.token_f1", "token F1", Better::Higher),
    define("answers.support_recall", "support found", Better::Higher),
    define("answers.sentence_support", "sentences supported", Better::Higher),
    define("answers.citation_precision", "citation precision", Better::Higher),
    define("answers.citation_recall", "citation recall", Better::Higher),
    define("abstention.auroc_answerable", "AUROC answerable", Better::Higher),
    define("abstention.auroc_correct", "AUROC correct", Better::Higher),
    define("abstention.aurc", "AURC", Better::Lower),
    define("abstention.coverage_at_risk_5", "coverage at risk 5 %", Better::Higher),
    define("abstention.coverage_at_risk_10", "coverage at risk 10 %", Better::Higher),
    define("abstention.coverage_at_risk_20", "coverage at risk 20 %", Better::Higher),
    define("abstention.coverage", "coverage at the threshold", Better::Neither),
    define("abstention.risk", "risk at the threshold", Better::Lower),
    define("abstention.right_sent", "right drafts sent, of all answerable", Better::Higher),
    define("calibration.ece_10_equal_mass", "ECE, 10 bins", Better::Lower),
    define("calibration.brier", "Brier", Better::Lower),
    define("calibration.brier_of_base_rate", "Brier of the base rate", Better::Neither),
    define("intents.human_precision", "requests for a person: precision", Better::Higher),
    define("intents.human_recall", "requests for a person: recall", Better::Higher),
    define("intents.smalltalk_recall", "small talk: recall", Better::Higher),
];

/// The definition of this name.
#[must_use]
pub fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name == name)
}

/// A figure of outcomes, each counted as often as its weight says; `None` where it is not defined.
pub type Statistic = Box<dyn Fn(&[u32]) -> Option<f64> + Send + Sync>;

/// Makes every figure of the same outcomes, in the order of [`DEFINITIONS`]. What can be sorted is sorted once, here.
#[must_use]
pub fn statistics(outcomes: &[&Outcome]) -> Vec<(&'static Definition, Statistic)> {
    DEFINITIONS.iter().map(|definition| (definition, statistic(definition.name, outcomes))).collect()
}

/// Makes one figure by its name.
///
/// # Panics
/// For a name that [`DEFINITIONS`] does not hold.
#[must_use]
pub fn statistic(name: &str, outcomes: &[&Outcome]) -> Statistic {
    let ranking = |field: fn(&crate::ranking::Ranking) -> f64| {
        mean_of(outcomes, move |outcome| outcome.judged.ranking.as_ref().map(field))
    };
    let draft = |field: fn(&DraftScores) -> Option<f64>| {
        mean_of(outcomes, move |outcome| outcome.judged.draft.as_ref().and_then(field))
    };
    match name {
        "retrieval.hit_at_1" => ranking(|ranking| ranking.hit_at_1),
        "retrieval.recall_at_5" => ranking(|ranking| ranking.recall_at_5),
        "retrieval.recall_at_10" => ranking(|ranking| ranking.recall_at_10),
        "retrieval.mrr_at_10" => ranking(|ranking| ranking.mrr_at_10),
        "retrieval.ndcg_at_10" => ranking(|ranking| ranking.ndcg_at_10),
        "answers.accuracy" => {
            mean_of(outcomes, |outcome| outcome.judged.draft.as_ref().and(outcome.judged.correct).map(number))
        }
        "answers.answer_words" => draft(|draft| Some(draft.words as f64)),
        "answers.token_f1" => draft(|draft| draft.token_f1),
        "answers.support_recall" => draft(|draft| draft.support_recall),
        "answers.sentence_support" => draft(|draft| draft.sentence_support),
        "answers.citation_precision" => draft(|draft| Some(draft.citation_precision)),
        "answers.citation_recall" => draft(|draft| Some(draft.citation_recall)),
        "abstention.auroc_answerable" => {
            let ranked = Ranked::new(outcomes.iter().map(|outcome| (logit(outcome), outcome.question.answerable)));
            Box::new(move |weights| ranked.auroc(weights))
        }
        "abstention.auroc_correct" => ranked(outcomes, Ranked::auroc),
        "abstention.aurc" => ranked(outcomes, Ranked::aurc),
        "abstention.coverage_at_risk_5" => ranked(outcomes, |ranked, weights| ranked.coverage_at_risk(0.05, weights)),
        "abstention.coverage_at_risk_10" => ranked(outcomes, |ranked, weights| ranked.coverage_at_risk(0.1, weights)),
        "abstention.coverage_at_risk_20" => ranked(outcomes, |ranked, weights| ranked.coverage_at_risk(0.2, weights)),
        "abstention.coverage" => mean_of(outcomes, |outcome| Some(number(outcome.was_answered()))),
        "abstention.risk" => mean_of(outcomes, |outcome| {
            outcome.judged.correct.filter(|_| outcome.was_answered()).map(|correct| number(!correct))
        }),
        "abstention.right_sent" => mean_of(outcomes, |outcome| {
            let judged = outcome.judged.correct.filter(|_| outcome.question.answerable);
            judged.map(|correct| number(correct && outcome.was_answered()))
        }),
        "calibration.ece_10_equal_mass" => confidences(outcomes, Confidences::expected_error),
        "calibration.brier" => confidences(outcomes, Confidences::brier),
        "calibration.brier_of_base_rate" => confidences(outcomes, Confidences::brier_of_base_rate),
        "intents.human_precision" => {
            // Of a set without requests for a person nothing can be told.
            let tells = outcomes.iter().any(|outcome| wants_person(outcome));
            mean_of(outcomes, move |outcome| (tells && was_handed_over(outcome)).then(|| number(wants_person(outcome))))
        }
        "intents.human_recall" => {
            mean_of(outcomes, |outcome| wants_person(outcome).then(|| number(was_handed_over(outcome))))
        }
        "intents.smalltalk_recall" => mean_of(outcomes, |outcome| {
            let is_smalltalk = matches!(outcome.question.intent.as_deref(), Some("greeting" | "thanks" | "smalltalk"));
            is_smalltalk.then(|| number(outcome.asked.decision == "smalltalk"))
        }),
        name => panic!("{name} is not a figure"),
    }
}

/// The bins of the reliability diagram.
#[must_use]
pub fn bins(outcomes: &[&Outcome]) -> Vec<crate::calibration_error::Bin> {
    let (confidences, places) = judged_confidences(outcomes);
    confidences.bins(&vec![1; places.len()])
}

/// The curve of risk against coverage over the drafts that the set can judge: how many are sent, and how many of them are
/// wrong, from the most confident down.
#[must_use]
pub fn risk_curve(outcomes: &[&Outcome]) -> Vec<(u64, u64)> {
    let (ranked, places) = judged_ranking(outcomes);
    ranked.cumulated(&vec![1; places.len()]).collect()
}

fn mean_of(outcomes: &[&Outcome], value: impl Fn(&Outcome) -> Option<f64>) -> Statistic {
    let values: Vec<Option<f64>> = outcomes.iter().map(|outcome| value(outcome)).collect();
    Box::new(move |weights| mean(&values, weights))
}

/// A figure of the ranking of those drafts of which the set tells whether they are right.
fn ranked(outcomes: &[&Outcome], figure: impl Fn(&Ranked, &[u32]) -> Option<f64> + Send + Sync + 'static) -> Statistic {
    let (ranked, places) = judged_ranking(outcomes);
    Box::new(move |weights| figure(&ranked, &picked(weights, &places)))
}

fn judged_ranking(outcomes: &[&Outcome]) -> (Ranked, Vec<usize>) {
    let places = judgeable(outcomes);
    let items = places.iter().map(|place| (logit(outcomes[*place]), is_right(outcomes[*place])));
    (Ranked::new(items), places)
}

fn confidences(
    outcomes: &[&Outcome],
    figure: impl Fn(&Confidences, &[u32]) -> Option<f64> + Send + Sync + 'static,
) -> Statistic {
    let (confidences, places) = judged_confidences(outcomes);
    Box::new(move |weights| figure(&confidences, &picked(weights, &places)))
}

fn judged_confidences(outcomes: &[&Outcome]) -> (Confidences, Vec<usize>) {
    let places = judgeable(outcomes);
    let items = places.iter().map(|place| (outcomes[*place].asked.confidence, is_right(outcomes[*place])));
    (Confidences::new(items), places)
}

/// The places of the outcomes of which the set tells whether the draft is right.
fn judgeable(outcomes: &[&Outcome]) -> Vec<usize> {
    (0..outcomes.len()).filter(|place| outcomes[*place].judged.correct.is_some()).collect()
}

fn picked(weights: &[u32], places: &[usize]) -> Vec<u32> {
    places.iter().map(|place| weights[*place]).collect()
}

fn is_right(outcome: &Outcome) -> bool {
    outcome.judged.correct == Some(true)
}

/// A message that the product did not take ranks below all others.
fn logit(outcome: &Outcome) -> f64 {
    outcome.asked.logit.unwrap_or(f64::NEG_INFINITY)
}

fn wants_person(outcome: &Outcome) -> bool {
    outcome.question.intent.as_deref() == Some("human")
}

fn was_handed_over(outcome: &Outcome) -> bool {
    outcome.asked.reason.as_deref() == Some("customer_request")
}

fn number(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{assert_close, outcome};

    fn value(name: &str, outcomes: &[Outcome]) -> Option<f64> {
        let outcomes: Vec<&Outcome> = outcomes.iter().collect();
        statistic(name, &outcomes)(&vec![1; outcomes.len()])
    }

    fn with(id: &str, answerable: bool, logit: f64, correct: Option<bool>) -> Outcome {
        let mut outcome = outcome(id, answerable);
        outcome.asked.logit = Some(logit);
        outcome.judged.correct = correct;
        outcome
    }

    #[test]
    fn every_definition_has_a_statistic_and_a_name_of_its_own() {
        let outcome = outcome("q1", true);
        assert_eq!(statistics(&[&outcome]).len(), DEFINITIONS.len());
        let mut names: Vec<&str> = DEFINITIONS.iter().map(|definition| definition.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DEFINITIONS.len());
    }

    #[test]
    fn drafts_that_cannot_be_judged_count_for_answerable_only() {
        let all = [
            with("a", true, 3.0, Some(true)),
            with("b", true, 2.0, None),
            with("c", false, 1.0, Some(false)),
            with("d", true, 0.0, Some(false)),
        ];
        assert_close(value("abstention.auroc_answerable", &all).unwrap(), 2.0 / 3.0);
        assert_close(value("abstention.auroc_correct", &all).unwrap(), 1.0);
        assert_close(value("abstention.coverage_at_risk_5", &all).unwrap(), 1.0 / 3.0);
    }

    #[test]
    fn the_risk_curve_begins_with_the_most_confident_draft_and_ends_with_all() {
        let all = [
            with("a", true, 1.0, Some(false)),
            with("b", true, 3.0, Some(true)),
            with("c", true, 2.0, None),
            with("d", true, 1.0, Some(true)),
        ];
        let all: Vec<&Outcome> = all.iter().collect();
        assert_eq!(risk_curve(&all), [(1, 0), (3, 1)]);
        assert_eq!(risk_curve(&[]), []);
    }

    #[test]
    fn a_question_back_counts_as_not_answered_and_risk_is_of_what_was_sent() {
        let mut all = ["answered", "answered", "clarify", "escalated"].map(|decision| {
            let mut outcome = outcome(decision, true);
            outcome.asked.decision = decision.to_owned();
            outcome.judged.correct = Some(false);
            outcome
        });
        all[0].judged.correct = Some(true);
        assert_close(value("abstention.coverage", &all).unwrap(), 0.5);
        assert_close(value("abstention.risk", &all).unwrap(), 0.5);
        all[1].judged.correct = None;
        assert_close(value("abstention.risk", &all).unwrap(), 0.0);
    }

    #[test]
    fn a_set_that_cannot_judge_has_no_figure_of_correctness() {
        let all = [with("a", true, 1.0, None), with("b", false, 0.0, None)];
        for name in ["abstention.auroc_correct", "abstention.aurc", "abstention.risk", "calibration.brier"] {
            assert_eq!(value(name, &all), None, "{name}");
        }
    }

    #[test]
    fn intents_are_told_only_where_the_set_has_them() {
        let mut all = [outcome("a", false), outcome("b", true), outcome("c", false)];
        all[1].asked.reason = Some("customer_request".to_owned());
        assert_eq!(value("intents.human_precision", &all), None);
        all[0].question.intent = Some("human".to_owned());
        all[2].question.intent = Some("thanks".to_owned());
        assert_close(value("intents.human_precision", &all).unwrap(), 0.0);
        assert_close(value("intents.human_recall", &all).unwrap(), 0.0);
        assert_close(value("intents.smalltalk_recall", &all).unwrap(), 0.0);
        all[0].asked.reason = Some("customer_request".to_owned());
        all[2].asked.decision = "smalltalk".to_owned();
        assert_close(value("intents.human_precision", &all).unwrap(), 0.5);
        assert_close(value("intents.human_recall", &all).unwrap(), 1.0);
        assert_close(value("intents.smalltalk_recall", &all).unwrap(), 1.0);
    }
}
