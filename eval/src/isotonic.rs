//! Isotonic regression: the rising curve from a score to a probability that fits best.

use serde::{Deserialize, Serialize};

use crate::logistic::FitError;

/// A curve that never falls, by its knots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Score and probability, by rising score; at least one.
    knots: Vec<Knot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Knot {
    score: f64,
    probability: f64,
}

impl Isotonic {
    /// Fits by pooling adjacent violators, with least squares; equal scores are pooled first.
    ///
    /// Source: Zadrozny and Elkan, KDD 2002. Equal to scikit-learn's `IsotonicRegression` with
    /// `out_of_bounds="clip"`.
    ///
    /// # Errors
    /// `FitError` without an example, or with a score that is not finite.
    pub fn fit(scored: &[(f64, bool)]) -> Result<Self, FitError> {
        if scored.is_empty() {
            return Err(FitError::NoExample);
        }
        if let Some(example) = scored.iter().position(|(score, _)| !score.is_finite()) {
            return Err(FitError::NotFinite { example, feature: 0 });
        }
        // adding 0 makes one zero of -0 and 0
        let mut scored: Vec<(f64, bool)> = scored.iter().map(|(score, label)| (score + 0.0, *label)).collect();
        scored.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut pools: Vec<Pool> = Vec::new();
        for equal in scored.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
            let mut pool = Pool {
                first: equal[0].0,
                last: equal[0].0,
                positives: equal.iter().filter(|(_, label)| *label).count(),
                count: equal.len(),
            };
            while let Some(before) = pools.pop_if(|before| before.rate() >= pool.rate()) {
                pool.first = before.first;
                pool.positives += before.positives;
                pool.count += before.count;
            }
            pools.push(pool);
        }
        Ok(Self { knots: pools.iter().flat_map(Pool::knots).collect() })
    }

    /// The probability, 0 to 1, that an item of this score has the label.
    ///
    /// Between two knots in proportion; beyond the first and the last, theirs. It can be 0 or 1 exactly, so a
    /// logit made of it is not always finite. NaN is taken for the lowest score.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        let next = self.knots.partition_point(|knot| knot.score < score);
        match (next.checked_sub(1).map(|before| self.knots[before]), self.knots.get(next)) {
            (Some(before), Some(after)) => {
                let part = (score - before.score) / (after.score - before.score);
                // Rounding must not lead out of the two, or the curve would fall by a hair.
                (before.probability + part * (after.probability - before.probability))
                    .clamp(before.probability, after.probability)
            }
            (Some(end), None) => end.probability,
            (None, Some(end)) => end.probability,
            (None, None) => 0.0,
        }
    }
}

/// A run of scores with one probability.
struct Pool {
    first: f64,
    last: f64,
    positives: usize,
    count: usize,
}

impl Pool {
    fn rate(&self) -> f64 {
        self.positives as f64 / self.count as f64
    }

    fn knots(&self) -> impl Iterator<Item = Knot> {
        let probability = self.rate();
        let last = (self.last > self.first).then_some(self.last);
        std::iter::once(self.first).chain(last).map(move |score| Knot { score, probability })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, assert_close};
    use proptest::prelude::*;

    #[test]
    fn fits_hand_computed_items() {
        // 1 and 2 stand in the wrong order and are pooled
        let curve = Isotonic::fit(&[(3.0, true), (2.0, false), (1.0, true), (0.0, false)]).unwrap();
        assert_close(curve.probability(-1.0), 0.0);
        assert_close(curve.probability(0.5), 0.25);
        assert_close(curve.probability(1.0), 0.5);
        assert_close(curve.probability(1.5), 0.5);
        assert_close(curve.probability(2.0), 0.5);
        assert_close(curve.probability(2.5), 0.75);
        assert_close(curve.probability(9.0), 1.0);
    }

    #[test]
    fn is_constant_where_scores_say_nothing() {
        let curve = Isotonic::fit(&[(1.0, true), (1.0, false)]).unwrap();
        assert_close(curve.probability(0.0), 0.5);
        assert_close(curve.probability(1.0), 0.5);
        assert_close(curve.probability(f64::NAN), 0.5);
    }

    #[test]
    fn says_what_is_wrong_with_the_examples() {
        assert_eq!(Isotonic::fit(&[]), Err(FitError::NoExample));
        assert_eq!(Isotonic::fit(&[(f64::NAN, true)]), Err(FitError::NotFinite { example: 0, feature: 0 }));
    }

    #[test]
    fn equals_scikit_learn() {
        for case in fixtures::reference()["isotonic"].as_array().unwrap() {
            let curve = Isotonic::fit(&fixtures::scored(&case["score"], &case["label"])).unwrap();
            let said: Vec<f64> = fixtures::numbers(&case["at"]).iter().map(|score| curve.probability(*score)).collect();
            fixtures::assert_all_close(&said, &fixtures::numbers(&case["probability"]));
        }
    }

    #[test]
    fn survives_being_written_and_read() {
        let curve = Isotonic::fit(&[(3.0, true), (0.0, false)]).unwrap();
        let read: Isotonic = serde_json::from_str(&serde_json::to_string(&curve).unwrap()).unwrap();
        assert_eq!(read, curve);
    }

    proptest! {
        #[test]
        fn never_falls_and_keeps_the_base_rate(
            items in prop::collection::vec(((-9_i8..9).prop_map(f64::from), any::<bool>()), 1..60),
        ) {
            let curve = Isotonic::fit(&items).unwrap();
            let said: Vec<f64> = (-40..40_i32).map(|step| curve.probability(f64::from(step) / 4.0)).collect();
            prop_assert!(said.is_sorted_by(|one, other| one <= other));
            prop_assert!(said.iter().all(|probability| (0.0..=1.0).contains(probability)));
            let sum: f64 = items.iter().map(|item| curve.probability(item.0)).sum();
            let positives = items.iter().filter(|item| item.1).count() as f64;
            prop_assert!((sum - positives).abs() < 1e-9);
        }
    }
}
