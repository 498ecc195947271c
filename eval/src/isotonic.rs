//! Isotonic regression: the rising curve from a logit to a probability that fits best.

use candor::answer::curve::{Curve, Knot};

use crate::logistic::FitError;

/// Fits an isotonic curve to logits and labels by pooling adjacent violators, with least squares; equal logits are pooled
/// first.
///
/// Source: Zadrozny and Elkan, KDD 2002. Equal to scikit-learn's `IsotonicRegression` with `out_of_bounds="clip"`.
///
/// # Errors
/// `FitError` without an example, or with a logit that is not finite.
pub fn fit(labelled: &[(f64, bool)]) -> Result<Curve, FitError> {
    if labelled.is_empty() {
        return Err(FitError::NoExample);
    }
    if let Some(example) = labelled.iter().position(|(logit, _)| !logit.is_finite()) {
        return Err(FitError::NotFinite { example, feature: 0 });
    }
    // adding 0 makes one zero of -0 and 0
    let mut labelled: Vec<(f64, bool)> = labelled.iter().map(|(logit, label)| (logit + 0.0, *label)).collect();
    labelled.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut pools: Vec<Pool> = Vec::new();
    for equal in labelled.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
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
    Ok(Curve::Isotonic { knots: pools.iter().flat_map(Pool::knots).collect() })
}

/// A run of logits with one probability.
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
        std::iter::once(self.first).chain(last).map(move |logit| Knot { logit, probability })
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
        let curve = fit(&[(3.0, true), (2.0, false), (1.0, true), (0.0, false)]).unwrap();
        assert_close(curve.probability(-1.0), 0.0);
        assert_close(curve.probability(0.5), 0.25);
        assert_close(curve.probability(1.0), 0.5);
        assert_close(curve.probability(1.5), 0.5);
        assert_close(curve.probability(2.0), 0.5);
        assert_close(curve.probability(2.5), 0.75);
        assert_close(curve.probability(9.0), 1.0);
    }

    #[test]
    fn is_constant_where_logits_say_nothing() {
        let curve = fit(&[(1.0, true), (1.0, false)]).unwrap();
        assert_close(curve.probability(0.0), 0.5);
        assert_close(curve.probability(1.0), 0.5);
        assert_close(curve.probability(f64::NAN), 0.5);
    }

    #[test]
    fn says_what_is_wrong_with_the_examples() {
        assert_eq!(fit(&[]), Err(FitError::NoExample));
        assert_eq!(fit(&[(f64::NAN, true)]), Err(FitError::NotFinite { example: 0, feature: 0 }));
    }

    #[test]
    fn equals_scikit_learn() {
        for case in fixtures::reference()["isotonic"].as_array().unwrap() {
            let curve = fit(&fixtures::scored(&case["score"], &case["label"])).unwrap();
            let said: Vec<f64> = fixtures::numbers(&case["at"]).iter().map(|score| curve.probability(*score)).collect();
            fixtures::assert_all_close(&said, &fixtures::numbers(&case["probability"]));
        }
    }

    proptest! {
        #[test]
        fn never_falls_and_keeps_the_base_rate(
            items in prop::collection::vec(((-9_i8..9).prop_map(f64::from), any::<bool>()), 1..60),
        ) {
            let curve = fit(&items).unwrap();
            prop_assert!(curve.is_usable());
            let said: Vec<f64> = (-40..40_i32).map(|step| curve.probability(f64::from(step) / 4.0)).collect();
            prop_assert!(said.is_sorted_by(|one, other| one <= other));
            prop_assert!(said.iter().all(|probability| (0.0..=1.0).contains(probability)));
            let sum: f64 = items.iter().map(|item| curve.probability(item.0)).sum();
            let positives = items.iter().filter(|item| item.1).count() as f64;
            prop_assert!((sum - positives).abs() < 1e-9);
        }
    }
}
