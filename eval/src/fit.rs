//! Fitting a confidence to labelled drafts of several sets, and scoring drafts with models that have not seen them.

use candor::answer::curve::sigmoid;

use crate::confidence::Scored;
use crate::folds;
use crate::logistic::{Example, FitError, Logistic};

/// Pull of every weight towards zero: 1 / C of scikit-learn, at its default. Against thousands of drafts it is weak; it
/// keeps two features that say almost the same from being set against each other.
const PENALTY: f64 = 1.0;

/// Folds of a cross-fit: each model learns from four fifths of the groups.
const FOLDS: usize = 5;

/// One draft to learn from or to score.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Which of the sets it belongs to.
    pub set: usize,
    /// Unlike those of other sets.
    pub group: String,
    pub answerable: bool,
    /// `None` for a draft of a set that cannot judge: it is scored and never learned from.
    pub correct: Option<bool>,
    /// In the order of the engine's features.
    pub features: Vec<f64>,
}

/// Fits the samples with these numbers. Every set counts the same, however many questions it has, so that the largest
/// does not decide what confidence means.
///
/// # Errors
/// [`FitError`] without a judged draft of both kinds.
pub fn fit(samples: &[Sample], learned: &[usize]) -> Result<Logistic, FitError> {
    let judged: Vec<(&Sample, bool)> =
        learned.iter().filter_map(|place| Some((&samples[*place], samples[*place].correct?))).collect();
    let size_of = |set| judged.iter().filter(|(sample, _)| sample.set == set).count();
    let sets = judged.iter().map(|(sample, _)| sample.set).max().map_or(0, |last| last + 1);
    let sizes: Vec<usize> = (0..sets).map(size_of).collect();
    let used = sizes.iter().filter(|size| **size > 0).count();
    let weight = |set: usize| judged.len() as f64 / (used * sizes[set]) as f64;
    let examples: Vec<Example<'_>> = judged
        .iter()
        .map(|(sample, label)| Example { features: &sample.features, label: *label, weight: weight(sample.set) })
        .collect();
    Logistic::fit(&examples, PENALTY)
}

/// Each sample's logit by a model that has not seen its group.
///
/// # Errors
/// As [`fit`].
pub fn out_of_fold(samples: &[Sample], seed: u64) -> Result<Vec<f64>, FitError> {
    let groups: Vec<&str> = samples.iter().map(|sample| sample.group.as_str()).collect();
    by_folds(samples, &folds::by_group(&groups, FOLDS, seed))
}

/// Each sample's logit by a model that has seen nothing of its set.
///
/// # Errors
/// As [`fit`]: with one judged set there is nothing else to learn from.
pub fn leave_one_set_out(samples: &[Sample]) -> Result<Vec<f64>, FitError> {
    let sets: Vec<usize> = samples.iter().map(|sample| sample.set).collect();
    by_folds(samples, &sets)
}

fn by_folds(samples: &[Sample], fold_of: &[usize]) -> Result<Vec<f64>, FitError> {
    folds::out_of_fold(fold_of, |learned| {
        let model = fit(samples, learned)?;
        Ok(move |place: usize| model.logit(&samples[place].features))
    })
}

/// The samples with their logits.
#[must_use]
pub fn scored(samples: &[Sample], logits: &[f64]) -> Vec<Scored> {
    let scored = |(sample, logit): (&Sample, &f64)| Scored {
        group: sample.group.clone(),
        answerable: sample.answerable,
        correct: sample.correct,
        logit: *logit,
        confidence: sigmoid(*logit),
    };
    samples.iter().zip(logits).map(scored).collect()
}

