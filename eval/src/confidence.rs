//! The figures of a confidence: how well it ranks drafts, and whether it means what it says.

use serde::Serialize;

use crate::abstention::Ranked;
use crate::calibration_error::{Bin, Confidences};
use crate::interval::{Bootstrap, Figure};

/// A draft with its confidence and what became of it.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Drafts of one group are not independent.
    pub group: String,
    pub answerable: bool,
    /// `None` where the set does not tell.
    pub correct: Option<bool>,
    /// The raw one, by which drafts are ranked.
    pub logit: f64,
    /// 0 to 1.
    pub confidence: f64,
}

/// How well the logit ranks drafts; `correct` and what follows over the drafts that the set can judge.
#[derive(Clone, Debug, Serialize)]
pub struct RankingFigures {
    pub auroc_answerable: Option<Figure>,
    pub auroc_correct: Option<Figure>,
    pub aurc: Option<Figure>,
    pub coverage_at_risk_5: Option<Figure>,
    pub coverage_at_risk_10: Option<Figure>,
    pub coverage_at_risk_20: Option<Figure>,
}

/// Whether the confidence is the share of right drafts.
#[derive(Clone, Debug, Serialize)]
pub struct CalibrationFigures {
    pub ece_10_equal_mass: Option<Figure>,
    pub brier: Option<Figure>,
    pub brier_of_base_rate: Option<Figure>,
    pub bins: Vec<Bin>,
}

impl RankingFigures {
    /// The figures of `scored`, with intervals over groups.
    #[must_use]
    pub fn of(scored: &[Scored], seed: u64) -> Self {
        let by_answerable = Ranked::new(scored.iter().map(|scored| (scored.logit, scored.answerable)));
        let judged = judgeable(scored);
        let by_correct = Ranked::new(judged.iter().map(|(scored, correct)| (scored.logit, *correct)));
        let bootstrap = bootstrap(judged.iter().map(|(scored, _)| *scored), seed);
        let coverage = |risk_max| bootstrap.figure(|weights| by_correct.coverage_at_risk(risk_max, weights));
        Self {
            auroc_answerable: self::bootstrap(scored, seed).figure(|weights| by_answerable.auroc(weights)),
            auroc_correct: bootstrap.figure(|weights| by_correct.auroc(weights)),
            aurc: bootstrap.figure(|weights| by_correct.aurc(weights)),
            coverage_at_risk_5: coverage(0.05),
            coverage_at_risk_10: coverage(0.1),
            coverage_at_risk_20: coverage(0.2),
        }
    }
}

impl CalibrationFigures {
    /// The figures of `scored`, with intervals over groups.
    #[must_use]
    pub fn of(scored: &[Scored], seed: u64) -> Self {
        let judged = judgeable(scored);
        let confidences = Confidences::new(judged.iter().map(|(scored, correct)| (scored.confidence, *correct)));
        let bootstrap = bootstrap(judged.iter().map(|(scored, _)| *scored), seed);
        Self {
            ece_10_equal_mass: bootstrap.figure(|weights| confidences.expected_error(weights)),
            brier: bootstrap.figure(|weights| confidences.brier(weights)),
            brier_of_base_rate: bootstrap.figure(|weights| confidences.brier_of_base_rate(weights)),
            bins: confidences.bins(&vec![1; judged.len()]),
        }
    }
}

/// The drafts of which the set tells whether they are right.
fn judgeable(scored: &[Scored]) -> Vec<(&Scored, bool)> {
    scored.iter().filter_map(|scored| Some((scored, scored.correct?))).collect()
}

fn bootstrap<'a>(scored: impl IntoIterator<Item = &'a Scored>, seed: u64) -> Bootstrap {
    let groups: Vec<&str> = scored.into_iter().map(|scored| scored.group.as_str()).collect();
    Bootstrap::over(&groups, seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::assert_close;

    fn scored(logit: f64, answerable: bool, correct: Option<bool>) -> Scored {
        let confidence = 1.0 / (1.0 + (-logit).exp());
        Scored { group: format!("{logit}"), answerable, correct, logit, confidence }
    }

    #[test]
    fn drafts_that_cannot_be_judged_count_for_answerable_only() {
        let all = [
            scored(3.0, true, Some(true)),
            scored(2.0, true, None),
            scored(1.0, false, Some(false)),
            scored(0.0, true, Some(false)),
        ];
        let figures = RankingFigures::of(&all, 1);
        assert_close(figures.auroc_answerable.unwrap().value, 2.0 / 3.0);
        assert_close(figures.auroc_correct.unwrap().value, 1.0);
        assert_close(figures.coverage_at_risk_5.unwrap().value, 1.0 / 3.0);
        assert_eq!(CalibrationFigures::of(&all, 1).bins.len(), 3);
    }

    #[test]
    fn a_set_without_judgements_has_no_figure_of_correctness() {
        let all = [scored(1.0, true, None), scored(0.0, false, None)];
        let figures = RankingFigures::of(&all, 1);
        assert_close(figures.auroc_answerable.unwrap().value, 1.0);
        assert!(figures.auroc_correct.is_none() && figures.aurc.is_none());
        assert!(CalibrationFigures::of(&all, 1).brier.is_none());
    }
}
