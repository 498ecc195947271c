//! Whether a confidence means what it says: expected calibration error and Brier score.
//!
//! As in `abstention`, every figure takes how often each item counts and equals that of a list that repeats the
//! items so often; items of equal confidence are never told apart.

use serde::{Deserialize, Serialize};

/// Bins of the calibration error: `ece_10_equal_mass` in the report.
pub const BINS: u64 = 10;

/// Items by rising confidence; sorted once, scored for many weights.
#[derive(Debug, Clone)]
pub struct Confidences {
    /// By rising confidence.
    items: Vec<Item>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    /// The place in the caller's order, which the weights are in.
    number: usize,
    /// 0 to 1.
    confidence: f64,
    correct: bool,
}

/// One of the bins: a tenth of the items, by rising confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    pub mean_confidence: f64,
    /// The share of correct items, 0 to 1.
    pub accuracy: f64,
    pub count: u64,
}

impl Confidences {
    /// Takes each item's confidence, a probability of 0 to 1, and whether the item was correct.
    ///
    /// A confidence outside is taken to the nearer end, NaN to 0.
    pub fn new(items: impl IntoIterator<Item = (f64, bool)>) -> Self {
        let probability = |confidence: f64| {
            if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) + 0.0 }
        };
        let mut items: Vec<Item> = (0..)
            .zip(items)
            .map(|(number, (confidence, correct))| Item { number, confidence: probability(confidence), correct })
            .collect();
        items.sort_by(|one, other| one.confidence.total_cmp(&other.confidence));
        Self { items }
    }

    /// Expected calibration error over `BINS` bins of equal mass: the mean, over the items, of the distance
    /// between their bin's mean confidence and accuracy. 0 to 1, lower is better; `None` without an item.
    ///
    /// It is never 0 on real data: with n items, chance alone gives about 0.8 · √(p (1 − p) · 10 / n).
    ///
    /// Source: Naeini, Cooper and Hauskrecht, AAAI 2015; bins of equal mass as in Nixon et al., CVPR workshop 2019.
    #[must_use]
    pub fn expected_error(&self, weights: &[u32]) -> Option<f64> {
        let bins = self.bins(weights);
        let total: u64 = bins.iter().map(|bin| bin.count).sum();
        let sum: f64 = bins.iter().map(|bin| bin.count as f64 * (bin.accuracy - bin.mean_confidence).abs()).sum();
        (total > 0).then(|| sum / total as f64)
    }

    /// The bins, from the least confident; those without an item (fewer items than bins) are left out.
    ///
    /// Sizes differ by one at most, the larger ones first (as `numpy.array_split` does). Where a border cuts
    /// through items of equal confidence, both sides get their accuracy in proportion.
    #[must_use]
    pub fn bins(&self, weights: &[u32]) -> Vec<Bin> {
        debug_assert_eq!(weights.len(), self.items.len());
        let total: u64 = weights.iter().copied().map(u64::from).sum();
        let sizes = (0..BINS).map(|bin| total / BINS + u64::from(bin < total % BINS)).filter(|size| *size > 0);
        let mut blocks = self.items.chunk_by(|one, other| one.confidence.total_cmp(&other.confidence).is_eq());
        // what the bins before have left of the current block: its items, their confidence and accuracy
        let (mut left, mut confidence, mut accuracy) = (0, 0.0, 0.0);
        let mut bins = Vec::new();
        for size in sizes {
            let (mut filled, mut confidences, mut corrects) = (0, 0.0, 0.0);
            while filled < size {
                if left == 0 {
                    let Some(block) = blocks.next() else { break };
                    let counts = block.iter().map(|item| (u64::from(weights[item.number]), item.correct));
                    let correct: u64 = counts.clone().filter(|(_, correct)| *correct).map(|(count, _)| count).sum();
                    left = counts.map(|(count, _)| count).sum();
                    confidence = block[0].confidence;
                    accuracy = correct as f64 / left as f64;
                    continue;
                }
                let taken = left.min(size - filled);
                confidences += taken as f64 * confidence;
                corrects += taken as f64 * accuracy;
                filled += taken;
                left -= taken;
            }
            bins.push(Bin {
                mean_confidence: confidences / size as f64,
                accuracy: corrects / size as f64,
                count: size,
            });
        }
        bins
    }

    /// Brier score: the mean squared distance between confidence and outcome (1 correct, 0 not). 0 to 1, lower
    /// is better; `None` without an item.
    #[must_use]
    pub fn brier(&self, weights: &[u32]) -> Option<f64> {
        self.mean(weights, |item| (item.confidence - f64::from(u8::from(item.correct))).powi(2))
    }

    /// Brier score of always saying the share of correct items p, which is p (1 − p). A confidence that does not
    /// stay below it is worth nothing. 0 to 0.25; `None` without an item.
    #[must_use]
    pub fn brier_of_base_rate(&self, weights: &[u32]) -> Option<f64> {
        let rate = self.mean(weights, |item| f64::from(u8::from(item.correct)))?;
        Some(rate * (1.0 - rate))
    }

    fn mean(&self, weights: &[u32], value: impl Fn(&Item) -> f64) -> Option<f64> {
        debug_assert_eq!(weights.len(), self.items.len());
        let total: u64 = weights.iter().copied().map(u64::from).sum();
        let sum: f64 = self.items.iter().map(|item| f64::from(weights[item.number]) * value(item)).sum();
        (total > 0).then(|| sum / total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, assert_close};
    use proptest::prelude::*;

    #[test]
    fn scores_hand_computed_items() {
        // 20 items, bins of 2: confidences 0.05 too high in the first bin, right in all others
        let mut items = vec![(0.05, false), (0.05, false)];
        items.extend((0..18).map(|_| (0.5, true)));
        let confidences = Confidences::new(items);
        let ones = [1; 20];
        assert_close(confidences.expected_error(&ones).unwrap(), 0.1 * 0.05 + 0.9 * 0.5);
        assert_close(confidences.brier(&ones).unwrap(), (2.0 * 0.0025 + 18.0 * 0.25) / 20.0);
        assert_close(confidences.brier_of_base_rate(&ones).unwrap(), 0.09);
        let bins = confidences.bins(&ones);
        assert_eq!(bins.len(), 10);
        assert_eq!(bins[0], Bin { mean_confidence: 0.05, accuracy: 0.0, count: 2 });
        assert_eq!(bins[9], Bin { mean_confidence: 0.5, accuracy: 1.0, count: 2 });
    }

    #[test]
    fn shares_equal_confidences_out_over_the_bins() {
        // the same confidence 20 times, half of them correct: perfect, whatever the order
        let items = (0..20).map(|item| (0.5, item < 10));
        assert_close(Confidences::new(items).expected_error(&[1; 20]).unwrap(), 0.0);
    }

    #[test]
    fn sizes_differ_by_one_at_most() {
        let items = (0..23).map(|item| (f64::from(item) / 23.0, true));
        let sizes: Vec<u64> = Confidences::new(items).bins(&[1; 23]).iter().map(|bin| bin.count).collect();
        assert_eq!(sizes, [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(Confidences::new([(0.5, true), (0.7, false)]).bins(&[1, 1]).len(), 2);
    }

    #[test]
    fn says_nothing_without_items() {
        let none = Confidences::new([(0.5, true)]);
        assert_eq!(none.expected_error(&[0]), None);
        assert_eq!(none.brier(&[0]), None);
        assert_eq!(none.brier_of_base_rate(&[0]), None);
        assert_eq!(none.bins(&[0]), []);
    }

    #[test]
    fn takes_a_confidence_outside_to_the_nearer_end() {
        let confidences = Confidences::new([(1.5, true), (-0.5, false), (f64::NAN, false)]);
        assert_eq!(confidences.brier(&[1, 1, 1]), Some(0.0));
    }

    #[test]
    fn equals_numpy_and_scikit_learn() {
        for case in fixtures::reference()["confidences"].as_array().unwrap() {
            let confidences = Confidences::new(fixtures::scored(&case["score"], &case["label"]));
            let weights: Vec<u32> = serde_json::from_value(case["weight"].clone()).unwrap();
            let expected = |field: &str| case[field].as_f64().unwrap();
            assert_close(confidences.expected_error(&weights).unwrap(), expected("ece"));
            assert_close(confidences.brier(&weights).unwrap(), expected("brier"));
            assert_close(confidences.brier_of_base_rate(&weights).unwrap(), expected("brier_of_base_rate"));
            for (bin, expected) in confidences.bins(&weights).iter().zip(case["bins"].as_array().unwrap()) {
                assert_close(bin.mean_confidence, expected[0].as_f64().unwrap());
                assert_close(bin.accuracy, expected[1].as_f64().unwrap());
                assert_eq!(bin.count, expected[2].as_u64().unwrap());
            }
        }
    }

    fn items() -> impl Strategy<Value = Vec<(f64, bool, u32)>> {
        prop::collection::vec(((0_u8..=12).prop_map(|step| f64::from(step) / 12.0), any::<bool>(), 0_u32..4), 1..60)
    }

    proptest! {
        #[test]
        fn figures_stay_in_range_and_bins_hold_every_item(items in items()) {
            let weights: Vec<u32> = items.iter().map(|item| item.2).collect();
            let confidences = Confidences::new(items.iter().map(|item| (item.0, item.1)));
            let bins = confidences.bins(&weights);
            prop_assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), weights.iter().copied().map(u64::from).sum::<u64>());
            prop_assert!(bins.is_sorted_by(|one, other| one.mean_confidence <= other.mean_confidence + 1e-12));
            if let Some(error) = confidences.expected_error(&weights) {
                prop_assert!((0.0..=1.0).contains(&error));
                prop_assert!((0.0..=1.0).contains(&confidences.brier(&weights).unwrap()));
                prop_assert!((0.0..=0.25).contains(&confidences.brier_of_base_rate(&weights).unwrap()));
            }
        }

        #[test]
        fn calibration_error_is_at_least_the_error_in_the_large(items in items()) {
            let weights = vec![1; items.len()];
            let confidences = Confidences::new(items.iter().map(|item| (item.0, item.1)));
            let gap: f64 = items.iter().map(|item| item.0 - f64::from(u8::from(item.1))).sum();
            prop_assert!(confidences.expected_error(&weights).unwrap() >= (gap / items.len() as f64).abs() - 1e-12);
        }

        #[test]
        fn a_weight_counts_as_so_many_copies_in_any_order(items in items()) {
            let weights: Vec<u32> = items.iter().map(|item| item.2).collect();
            let weighted = Confidences::new(items.iter().map(|item| (item.0, item.1))).expected_error(&weights);
            let copied: Vec<(f64, bool)> =
                items.iter().rev().flat_map(|item| (0..item.2).map(|_| (item.0, item.1))).collect();
            let ones = vec![1; copied.len()];
            let copied = Confidences::new(copied).expected_error(&ones);
            prop_assert_eq!(weighted, copied);
        }
    }
}
