//! How well a confidence tells what to answer from what to leave: AUROC, risk against coverage, and the exact
//! interval of a risk.
//!
//! Every figure of a ranking takes how often each item counts (`interval::Bootstrap`), and equals the figure of a
//! list that repeats the items so often. Items of equal confidence form one block: none comes before another.

use statrs::function::beta::beta_reg;

use crate::interval::Figure;

/// Items by falling confidence, in blocks of equal confidence; sorted once, scored for many weights.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// Item numbers, from the most confident.
    order: Vec<usize>,
    /// For each place in `order`, whether the item begins a new block.
    begins: Vec<bool>,
    /// By item number.
    positive: Vec<bool>,
}

/// A stretch of items of equal confidence, as counts.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    positives: u64,
    negatives: u64,
}

impl Ranked {
    /// Takes the confidence of each item and whether it is positive: answerable, or answered rightly.
    ///
    /// Confidences may be on any scale; only their order counts. NaN, the confidence of an item that has none,
    /// ranks with negative infinity.
    pub fn new(items: impl IntoIterator<Item = (f64, bool)>) -> Self {
        let (confidences, positive): (Vec<f64>, Vec<bool>) = items
            .into_iter()
            // adding 0 makes one zero of -0 and 0
            .map(|(confidence, positive)| {
                (if confidence.is_nan() { f64::NEG_INFINITY } else { confidence + 0.0 }, positive)
            })
            .unzip();
        let mut order: Vec<usize> = (0..confidences.len()).collect();
        order.sort_by(|one, other| confidences[*other].total_cmp(&confidences[*one]));
        let begins = (0..order.len())
            .map(|place| place == 0 || confidences[order[place]].total_cmp(&confidences[order[place - 1]]).is_ne())
            .collect();
        Self { order, begins, positive }
    }

    /// The chance that a positive item has a higher confidence than a negative one, a tie counting half.
    ///
    /// 0 to 1, 0.5 for a confidence that says nothing. `None` without an item of each class.
    #[must_use]
    pub fn auroc(&self, weights: &[u32]) -> Option<f64> {
        // twice the number of pairs in the right order, so that the half of a tie is whole; ratios of whole
        // numbers do not depend on the order of summation
        let (mut above, mut twice_right) = (Block::default(), 0_u64);
        for block in self.blocks(weights) {
            twice_right += block.negatives * (2 * above.positives + block.positives);
            above.positives += block.positives;
            above.negatives += block.negatives;
        }
        let pairs = above.positives * above.negatives;
        (pairs > 0).then(|| twice_right as f64 / (2.0 * pairs as f64))
    }

    /// Area under the curve of risk (share wrong) against coverage, where positive means right.
    ///
    /// The mean, over k from 1 to all items, of the risk among the k most confident; inside a block of equal
    /// confidences, its expectation over all orders. 0 to 1, lower is better; the error rate of the whole for a
    /// confidence that says nothing. `None` without an item.
    ///
    /// Source: Geifman, Uziel and El-Yaniv, "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers",
    /// ICLR 2019.
    #[must_use]
    pub fn aurc(&self, weights: &[u32]) -> Option<f64> {
        let (mut answered, mut wrong, mut area) = (0_u64, 0_u64, 0.0);
        for block in self.blocks(weights) {
            let size = block.positives + block.negatives;
            let error_rate = block.negatives as f64 / size as f64;
            for more in 1..=size {
                area += (wrong as f64 + more as f64 * error_rate) / (answered + more) as f64;
            }
            answered += size;
            wrong += block.negatives;
        }
        (answered > 0).then(|| area / answered as f64)
    }

    /// The largest share of all items that can be answered, from the most confident down and blocks as a whole,
    /// with at most the share `risk_max` of the answered ones wrong.
    ///
    /// 0 to 1; 0 where no threshold keeps to the risk. `None` without an item. It is found on the same items that
    /// it is stated for, so it flatters a little: it compares confidences, and promises nothing.
    #[must_use]
    pub fn coverage_at_risk(&self, risk_max: f64, weights: &[u32]) -> Option<f64> {
        let total: u64 = weights.iter().copied().map(u64::from).sum();
        let answered = self
            .cumulated(weights)
            // the slack keeps 29 of 100 within 0.29, whose product with 100 is 28.999999999999996
            .filter(|(answered, wrong)| *wrong as f64 <= risk_max * *answered as f64 + 1e-9)
            .map(|(answered, _)| answered)
            .max();
        (total > 0).then(|| answered.unwrap_or(0) as f64 / total as f64)
    }

