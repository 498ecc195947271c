//! A threshold whose answers are wrong at most so often, with a stated confidence: selective risk control.
//!
//! Thresholds are tested one after the other in an order that was fixed beforehand, and the first failure ends it. Then the
//! whole sequence breaks its promise no more often than one test does: to end at a threshold that is too risky, the first of
//! those must have passed, and that has a chance of `DELTA` at most. Picking the largest threshold that passes has as many
//! chances to be wrong as there are thresholds.
//!
//! Sources: Geifman and El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017; fixed-sequence testing
//! as in Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then test", 2021.

use serde::Serialize;
use statrs::function::beta::beta_reg;

use crate::abstention::risk_upper_bound;

/// The chance that a promise is broken: it is given with 95 % confidence.
pub const DELTA: f64 = 0.05;

/// The sequence begins where so many are expected to be answered. With fewer, one wrong answer more or less decides.
pub const ANSWERED_MIN: usize = 100;

/// Thresholds of a grid, a thirtieth of the questions apart: finer steps end the sequence earlier, by a single wrong
/// answer between two thresholds that are nearly the same.
const STEPS: usize = 30;

/// The chance that the labels that are asked for suffice, as usual in the planning of trials.
const POWER: f64 = 0.8;

/// More answers than anybody will label: a risk so near to the error rate is out of reach.
const ANSWERS_MAX: u64 = 1_000_000;

/// A threshold to test, and what is expected there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Drafts of at least this confidence are answered.
    pub threshold: f64,
    /// Of the drafts that the grid was made of, those that are answered; at least one.
    pub answered: usize,
    /// All of those drafts.
    pub drafts: usize,
    /// The share of the answers that is wrong, as the confidences themselves have it. 0 to 1.
    pub error_rate: f64,
}

/// A threshold that was tested.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tested {
    pub threshold: f64,
    pub answered: usize,
    pub wrong: usize,
    /// The true share of wrong answers lies above it with a chance of `DELTA` at most.
    pub upper_bound: f64,
    /// Whether the bound keeps to the risk.
    pub passed: bool,
}

impl Candidate {
    /// The share of drafts that are answered, above 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.answered as f64 / self.drafts as f64
    }
}

/// The thresholds that answer one more thirtieth of these drafts each, from the strictest to the one that answers all.
///
/// Drafts of one confidence are answered together, so there may be fewer.
#[must_use]
pub fn grid(confidences: &[f64]) -> Vec<Candidate> {
    let mut falling = confidences.to_vec();
    falling.sort_unstable_by(|one, other| other.total_cmp(one));
    let count = falling.len();
    // Downwards, so that rounding holds none of these back.
    let down = |confidence: &f64| (confidence * 1e6).floor() / 1e6;
    let mut thresholds: Vec<f64> =
        (1..=STEPS).filter_map(|step| falling.get((step * count).div_ceil(STEPS).checked_sub(1)?)).map(down).collect();
    thresholds.dedup();
    let candidate = |threshold: f64| {
        let answered = &falling[..falling.partition_point(|confidence| *confidence >= threshold)];
        let wrong: f64 = answered.iter().map(|confidence| 1.0 - confidence).sum();
        Candidate { threshold, answered: answered.len(), drafts: count, error_rate: wrong / answered.len() as f64 }
    };
    thresholds.into_iter().map(candidate).collect()
}

/// The thresholds to test on so many `questions`, in their order, from the one that is likeliest to pass downwards.
///
/// At a stricter one, fewer are answered than it takes to show that they are right, and the sequence would end there by
/// chance: where 8 % are wrong everywhere, `simulation` promises 10 % in 41 % of the draws when it begins with a hundred
/// answers, and in 64 % so. Where enough are expected at no threshold, none is tested.
#[must_use]
pub fn sequence(grid: &[Candidate], questions: usize, risk_max: f64) -> &[Candidate] {
    let enough = |candidate: &Candidate| candidate.answered * questions >= ANSWERED_MIN * candidate.drafts;
    let able = &grid[grid.iter().position(enough).unwrap_or(grid.len())..];
    let passes = able.iter().map(|candidate| {
        let answers = (candidate.answered * questions / candidate.drafts) as u64;
        chance_to_pass(answers, candidate.error_rate, risk_max)
    });
    // Backwards, so that of equals the strictest is taken.
    let likeliest =
        passes.enumerate().collect::<Vec<_>>().into_iter().rev().max_by(|one, other| one.1.total_cmp(&other.1));
    &able[likeliest.map_or(0, |(place, _)| place)..]
}

