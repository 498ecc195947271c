//! Percentiles of measured times.

use serde::{Deserialize, Serialize};

/// Percentiles of one stage's times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

impl Percentiles {
    /// Takes times in milliseconds, in any order. `None` without one.
    ///
    /// By nearest rank: the smallest measured time that at least this share of the times does not exceed, so every
    /// percentile is a time that occurred. With fewer than 100 times the p99 is the largest.
    #[must_use]
    pub fn of(times_ms: &[f64]) -> Option<Self> {
        let mut sorted = times_ms.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?).copied();
        Some(Self { p50: at(50)?, p95: at(95)?, p99: at(99)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use proptest::prelude::*;

    #[test]
    fn takes_the_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(Percentiles::of(&hundred), Some(Percentiles { p50: 50.0, p95: 95.0, p99: 99.0 }));
        assert_eq!(Percentiles::of(&[3.0, 1.0]), Some(Percentiles { p50: 1.0, p95: 3.0, p99: 3.0 }));
        assert_eq!(Percentiles::of(&[3.0, 1.0, 2.0]), Some(Percentiles { p50: 2.0, p95: 3.0, p99: 3.0 }));
        assert_eq!(Percentiles::of(&[]), None);
    }

    #[test]
    fn equals_numpys_inverted_cdf() {
        for case in fixtures::reference()["latency"].as_array().unwrap() {
            let expected: Vec<f64> = fixtures::numbers(&case["percentiles"]);
            let Percentiles { p50, p95, p99 } = Percentiles::of(&fixtures::numbers(&case["times"])).unwrap();
            fixtures::assert_all_close(&[p50, p95, p99], &expected);
        }
    }

    proptest! {
        #[test]
        fn percentiles_rise_and_occurred(times in prop::collection::vec(0.0_f64..1e4, 1..300)) {
            let Percentiles { p50, p95, p99 } = Percentiles::of(&times).unwrap();
            prop_assert!(p50 <= p95 && p95 <= p99);
            prop_assert!([p50, p95, p99].iter().all(|time| times.contains(time)));
        }
    }
}
