//! From labelled drafts to a promise about the answers that are sent, or to what is missing for one.
//!
//! Three splits without a group in common: weights are fitted to the first, the curve and the thresholds to test come from the
//! second, and the third tests them. So nothing that is tested has seen what it is tested on.

use std::collections::BTreeMap;

use candor::answer::confidence::{Promise, SplitSizes};
use candor::answer::curve::{Curve, Knot};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::{IndexedRandom, SliceRandom};

use crate::digits::rounded;
use crate::fit::{self, Sample};
use crate::isotonic;
use crate::logistic::{self, FitError, Logistic};
use crate::risk_control::{self, ANSWERED_MIN, Candidate, DELTA, Tested};

/// Tenths of the groups that the weights are fitted to: with 14 features some hundred drafts settle their order.
const FIT_TENTHS: usize = 3;

/// Tenths that the curve is fitted to: two numbers, or steps where there are 1,000 examples and more.
const CURVE_TENTHS: usize = 2;

/// Tenths that test the thresholds. It is half of all, because the number of answers in it decides how low a risk can be
/// promised: 59 without an error for 5 %, and 482 with sixteen.
const THRESHOLD_TENTHS: usize = 10 - FIT_TENTHS - CURVE_TENTHS;

/// With fewer groups, no threshold is expected to answer enough of the third split to be tested.
pub const GROUPS_MIN: usize = ANSWERED_MIN * 10 / THRESHOLD_TENTHS;

/// From so many examples on the curve is isotonic; below, it would follow chance, and a sigmoid is steadier.
///
/// Source: Niculescu-Mizil and Caruana, "Predicting good probabilities with supervised learning", ICML 2005.
const ISOTONIC_EXAMPLES_MIN: usize = 1_000;

/// What came of the labels.
pub struct Recipe {
    pub splits: SplitSizes,
    pub model: Logistic,
    pub curve: Curve,
    /// In their order, up to the first that failed.
    pub tested: Vec<Tested>,
    pub verdict: Verdict,
}

/// Whether the risk can be promised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Promised {
        /// In units of the confidence.
        threshold: f64,
        /// Answered of the questions that the threshold was tested on, 0 to 1.
        coverage: f64,
        promise: Promise,
    },
    /// More labels like these would do.
    NotEnough {
        /// Labelled questions, each of a group of its own, on top of the groups there are.
        more: u64,
        /// Where the fewest are needed, and what is expected there.
        at: Candidate,
    },
    /// Wherever the threshold is, as many answers as the risk allows or more are expected to be wrong.
    OutOfReach,
}

/// Follows the recipe with the samples that are judged. The same seed gives the same splits.
///
/// # Errors
/// [`FitError`], when the labels are too few or all alike.
pub fn follow(samples: &[Sample], risk_max: f64, seed: u64) -> Result<Recipe, FitError> {
    let splits = Splits::of(samples, seed);
    // Rounded before anything is tested, so that what is tested is what is written.
    let model = fit::fit(samples, &splits.fit)?.rounded();
    let labelled = |places: &[usize]| -> Vec<(f64, bool)> {
        let of = |place: &usize| Some((model.logit(&samples[*place].features), samples[*place].correct?));
        places.iter().filter_map(of).collect()
    };
    let (second, third) = (labelled(&splits.curve), labelled(&splits.threshold));
    let curve = curve(&second)?;
    let grid = risk_control::grid(&confidences(&curve, &second));
    let drafts: Vec<(f64, bool)> = third.iter().map(|(logit, right)| (curve.probability(*logit), *right)).collect();
    let sequence = risk_control::sequence(&grid, drafts.len(), risk_max);
    let tested = risk_control::fixed_sequence(sequence.iter().map(|one| one.threshold), &drafts, risk_max);
    let sizes = SplitSizes { fit: splits.fit.len(), curve: second.len(), threshold: third.len() };
    let verdict = match tested.iter().rev().find(|one| one.passed) {
        Some(Tested { threshold, answered, wrong, .. }) => Verdict::Promised {
            threshold: *threshold,
            coverage: *answered as f64 / drafts.len() as f64,
            promise: Promise { risk_max, delta: DELTA, answered: *answered, wrong: *wrong, splits: sizes },
        },
        None => missing(&[second, third].concat(), splits.groups, risk_max)?,
    };
    Ok(Recipe { splits: sizes, model, curve, tested, verdict })
}

