//! Drafts scored by models that have not seen them.

use crate::confidence::Scored;
use crate::fit::{self, Sample};

/// The drafts of each set, scored; `None` for a set that has no such model.
pub struct Unseen {
    /// By five folds by group of the set itself, where it can judge.
    pub own_set: Vec<Option<Vec<Scored>>>,
    /// By all other sets.
    pub other_sets: Vec<Option<Vec<Scored>>>,
}

impl Unseen {
    /// Scores the samples of sets 0 to `sets`.
    pub fn of(samples: &[Sample], sets: usize, seed: u64) -> Self {
        let left_out = fit::leave_one_set_out(samples).ok();
        let mut unseen = Self { own_set: Vec::with_capacity(sets), other_sets: Vec::with_capacity(sets) };
        for set in 0..sets {
            let places: Vec<usize> = (0..samples.len()).filter(|place| samples[*place].set == set).collect();
            let own: Vec<Sample> = places.iter().map(|place| samples[*place].clone()).collect();
            let is_judged = own.iter().any(|sample| sample.correct.is_some());
            let by_folds = if is_judged { fit::out_of_fold(&own, seed).ok() } else { None };
            unseen.own_set.push(by_folds.map(|logits| fit::scored(&own, &logits)));
            let by_others = left_out.as_ref().map(|logits| places.iter().map(|place| logits[*place]).collect());
            unseen.other_sets.push(by_others.map(|logits: Vec<f64>| fit::scored(&own, &logits)));
        }
        unseen
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// So many drafts of a set, one a group, of which the first feature tells more right than wrong ones.
    pub fn samples(set: usize, count: usize, is_judged: bool) -> Vec<Sample> {
        let sample = |number: usize| {
            let right = number.is_multiple_of(2);
            let feature = f64::from(u8::from(right)) + (number % 7) as f64 / 5.0;
            let correct = is_judged.then_some(right);
            Sample { set, group: format!("{set}/{number}"), answerable: right, correct, features: vec![feature, 1.0] }
        };
        (0..count).map(sample).collect()
    }

    #[test]
    fn a_set_that_cannot_judge_is_scored_by_the_others_alone() {
        let samples = [samples(0, 60, true), samples(1, 40, true), samples(2, 30, false)].concat();
        let unseen = Unseen::of(&samples, 3, 1);
        let sizes = |sets: &[Option<Vec<Scored>>]| -> Vec<Option<usize>> {
            sets.iter().map(|scored| scored.as_ref().map(Vec::len)).collect()
        };
        assert_eq!(sizes(&unseen.own_set), [Some(60), Some(40), None]);
        assert_eq!(sizes(&unseen.other_sets), [Some(60), Some(40), Some(30)]);
    }

    #[test]
    fn one_set_alone_has_no_others() {
        let unseen = Unseen::of(&samples(0, 60, true), 1, 1);
        assert!(unseen.own_set[0].is_some() && unseen.other_sets[0].is_none());
    }
}