    /// How many are answered, and how many of them wrongly, after each block: the curve of risk against coverage.
    pub fn cumulated(&self, weights: &[u32]) -> impl Iterator<Item = (u64, u64)> {
        self.blocks(weights).scan((0, 0), |(answered, wrong), block| {
            *answered += block.positives + block.negatives;
            *wrong += block.negatives;
            Some((*answered, *wrong))
        })
    }

    /// The blocks with at least one item that counts, from the most confident.
    fn blocks(&self, weights: &[u32]) -> impl Iterator<Item = Block> {
        debug_assert_eq!(weights.len(), self.order.len());
        let mut place = 0;
        let blocks = std::iter::from_fn(move || {
            let mut block = Block::default();
            let first = place;
            while let Some(item) = self.order.get(place).filter(|_| place == first || !self.begins[place]) {
                let count = u64::from(weights[*item]);
                if self.positive[*item] {
                    block.positives += count;
                } else {
                    block.negatives += count;
                }
                place += 1;
            }
            (place > first).then_some(block)
        });
        blocks.filter(|block| block.positives + block.negatives > 0)
    }
}

/// The share of the answered questions that is wrong, with its exact 95 % interval. `None` when none is answered.
#[must_use]
pub fn risk(wrong: u64, answered: u64) -> Option<Figure> {
    let ci95 = clopper_pearson_95(wrong, answered)?;
    Some(Figure { value: wrong as f64 / answered as f64, ci95 })
}

/// The exact two-sided 95 % interval of a rate, `[low, high]`, from `wrong` of `answered` independent cases.
///
/// `None` without a case, or with more wrong than there are. With several cases a group it is too narrow.
///
/// Source: Clopper and Pearson, Biometrika 1934.
#[must_use]
pub fn clopper_pearson_95(wrong: u64, answered: u64) -> Option<[f64; 2]> {
    let right = answered.checked_sub(wrong)?;
    // the lower bound of the wrong is what the upper bound of the right leaves
    Some([1.0 - risk_upper_bound(right, answered, 0.025)?, risk_upper_bound(wrong, answered, 0.025)?])
}