/// The chance that so many answers keep to the risk in a test, at this true error rate.
fn chance_to_pass(answers: u64, error_rate: f64, risk_max: f64) -> f64 {
    let too_many = first_that((0, answers), |wrong| chance(wrong, answers, risk_max) > DELTA).unwrap_or(answers);
    too_many.checked_sub(1).map_or(0.0, |wrong| chance(wrong, answers, error_rate))
}

/// Tests thresholds in their order, up to the first that fails, on drafts of which each is its confidence and whether it is
/// right.
///
/// The drafts must be independent (one a group), and must not have been looked at when the thresholds were chosen. The last
/// that passed, if any, keeps to `risk_max` with 95 % confidence.
#[must_use]
pub fn fixed_sequence(thresholds: impl IntoIterator<Item = f64>, drafts: &[(f64, bool)], risk_max: f64) -> Vec<Tested> {
    let mut tested: Vec<Tested> = Vec::new();
    for threshold in thresholds {
        tested.push(test(threshold, drafts, risk_max));
        if tested.last().is_some_and(|last| !last.passed) {
            break;
        }
    }
    tested
}

fn test(threshold: f64, drafts: &[(f64, bool)], risk_max: f64) -> Tested {
    let answers = drafts.iter().filter(|(confidence, _)| *confidence >= threshold);
    let (answered, wrong) =
        answers.fold((0, 0), |(answered, wrong), (_, right)| (answered + 1, wrong + usize::from(!right)));
    // Nothing is known where nothing is answered.
    let upper_bound = risk_upper_bound(wrong as u64, answered as u64, DELTA).unwrap_or(1.0);
    Tested { threshold, answered, wrong, upper_bound, passed: upper_bound <= risk_max }
}

/// The fewest answers among which so many may be wrong and "at most `risk_max`" still holds with 95 % confidence.
///
/// `None` above a million.
#[must_use]
pub fn answers_needed(wrong: u64, risk_max: f64) -> Option<u64> {
    // The bound is at most `risk_max` when so few wrong ones have a chance of at most `DELTA` at that rate.
    first_that((wrong + 1, ANSWERS_MAX), |answers| chance(wrong, answers, risk_max) <= DELTA)
}

/// The fewest answers that support "at most `risk_max`" with a chance of four in five when `error_rate` of them are wrong.
///
/// `None` where it takes more than a million, and where the error rate is not below the risk.
#[must_use]
pub fn answers_for(error_rate: f64, risk_max: f64) -> Option<u64> {
    if error_rate >= risk_max {
        return None;
    }
    let suffice =
        |wrong: u64| answers_needed(wrong, risk_max).is_none_or(|answers| chance(wrong, answers, error_rate) >= POWER);
    first_that((0, ANSWERS_MAX), suffice).and_then(|wrong| answers_needed(wrong, risk_max))
}

/// The chance that at most `wrong` of `answers` are wrong when each is with the chance `error_rate`.
fn chance(wrong: u64, answers: u64, error_rate: f64) -> f64 {
    if wrong >= answers { 1.0 } else { beta_reg((answers - wrong) as f64, wrong as f64 + 1.0, 1.0 - error_rate) }
}

