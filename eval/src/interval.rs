//! A figure with its 95 % interval, from a seeded bootstrap over groups.
//!
//! Questions of one group are not independent, so whole groups are drawn. A statistic gets how often each item
//! was drawn instead of copies of the items: it sorts once, outside, and each resample is one linear pass.

use std::collections::HashMap;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Resamples for one interval: the 2.5 and 97.5 percentiles then rest on 25 values each.
pub const RESAMPLES: u32 = 1_000;

/// Permutations for the chance of a change: chances of a tenth of a percent are told, as several figures compared together need.
pub const PERMUTATIONS: u32 = 4_000;

/// What sums in another order may differ by, which is no change.
const ROUNDING: f64 = 1e-9;

/// How likely a change of a figure is where nothing changed but by chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chances {
    /// Of one as far down as was seen.
    pub of_fall: f64,
    /// Of one as far up.
    pub of_rise: f64,
}

/// A figure and its 95 % interval, `[low, high]`.
///
/// A percentile interval need not hold the value: where the figure is biased on resamples (calibration error is
/// larger on them), it can lie beside it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub value: f64,
    pub ci95: [f64; 2],
}

/// Resamples of one list of items by their groups, the same for every figure that is made of that list.
///
/// So differences between two figures over the same items can be resampled too: they get the same draws.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The group of each item, from 0.
    group_of: Vec<usize>,
    group_count: usize,
    seed: u64,
}

impl Bootstrap {
    /// Takes the group of each item, in the items' order.
    pub fn over<S: AsRef<str>>(groups: &[S], seed: u64) -> Self {
        let mut numbers = HashMap::new();
        let mut group_of = Vec::with_capacity(groups.len());
        for group in groups {
            let next = numbers.len();
            group_of.push(*numbers.entry(group.as_ref()).or_insert(next));
        }
        Self { group_of, group_count: numbers.len(), seed }
    }

    /// The figure that `statistic` makes of all items, with its percentile interval.
    ///
    /// `statistic` takes how often each item counts (1 each for the value; 0, 1, 2 … in a resample), in the
    /// items' order, and returns `None` where the figure is not defined, such as an AUROC of one class. Resamples
    /// without a value are left out of the interval. `None` when the items themselves have no value.
    ///
    /// The same seed gives the same interval whatever the number of threads.
    pub fn figure(&self, statistic: impl Fn(&[u32]) -> Option<f64> + Sync) -> Option<Figure> {
        let value = statistic(&vec![1; self.group_of.len()])?;
        let mut values: Vec<f64> =
            (0..RESAMPLES).into_par_iter().filter_map(|number| statistic(&self.resample(number))).collect();
        values.sort_unstable_by(f64::total_cmp);
        let low = percentile(&values, 25).unwrap_or(value);
        let high = percentile(&values, 975).unwrap_or(value);
        Some(Figure { value, ci95: [low, high] })
    }

    /// What `after` gives more than `before` over the same resamples, of items that both have in the same order.
    ///
    /// `None` where one of them has no value. Resamples in which one has none are left out of the interval.
    pub fn difference(
        &self,
        before: impl Fn(&[u32]) -> Option<f64> + Sync,
        after: impl Fn(&[u32]) -> Option<f64> + Sync,
    ) -> Option<Figure> {
        self.figure(|weights| Some(after(weights)? - before(weights)?))
    }