/// The largest rate at which `wrong` or fewer of `answered` independent cases are still as likely as `delta`.
///
/// The one-sided Clopper–Pearson bound: the true rate lies above it with a chance of at most `delta` (0.05 for
/// a promise at 95 %). 0 to 1; `None` without a case, or with more wrong than there are.
#[must_use]
pub fn risk_upper_bound(wrong: u64, answered: u64, delta: f64) -> Option<f64> {
    let right = answered.checked_sub(wrong)?;
    if answered == 0 {
        return None;
    }
    if right == 0 {
        return Some(1.0);
    }
    // The quantile 1 - delta of Beta(wrong + 1, right), by halving: `statrs` inverts the function itself by an
    // iteration whose precision it does not state. 60 halvings reach 2^-60.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if beta_reg(wrong as f64 + 1.0, right as f64, middle) < 1.0 - delta {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, assert_close};
    use proptest::prelude::*;

    /// Confidences 4 right, 3 wrong, 2 right and wrong, 1 wrong.
    const ITEMS: [(f64, bool); 5] = [(2.0, true), (4.0, true), (1.0, false), (3.0, false), (2.0, false)];

    #[test]
    fn scores_hand_computed_items() {
        let ranked = Ranked::new(ITEMS);
        let ones = [1; 5];
        // 4 beats 3, 2 and 1; 2 loses to 3, ties with 2, beats 1
        assert_close(ranked.auroc(&ones).unwrap(), 4.5 / 6.0);
        // risks 0, 1/2, then 1.5/3 and 2/4 in expectation, then 3/5
        assert_close(ranked.aurc(&ones).unwrap(), (0.0 + 0.5 + 0.5 + 0.5 + 0.6) / 5.0);
        assert_eq!(ranked.coverage_at_risk(0.0, &ones), Some(0.2));
        assert_eq!(ranked.coverage_at_risk(0.49, &ones), Some(0.2));
        assert_eq!(ranked.coverage_at_risk(0.5, &ones), Some(0.8));
        assert_eq!(ranked.coverage_at_risk(0.6, &ones), Some(1.0));
    }

    #[test]
    fn coverage_may_rise_again_after_a_wrong_answer() {
        let mut items = vec![(9.0, false)];
        items.extend((0..9).map(|place| (8.0 - f64::from(place), true)));
        assert_eq!(Ranked::new(items.clone()).coverage_at_risk(0.1, &[1; 10]), Some(1.0));
        assert_eq!(Ranked::new(items).coverage_at_risk(0.09, &[1; 10]), Some(0.0));
    }

    #[test]
    fn coverage_at_risk_takes_a_share_that_is_met_exactly() {
        for wrong in 1..100_u32 {
            let items = (0..100).map(|item| (0.0, item >= wrong));
            let coverage = Ranked::new(items).coverage_at_risk(f64::from(wrong) / 100.0, &[1; 100]);
            assert_eq!(coverage, Some(1.0), "{wrong}");
        }
    }

    #[test]
    fn says_nothing_without_both_classes_or_without_items() {
        assert_eq!(Ranked::new([(1.0, true)]).auroc(&[1]), None);
        assert_eq!(Ranked::new([(1.0, true), (0.0, false)]).auroc(&[3, 0]), None);
        assert_eq!(Ranked::new([(1.0, true)]).aurc(&[0]), None);
        assert_eq!(Ranked::new([]).coverage_at_risk(0.1, &[]), None);
    }

    #[test]
    fn ranks_a_missing_confidence_last_and_both_zeros_alike() {
        assert_eq!(Ranked::new([(f64::NAN, false), (-5.0, true)]).auroc(&[1, 1]), Some(1.0));
        assert_eq!(Ranked::new([(-f64::NAN, false), (f64::NEG_INFINITY, true)]).auroc(&[1, 1]), Some(0.5));
        assert_eq!(Ranked::new([(-0.0, false), (0.0, true)]).auroc(&[1, 1]), Some(0.5));
    }

    #[test]
    fn equals_scikit_learn_with_and_without_weights() {
        for case in fixtures::reference()["ranked"].as_array().unwrap() {
            let items = fixtures::scored(&case["score"], &case["label"]);
            let weights: Vec<u32> = serde_json::from_value(case["weight"].clone()).unwrap();
            let ranked = Ranked::new(items);
            let expected = |field: &str| case[field].as_f64().unwrap();
            assert_close(ranked.auroc(&weights).unwrap(), expected("auroc"));
            assert_close(ranked.aurc(&weights).unwrap(), expected("aurc"));
            assert_close(ranked.coverage_at_risk(0.2, &weights).unwrap(), expected("coverage_at_risk_20"));
            assert_close(ranked.coverage_at_risk(0.4, &weights).unwrap(), expected("coverage_at_risk_40"));
        }
    }

    #[test]
    fn clopper_pearson_equals_scipy() {
        for case in fixtures::reference()["clopper_pearson"].as_array().unwrap() {
            let (wrong, answered) = (case["wrong"].as_u64().unwrap(), case["answered"].as_u64().unwrap());
            let figure = risk(wrong, answered).unwrap();
            assert_close(figure.ci95[0], case["low"].as_f64().unwrap());
            assert_close(figure.ci95[1], case["high"].as_f64().unwrap());
            assert_close(risk_upper_bound(wrong, answered, 0.05).unwrap(), case["upper_95"].as_f64().unwrap());
        }
    }

    #[test]
    fn five_percent_takes_as_many_answers_as_the_specification_says() {
        for (wrong, answered) in [(0, 59), (1, 93), (7, 260), (16, 482)] {
            assert!(risk_upper_bound(wrong, answered, 0.05).unwrap() <= 0.05);
            assert!(risk_upper_bound(wrong, answered - 1, 0.05).unwrap() > 0.05);
        }
    }

    #[test]
    fn risk_without_an_answer_is_not_defined() {
        assert_eq!(risk(0, 0), None);
        assert_eq!(risk(2, 1), None);
        assert_close(risk(3, 3).unwrap().ci95[1], 1.0);
        assert_close(risk(0, 3).unwrap().ci95[0], 0.0);
    }

    fn items() -> impl Strategy<Value = Vec<(f64, bool, u32)>> {
        prop::collection::vec(((-8_i8..8).prop_map(f64::from), any::<bool>(), 0_u32..4), 1..40)
    }

    proptest! {
        #[test]
        fn figures_do_not_change_under_a_rising_map(items in items()) {
            let weights: Vec<u32> = items.iter().map(|item| item.2).collect();
            let plain = Ranked::new(items.iter().map(|item| (item.0, item.1)));
            let mapped = Ranked::new(items.iter().map(|item| (1.0 / (1.0 + (-item.0).exp()), item.1)));
            prop_assert_eq!(plain.auroc(&weights), mapped.auroc(&weights));
            prop_assert_eq!(plain.aurc(&weights), mapped.aurc(&weights));
        }

        #[test]
        fn figures_do_not_depend_on_the_order_of_the_items(items in items()) {
            let figures = |items: &[(f64, bool, u32)]| {
                let weights: Vec<u32> = items.iter().map(|item| item.2).collect();
                let ranked = Ranked::new(items.iter().map(|item| (item.0, item.1)));
                (ranked.auroc(&weights), ranked.aurc(&weights), ranked.coverage_at_risk(0.3, &weights))
            };
            let backwards: Vec<_> = items.iter().rev().copied().collect();
            prop_assert_eq!(figures(&items), figures(&backwards));
        }

        #[test]
        fn a_weight_counts_as_so_many_copies(items in items()) {
            let weights: Vec<u32> = items.iter().map(|item| item.2).collect();
            let weighted = Ranked::new(items.iter().map(|item| (item.0, item.1)));
            let copied: Vec<(f64, bool)> =
                items.iter().flat_map(|item| (0..item.2).map(|_| (item.0, item.1))).collect();
            let ones = vec![1; copied.len()];
            let copied = Ranked::new(copied);
            prop_assert_eq!(weighted.auroc(&weights), copied.auroc(&ones));
            prop_assert_eq!(weighted.aurc(&weights), copied.aurc(&ones));
            prop_assert_eq!(weighted.coverage_at_risk(0.2, &weights), copied.coverage_at_risk(0.2, &ones));
        }

        #[test]
        fn turning_the_confidence_round_turns_the_auroc_round(items in items()) {
            let weights: Vec<u32> = items.iter().map(|item| item.2).collect();
            let plain = Ranked::new(items.iter().map(|item| (item.0, item.1))).auroc(&weights);
            let turned = Ranked::new(items.iter().map(|item| (-item.0, item.1))).auroc(&weights);
            prop_assert_eq!(plain.is_some(), turned.is_some());
            if let (Some(plain), Some(turned)) = (plain, turned) {
                prop_assert!((plain + turned - 1.0).abs() < 1e-12);
            }
        }

        #[test]
        fn coverage_grows_with_the_risk_allowed(items in items(), low in 0.0_f64..1.0, more in 0.0_f64..1.0) {
            let weights = vec![1; items.len()];
            let ranked = Ranked::new(items.iter().map(|item| (item.0, item.1)));
            let at = |risk| ranked.coverage_at_risk(risk, &weights).unwrap();
            prop_assert!(at(low) <= at(low + more) && (0.0..=1.0).contains(&at(low)));
            prop_assert!((at(1.0) - 1.0).abs() < 1e-12);
        }

        #[test]
        fn clopper_pearson_holds_the_rate(answered in 1_u64..600, percent in 0_u64..=100) {
            let wrong = answered * percent / 100;
            let figure = risk(wrong, answered).unwrap();
            prop_assert!(0.0 <= figure.ci95[0] && figure.ci95[0] <= figure.value);
            prop_assert!(figure.value <= figure.ci95[1] && figure.ci95[1] <= 1.0);
            prop_assert!(risk_upper_bound(wrong, answered, 0.05).unwrap() <= figure.ci95[1] + 1e-12);
        }
    }
}