impl Verdict {
    /// The sentence for those who rely on it, and for those who label.
    #[must_use]
    pub fn sentence(&self, risk_max: f64) -> String {
        let risk = percent(risk_max);
        match self {
            Self::Promised { promise, .. } => format!(
                "At most {risk} of the answers that are sent are wrong, with 95 % confidence, for questions like these: {} \
                 wrong of {}, one a group.",
                promise.wrong, promise.answered
            ),
            Self::NotEnough { more, at } => format!(
                "Not enough labels to promise {risk}: about {more} more labelled questions are needed, each of a group of its \
                 own. Then the {:.0} % of the questions with the highest confidence, of whose answers {:.1} % are expected to \
                 be wrong, support the promise with a chance of four in five.",
                at.coverage() * 100.0,
                at.error_rate * 100.0
            ),
            Self::OutOfReach => {
                format!("No threshold of this confidence keeps to a risk of {risk}: more labels will not help.")
            }
        }
    }
}

/// A share as people write it, such as `2.5 %`.
fn percent(share: f64) -> String {
    format!("{} %", rounded(share * 100.0))
}

/// The places of the judged samples, by what they serve for.
struct Splits {
    fit: Vec<usize>,
    curve: Vec<usize>,
    /// One a group.
    threshold: Vec<usize>,
    /// In all three together.
    groups: usize,
}

impl Splits {
    /// Groups are drawn whatever their size, so that those of the third split are like those to come; one question each is
    /// drawn there, because a group's questions are right and wrong together.
    fn of(samples: &[Sample], seed: u64) -> Self {
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, sample) in samples.iter().enumerate().filter(|(_, sample)| sample.correct.is_some()) {
            groups.entry(&sample.group).or_default().push(place);
        }
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        groups.shuffle(&mut random);
        let (fit, rest) = groups.split_at(groups.len() * FIT_TENTHS / 10);
        let (curve, threshold) = rest.split_at(groups.len() * CURVE_TENTHS / 10);
        let threshold = threshold.iter().filter_map(|group| group.choose(&mut random)).copied().collect();
        Self { fit: fit.concat(), curve: curve.concat(), threshold, groups: groups.len() }
    }
}

/// The curve that so many examples allow, with the digits that are written.
fn curve(labelled: &[(f64, bool)]) -> Result<Curve, FitError> {
    let fitted =
        if labelled.len() < ISOTONIC_EXAMPLES_MIN { logistic::platt(labelled)? } else { isotonic::fit(labelled)? };
    Ok(match fitted {
        Curve::Platt { slope, intercept } => Curve::Platt { slope: rounded(slope), intercept: rounded(intercept) },
        Curve::Isotonic { knots } => {
            let digits = |knot: Knot| Knot { logit: rounded(knot.logit), probability: rounded(knot.probability) };
            Curve::Isotonic { knots: knots.into_iter().map(digits).collect() }
        }
    })
}

fn confidences(curve: &Curve, labelled: &[(f64, bool)]) -> Vec<f64> {
    labelled.iter().map(|(logit, _)| curve.probability(*logit)).collect()
}