    /// How likely a fall and a rise as large as those seen are, were it a coin that says of each group which of its two sides is
    /// the earlier one.
    ///
    /// `of_both` takes the weights of all items as they were before, followed by those of all items as they are now.
    /// `None` where a side has no value. Permutations in which one has none are left out.
    ///
    /// Source: the paired randomisation test, Fisher, "The Design of Experiments", 1935; by group as the bootstrap.
    pub fn chances(&self, of_both: impl Fn(&[u32]) -> Option<f64> + Sync) -> Option<Chances> {
        let risen = |is_swapped: &[bool]| {
            let side = |first: bool| {
                let weight = |group: &usize, takes_swapped: bool| u32::from(is_swapped[*group] == takes_swapped);
                let before = self.group_of.iter().map(|group| weight(group, !first));
                let now = self.group_of.iter().map(|group| weight(group, first));
                of_both(&before.chain(now).collect::<Vec<u32>>())
            };
            Some(side(false)? - side(true)?)
        };
        let seen = risen(&vec![false; self.group_count])?;
        let permuted: Vec<f64> = (0..PERMUTATIONS)
            .into_par_iter()
            .filter_map(|number| {
                let mut random = self.random(number);
                let is_swapped: Vec<bool> = (0..self.group_count).map(|_| random.random_bool(0.5)).collect();
                risen(&is_swapped)
            })
            .collect();
        let share = |counts: &dyn Fn(f64) -> bool| {
            let counted = permuted.iter().filter(|value| counts(**value)).count();
            // What was seen is one of the permutations.
            (counted + 1) as f64 / (permuted.len() + 1) as f64
        };
        Some(Chances {
            of_fall: share(&|value| value <= seen + ROUNDING),
            of_rise: share(&|value| value >= seen - ROUNDING),
        })
    }

    /// How often each item counts in the resample of this number: as many groups as there are, drawn with
    /// replacement, each with all its items.
    fn resample(&self, number: u32) -> Vec<u32> {
        let mut random = self.random(number);
        let mut drawn = vec![0_u32; self.group_count];
        for _ in 0..self.group_count {
            drawn[random.random_range(0..self.group_count)] += 1;
        }
        self.group_of.iter().map(|group| drawn[*group]).collect()
    }

    /// A generator for each resample, so that no thread depends on another; the golden ratio keeps the streams of neighbouring
    /// seeds and numbers apart before `seed_from_u64` mixes them (SplitMix64).
    fn random(&self, number: u32) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.seed ^ u64::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// The mean of the values there are, each counted as often as its weight says. `None` without any.
#[must_use]
pub fn mean(values: &[Option<f64>], weights: &[u32]) -> Option<f64> {
    debug_assert_eq!(values.len(), weights.len());
    let (mut sum, mut count) = (0.0, 0_u64);
    for (value, weight) in values.iter().zip(weights) {
        if let Some(value) = value {
            sum += value * f64::from(*weight);
            count += u64::from(*weight);
        }
    }
    (count > 0).then(|| sum / count as f64)
}

/// The value below which `per_mille` of the sorted values lie, between two neighbours in proportion
/// (type 7 of Hyndman and Fan, the default of `numpy.percentile`). 0 to 1,000.
fn percentile(sorted: &[f64], per_mille: usize) -> Option<f64> {
    let place = per_mille * sorted.len().checked_sub(1)?;
    let below = place / 1_000;
    let above = (below + 1).min(sorted.len() - 1);
    let part = (place % 1_000) as f64 / 1_000.0;
    Some(sorted[below] + (sorted[above] - sorted[below]) * part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::assert_close;
    use proptest::prelude::*;

    fn mean_over(bootstrap: &Bootstrap, values: &[Option<f64>]) -> Option<Figure> {
        bootstrap.figure(|weights| mean(values, weights))
    }

    fn names(groups: impl IntoIterator<Item = usize>) -> Vec<String> {
        groups.into_iter().map(|group| group.to_string()).collect()
    }

    #[test]
    fn serialises_as_the_report_says() {
        let figure = Figure { value: 0.5, ci95: [0.25, 0.75] };
        assert_eq!(serde_json::to_string(&figure).unwrap(), r#"{"value":0.5,"ci95":[0.25,0.75]}"#);
    }

    #[test]
    fn interval_of_a_mean_is_that_of_the_normal_distribution() {
        // 400 groups of one, half of them 1: standard error 0.025
        let values: Vec<Option<f64>> = (0..400_u32).map(|item| Some(f64::from(item % 2))).collect();
        let figure = mean_over(&Bootstrap::over(&names(0..400), 7), &values).unwrap();
        assert_close(figure.value, 0.5);
        assert!((figure.ci95[0] - (0.5 - 1.96 * 0.025)).abs() < 0.006, "{figure:?}");
        assert!((figure.ci95[1] - (0.5 + 1.96 * 0.025)).abs() < 0.006, "{figure:?}");
    }

    #[test]
    fn interval_widens_by_the_root_of_the_group_size() {
        // the same values in groups of 4 equal items: a quarter of the independent observations
        let values: Vec<Option<f64>> = (0..400_u32).map(|item| Some(f64::from(item / 4 % 2))).collect();
        let width = |groups: Vec<String>| {
            let [low, high] = mean_over(&Bootstrap::over(&groups, 1), &values).unwrap().ci95;
            high - low
        };
        let ratio = width(names((0..400).map(|item| item / 4))) / width(names(0..400));
        assert!((ratio - 2.0).abs() < 0.25, "{ratio}");
    }

    #[test]
    fn interval_holds_the_true_mean_about_95_times_in_100() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut held = 0;
        for trial in 0..200 {
            // 60 groups of 3 items that share a group's effect; true mean 0.5
            let mut values = Vec::new();
            for _ in 0..60 {
                let effect: f64 = random.random();
                values.extend((0..3).map(|_| Some(f64::midpoint(effect, random.random::<f64>()))));
            }
            let [low, high] =
                mean_over(&Bootstrap::over(&names((0..180).map(|item| item / 3)), trial), &values).unwrap().ci95;
            held += i32::from((low..=high).contains(&0.5));
        }
        assert!((182..=199).contains(&held), "{held} of 200");
    }

    #[test]
    fn same_seed_gives_the_same_interval_on_any_number_of_threads() {
        let values: Vec<Option<f64>> = (0..300_u32).map(|item| Some(f64::from(item).sin())).collect();
        let bootstrap = Bootstrap::over(&names((0..300).map(|item| item / 2)), 11);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| mean_over(&bootstrap, &values))
        };
        assert_eq!(on(1), on(5));
        assert_ne!(on(1), mean_over(&Bootstrap::over(&names((0..300).map(|item| item / 2)), 12), &values));
    }