/// The first number of the range, its end included, from which on `holds` is true; looked for in steps that double.
fn first_that((first, last): (u64, u64), holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut below, mut step) = (first, 1);
    let mut reached = first;
    while !holds(reached) {
        if reached == last {
            return None;
        }
        below = reached + 1;
        reached = (reached + step).min(last);
        step *= 2;
    }
    // It holds at `reached`, and not before `below`.
    while below < reached {
        let middle = u64::midpoint(below, reached);
        if holds(middle) {
            reached = middle;
        } else {
            below = middle + 1;
        }
    }
    Some(reached)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::assert_close;
    use proptest::prelude::*;

    #[test]
    fn five_percent_takes_as_many_answers_as_the_specification_says() {
        let needed = [0, 1, 7, 16].map(|wrong| answers_needed(wrong, 0.05).unwrap());
        assert_eq!(needed, [59, 93, 260, 482]);
        assert_eq!(answers_for(0.0, 0.05), Some(59));
    }

    #[test]
    fn the_nearer_the_error_rate_the_more_answers_are_needed() {
        let needed: Vec<u64> =
            [0.0, 0.01, 0.02, 0.03, 0.04].iter().map(|rate| answers_for(*rate, 0.05).unwrap()).collect();
        assert!(needed.is_sorted_by(|one, next| one < next), "{needed:?}");
        assert_eq!([answers_for(0.05, 0.05), answers_for(0.06, 0.05), answers_for(0.049_999, 0.05)], [None; 3]);
    }

    #[test]
    fn the_sequence_ends_at_the_first_failure() {
        // 100 right ones, then two wrong of five, then so many right ones that the whole would pass again
        let mut drafts = vec![(0.9, true); 100];
        drafts.extend([(0.8, true), (0.8, true), (0.8, true), (0.8, false), (0.8, false)]);
        drafts.extend(vec![(0.7, true); 500]);
        let tested = fixed_sequence([0.9, 0.8, 0.7], &drafts, 0.05);
        let told: Vec<(usize, usize, bool)> = tested.iter().map(|one| (one.answered, one.wrong, one.passed)).collect();
        assert_eq!(told, [(100, 0, true), (105, 2, false)]);
        assert!(fixed_sequence([0.7], &drafts, 0.05)[0].passed);
    }

    #[test]
    fn nothing_is_promised_where_nothing_is_answered() {
        let tested = fixed_sequence([0.5], &[(0.4, true)], 0.99);
        assert_eq!((tested[0].answered, tested[0].passed), (0, false));
    }

    #[test]
    fn drafts_of_one_confidence_are_answered_together() {
        let grid = grid(&[0.5, 0.9, 0.5, 0.5]);
        let told: Vec<(f64, usize)> = grid.iter().map(|one| (one.threshold, one.answered)).collect();
        assert_eq!(told, [(0.9, 1), (0.5, 4)]);
        assert_close(grid[1].error_rate, (0.1 + 3.0 * 0.5) / 4.0);
        assert_close(grid[0].coverage(), 0.25);
        assert!(super::grid(&[]).is_empty());
    }

    #[test]
    fn the_sequence_begins_where_it_is_likeliest_to_pass() {
        let at = |answered: usize, error_rate: f64| Candidate { threshold: 0.5, answered, drafts: 100, error_rate };
        // of 1,000 questions 50 are too few; 5 of 100 wrong fail "at most 10 %", and 60 of 1,000 keep to it
        let flat = [at(5, 0.0), at(10, 0.05), at(50, 0.055), at(100, 0.06)];
        assert_eq!(sequence(&flat, 1_000, 0.1), &flat[3..]);
        let steep = [at(5, 0.0), at(10, 0.01), at(50, 0.09), at(100, 0.3)];
        assert_eq!(sequence(&steep, 1_000, 0.1), &steep[1..]);
        let certain = [at(20, 0.0), at(40, 0.0)];
        assert_eq!(sequence(&certain, 1_000, 0.1), &certain);
        assert!(sequence(&flat, 99, 0.1).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_answers_needed_are_the_fewest(wrong in 0_u64..200, percent in 1_u8..60) {
            let risk_max = f64::from(percent) / 100.0;
            let answers = answers_needed(wrong, risk_max).unwrap();
            prop_assert!(risk_upper_bound(wrong, answers, DELTA).unwrap() <= risk_max + 1e-12);
            prop_assert!(risk_upper_bound(wrong, answers - 1, DELTA).is_none_or(|bound| bound > risk_max));
        }

        #[test]
        fn a_grid_answers_more_and_more_up_to_all(confidences in prop::collection::vec(0.0_f64..=1.0, 1..200)) {
            let grid = grid(&confidences);
            prop_assert!(grid.len() <= STEPS);
            prop_assert!(grid.is_sorted_by(|one, next| one.threshold > next.threshold && one.answered < next.answered));
            prop_assert_eq!(grid.last().unwrap().answered, confidences.len());
        }

        #[test]
        fn all_but_the_last_tested_have_passed(
            drafts in prop::collection::vec((0.0_f64..=1.0, prop::bool::weighted(0.95)), 1..300), percent in 1_u8..60,
        ) {
            let risk_max = f64::from(percent) / 100.0;
            let confidences: Vec<f64> = drafts.iter().map(|draft| draft.0).collect();
            let thresholds: Vec<f64> = grid(&confidences).iter().map(|one| one.threshold).collect();
            let tested = fixed_sequence(thresholds.clone(), &drafts, risk_max);
            prop_assert!(tested.iter().zip(&thresholds).all(|(one, threshold)| one.threshold.to_bits() == threshold.to_bits()));
            prop_assert!(tested[..tested.len() - 1].iter().all(|one| one.passed));
            prop_assert!(tested.len() == thresholds.len() || !tested[tested.len() - 1].passed);
            prop_assert!(tested.iter().all(|one| one.passed == (one.upper_bound <= risk_max)));
        }
    }
}