/// What is missing, from a curve over all labels that the weights have not seen: nothing is promised with it.
fn missing(labelled: &[(f64, bool)], groups: usize, risk_max: f64) -> Result<Verdict, FitError> {
    let needed = |at: &Candidate| {
        let answers = risk_control::answers_for(at.error_rate, risk_max)?.max(ANSWERED_MIN as u64);
        Some((answers * at.drafts as u64 * 10).div_ceil((at.answered * THRESHOLD_TENTHS) as u64))
    };
    let grid = risk_control::grid(&confidences(&curve(labelled)?, labelled));
    let least = grid.into_iter().filter_map(|at| Some((needed(&at)?, at))).min_by_key(|(needed, _)| *needed);
    // Chance can have failed what was expected to pass; then any more labels give it another.
    let more = |needed: u64| needed.saturating_sub(groups as u64).max(1);
    Ok(least.map_or(Verdict::OutOfReach, |(needed, at)| Verdict::NotEnough { more: more(needed), at }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn sample(group: usize, feature: f64, correct: Option<bool>) -> Sample {
        let group = group.to_string();
        Sample { set: 0, group, answerable: true, correct, features: vec![feature] }
    }

    /// Drafts of rising confidence, each of a group of its own; `wrong` says which of them are.
    fn drafts(count: usize, wrong: impl Fn(usize) -> bool) -> Vec<Sample> {
        let feature = |place: usize| place as f64 / count as f64;
        (0..count).map(|place| sample(place, feature(place), Some(!wrong(place)))).collect()
    }

    #[test]
    fn promises_what_the_third_split_shows() {
        // wrong are all of the lower half, and one in fifty of the others
        let samples = drafts(2_000, |place| place < 1_000 || place % 50 == 0);
        let outcome = follow(&samples, 0.1, 1).unwrap();
        assert_eq!(outcome.splits, SplitSizes { fit: 600, curve: 400, threshold: 1_000 });
        let Verdict::Promised { threshold, coverage, promise } = outcome.verdict else {
            panic!("{:?}", outcome.verdict)
        };
        assert!((0.4..0.6).contains(&coverage), "{coverage}");
        let last = outcome.tested.iter().rev().find(|one| one.passed).unwrap();
        assert_eq!((last.answered, last.wrong), (promise.answered, promise.wrong));
        assert_eq!(last.threshold.to_bits(), threshold.to_bits());
        assert_eq!(
            outcome.verdict.sentence(0.1),
            format!(
                "At most 10 % of the answers that are sent are wrong, with 95 % confidence, for questions like these: {} \
                 wrong of {}, one a group.",
                promise.wrong, promise.answered
            )
        );
    }

    #[test]
    fn says_how_many_more_labels_are_needed() {
        let samples = drafts(120, |place| place < 60);
        let outcome = follow(&samples, 0.05, 1).unwrap();
        assert!(outcome.tested.is_empty());
        let Verdict::NotEnough { more, at } = outcome.verdict else { panic!("{:?}", outcome.verdict) };
        // 100 answers of a quarter or half of the questions, tested on half of the groups, take 800 or 400 groups
        assert!((280..=680).contains(&more) && at.error_rate < 0.05, "{more} {at:?}");
        assert!(outcome.verdict.sentence(0.025).starts_with("Not enough labels to promise 2.5 %: about "));
    }

    #[test]
    fn says_when_more_labels_will_not_help() {
        let samples = drafts(1_000, |place| place % 3 == 0);
        let outcome = follow(&samples, 0.05, 1).unwrap();
        assert_eq!(outcome.verdict, Verdict::OutOfReach);
        assert!(outcome.verdict.sentence(0.05).contains("more labels will not help"));
    }

    #[test]
    fn labels_that_are_all_alike_are_an_error() {
        assert_eq!(follow(&drafts(50, |_| true), 0.1, 1).err(), Some(FitError::OneLabel));
        assert_eq!(follow(&[], 0.1, 1).err(), Some(FitError::NoExample));
    }

    #[test]
    fn the_curve_is_isotonic_from_a_thousand_examples_on() {
        let labelled: Vec<(f64, bool)> = (0..1_000).map(|place| (f64::from(place), place % 1_000 > 300)).collect();
        assert!(matches!(curve(&labelled).unwrap(), Curve::Isotonic { .. }));
        assert!(matches!(curve(&labelled[..999]).unwrap(), Curve::Platt { .. }));
    }

    #[test]
    fn a_risk_is_told_without_the_noise_of_its_digits() {
        assert_eq!([0.07, 0.1, 0.025].map(percent), ["7 %", "10 %", "2.5 %"]);
    }

    proptest! {
        #[test]
        fn every_judged_draft_serves_once_and_no_group_twice(
            drawn in prop::collection::vec((0_usize..25, any::<bool>(), 0_u8..5), 0..80), seed: u64,
        ) {
            let samples: Vec<Sample> =
                drawn.iter().map(|(group, right, judged)| sample(*group, 0.0, (*judged > 0).then_some(*right))).collect();
            let splits = Splits::of(&samples, seed);
            let groups = |places: &[usize]| -> BTreeSet<&str> { places.iter().map(|place| samples[*place].group.as_str()).collect() };
            let [fit, curve, threshold] = [&splits.fit, &splits.curve, &splits.threshold].map(|places| groups(places));
            prop_assert!(fit.is_disjoint(&curve) && fit.is_disjoint(&threshold) && curve.is_disjoint(&threshold));
            prop_assert_eq!(threshold.len(), splits.threshold.len());
            prop_assert_eq!(fit.len() + curve.len() + threshold.len(), splits.groups);
            prop_assert!(threshold.len() * 2 >= splits.groups);
            let judged = |group: &&str| samples.iter().filter(|one| one.group == **group && one.correct.is_some()).count();
            prop_assert_eq!(fit.iter().map(judged).sum::<usize>(), splits.fit.len());
            prop_assert_eq!(curve.iter().map(judged).sum::<usize>(), splits.curve.len());
            let all = [&splits.fit[..], &splits.curve, &splits.threshold].concat();
            prop_assert!(all.iter().all(|place| samples[*place].correct.is_some()));
        }
    }
}