    #[test]
    fn leaves_out_what_has_no_value() {
        let bootstrap = Bootstrap::over(&["a", "b", "c"], 0);
        let figure = mean_over(&bootstrap, &[Some(1.0), None, Some(1.0)]).unwrap();
        assert_eq!(figure, Figure { value: 1.0, ci95: [1.0, 1.0] });
        assert_eq!(mean_over(&bootstrap, &[None, None, None]), None);
        assert_eq!(mean_over(&Bootstrap::over(&[""; 0], 0), &[]), None);
    }

    #[test]
    fn percentile_equals_numpys() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_close(percentile(&sorted, 25).unwrap(), 1.075);
        assert_close(percentile(&sorted, 975).unwrap(), 7.7);
        assert_close(percentile(&sorted, 1_000).unwrap(), 8.0);
        assert_eq!(percentile(&[], 500), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_resample_draws_whole_groups_as_many_as_there_are(groups in prop::collection::vec(0_usize..9, 1..40), seed: u64) {
            let bootstrap = Bootstrap::over(&names(groups.clone()), seed);
            let weights = bootstrap.resample(5);
            let mut drawn = HashMap::new();
            for (group, weight) in groups.iter().zip(&weights) {
                prop_assert_eq!(*drawn.entry(group).or_insert(*weight), *weight);
            }
            prop_assert_eq!(drawn.values().sum::<u32>() as usize, drawn.len());
        }

        #[test]
        fn the_interval_of_a_mean_lies_among_its_values(values in prop::collection::vec(-5.0_f64..5.0, 1..30), seed: u64) {
            let all: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
            let Figure { ci95: [low, high], .. } = mean_over(&Bootstrap::over(&names(0..values.len()), seed), &all).unwrap();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(least - 1e-9 <= low && low <= high && high <= most + 1e-9);
        }
    }
}