/// The confidence at or above which the share `answered` of the right drafts lies; the right drafts of each set count
/// the same together. `None` without a right draft.
#[must_use]
pub fn threshold(samples: &[Sample], logits: &[f64], answered: f64) -> Option<f64> {
    let mut right: Vec<(f64, usize)> = samples
        .iter()
        .zip(logits)
        .filter(|(sample, _)| sample.correct == Some(true))
        .map(|(sample, logit)| (*logit, sample.set))
        .collect();
    right.sort_by(|one, other| other.0.total_cmp(&one.0));
    let sets = right.iter().map(|(_, set)| *set).max()? + 1;
    let mut sizes = vec![0_usize; sets];
    for (_, set) in &right {
        sizes[*set] += 1;
    }
    let wanted = answered * sizes.iter().filter(|size| **size > 0).count() as f64;
    let mut sum = 0.0;
    for (logit, set) in &right {
        sum += 1.0 / sizes[*set] as f64;
        // The slack takes a sum that is met exactly and rounded below.
        if sum >= wanted - 1e-9 {
            return Some(sigmoid(*logit));
        }
    }
    right.last().map(|(logit, _)| sigmoid(*logit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::assert_close;

    fn sample(set: usize, number: usize, feature: f64, correct: Option<bool>) -> Sample {
        let group = format!("{set}/{number}");
        Sample { set, group, answerable: correct.unwrap_or(true), correct, features: vec![feature, 1.0] }
    }

    /// Two sets in which the feature tells right from wrong, the first nine times as large.
    fn two_sets() -> Vec<Sample> {
        let make = |set: usize, size: usize| {
            (0..size).map(move |number| {
                let right = number % 2 == 0;
                let feature = f64::from(u8::from(right)) + (number % 7) as f64 / 5.0;
                sample(set, number, feature, Some(right))
            })
        };
        make(0, 180).chain(make(1, 20)).collect()
    }

    #[test]
    fn a_feature_that_never_varies_has_no_weight() {
        let samples = two_sets();
        let model = fit(&samples, &(0..samples.len()).collect::<Vec<_>>()).unwrap();
        assert_close(model.weights[1], 0.0);
        assert_close(model.sd[1], 1.0);
        assert!(model.weights[0] > 0.5);
    }

    #[test]
    fn sets_count_the_same_however_large_they_are() {
        // All right in the small set and half right in the large one: three in four when both count the same.
        let mut samples: Vec<Sample> = (0..90).map(|number| sample(0, number, 0.0, Some(number % 2 == 0))).collect();
        samples.extend((0..10).map(|number| sample(1, number, 0.0, Some(true))));
        let model = fit(&samples, &(0..100).collect::<Vec<_>>()).unwrap();
        assert!((sigmoid(model.logit(&[0.0, 1.0])) - 0.75).abs() < 1e-6);
    }

    #[test]
    fn samples_that_cannot_be_judged_are_scored_and_not_learned_from() {
        let mut samples = two_sets();
        let before = fit(&samples, &(0..samples.len()).collect::<Vec<_>>()).unwrap();
        samples.push(sample(2, 0, 100.0, None));
        let after = fit(&samples, &(0..samples.len()).collect::<Vec<_>>()).unwrap();
        assert_eq!(before, after);
        assert!(out_of_fold(&samples, 1).unwrap().iter().all(|logit| logit.is_finite()));
        assert!(leave_one_set_out(&samples).unwrap().iter().all(|logit| logit.is_finite()));
    }

    #[test]
    fn one_set_alone_cannot_be_left_out() {
        let samples: Vec<Sample> = two_sets().into_iter().filter(|sample| sample.set == 0).collect();
        assert_eq!(leave_one_set_out(&samples), Err(FitError::NoExample));
    }

    #[test]
    fn the_threshold_lets_the_wanted_share_of_right_drafts_through() {
        let samples: Vec<Sample> = (0..20).map(|number| sample(0, number, 0.0, Some(true))).collect();
        let logits: Vec<f64> = (0..20).map(f64::from).collect();
        assert_close(threshold(&samples, &logits, 0.85).unwrap(), sigmoid(3.0));
        assert_close(threshold(&samples, &logits, 1.0).unwrap(), sigmoid(0.0));
    }

    #[test]
    fn the_threshold_gives_each_set_s_right_drafts_the_same_say() {
        // 1 of the small set is half of all.
        let mut samples: Vec<Sample> = (0..10).map(|number| sample(0, number, 0.0, Some(true))).collect();
        samples.push(sample(1, 0, 0.0, Some(true)));
        samples.push(sample(1, 1, 0.0, Some(false)));
        let mut logits = vec![1.0; 10];
        logits.extend([2.0, 3.0]);
        assert_close(threshold(&samples, &logits, 0.5).unwrap(), sigmoid(2.0));
        assert_close(threshold(&samples, &logits, 0.51).unwrap(), sigmoid(1.0));
        assert_eq!(threshold(&samples[11..], &logits[11..], 0.5), None);
    }
}
