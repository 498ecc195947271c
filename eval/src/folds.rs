//! Splits by group, and scores from models that did not see the item's group.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Deals whole groups out to folds of about the same number of items; returns each item's fold, from 0.
///
/// The largest groups are dealt first, each to the fold with the fewest items, in an order that the seed decides
/// among groups of one size. The split depends on the groups and the seed, not on the order of the items. With
/// fewer groups than folds, some folds stay empty.
///
/// # Panics
/// With fewer than two folds.
pub fn by_group<S: AsRef<str>>(groups: &[S], fold_count: usize, seed: u64) -> Vec<usize> {
    assert!(fold_count >= 2, "a split has at least two folds");
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for group in groups {
        *sizes.entry(group.as_ref()).or_default() += 1;
    }
    let mut order: Vec<(&str, usize)> = sizes.into_iter().collect();
    order.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
    order.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let mut filled = vec![0; fold_count];
    let mut fold_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (group, size) in order {
        let fold = (0..fold_count).min_by_key(|fold| filled[*fold]).unwrap_or_default();
        filled[fold] += size;
        fold_of.insert(group, fold);
    }
    groups.iter().map(|group| fold_of[group.as_ref()]).collect()
}

/// Scores each item by the model that `fit` makes of all items outside its fold.
///
/// `fit` takes the numbers of the items to learn from, rising, and returns a function from an item's number to its
/// score. Folds are fitted in parallel; the result does not depend on the number of threads.
///
/// # Errors
/// The first error of `fit`, by fold.
pub fn out_of_fold<F, M, E>(fold_of: &[usize], fit: F) -> Result<Vec<f64>, E>
where
    F: Fn(&[usize]) -> Result<M, E> + Sync,
    M: Fn(usize) -> f64,
    E: Send,
{
    let mut folds = fold_of.to_vec();
    folds.sort_unstable();
    folds.dedup();
    let folds: Vec<Result<Vec<(usize, f64)>, E>> = folds
        .into_par_iter()
        .map(|fold| {
            let (held_out, learned): (Vec<usize>, Vec<usize>) =
                (0..fold_of.len()).partition(|item| fold_of[*item] == fold);
            let score = fit(&learned)?;
            Ok(held_out.into_iter().map(|item| (item, score(item))).collect())
        })
        .collect();
    let mut scores = vec![f64::NAN; fold_of.len()];
    for fold in folds {
        for (item, score) in fold? {
            scores[item] = score;
        }
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::assert_close;
    use crate::logistic::{Example, FitError, Logistic};
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn deals_groups_of_one_out_evenly_and_by_seed() {
        let groups: Vec<String> = (0..20).map(|group| group.to_string()).collect();
        let folds = by_group(&groups, 5, 1);
        for fold in 0..5 {
            assert_eq!(folds.iter().filter(|item| **item == fold).count(), 4);
        }
        assert_eq!(folds, by_group(&groups, 5, 1));
        assert_ne!(folds, by_group(&groups, 5, 2));
    }

    #[test]
    fn leaves_folds_empty_where_groups_are_few() {
        assert_eq!(by_group(&["a", "a", "a"], 3, 0), [0, 0, 0]);
        assert_eq!(by_group(&[""; 0], 3, 0), [0; 0]);
    }

    #[test]
    fn learns_only_from_the_other_folds() {
        let labels = [1.0, 2.0, 4.0, 8.0];
        let scores = out_of_fold(&[0, 1, 0, 2], |learned| {
            let sum: f64 = learned.iter().map(|item| labels[*item]).sum();
            Ok::<_, ()>(move |item: usize| sum * 100.0 + labels[item])
        });
        assert_eq!(scores, Ok(vec![1001.0, 1302.0, 1004.0, 708.0]));
    }

    #[test]
    fn hands_on_the_error_of_a_fit() {
        let result = out_of_fold(&[0, 1, 1], |learned| if learned.len() == 1 { Err("too few") } else { Ok(|_| 0.0) });
        assert_eq!(result, Err("too few"));
    }

    #[test]
    fn scores_a_logistic_regression_out_of_fold() {
        let rows: Vec<Vec<f64>> = (0..40_u32).map(|item| vec![f64::from(item), f64::from(item * item % 7)]).collect();
        let labels: Vec<bool> = (0..40).map(|item| item % 3 == 0 || item > 25).collect();
        let rows = &rows;
        let example = |item: usize| Example { features: &rows[item], label: labels[item], weight: 1.0 };
        let groups: Vec<String> = (0..40).map(|item| (item / 2).to_string()).collect();
        let folds = by_group(&groups, 5, 3);
        let scores = out_of_fold(&folds, |learned| {
            let examples: Vec<Example<'_>> = learned.iter().map(|item| example(*item)).collect();
            let model = Logistic::fit(&examples, 1.0)?;
            Ok::<_, FitError>(move |item: usize| model.logit(&rows[item]))
        })
        .unwrap();
        let others: Vec<Example<'_>> = (0..40).filter(|item| folds[*item] != folds[7]).map(example).collect();
        assert_close(scores[7], Logistic::fit(&others, 1.0).unwrap().logit(&rows[7]));
    }

    proptest! {
        #[test]
        fn keeps_groups_together_and_folds_even(groups in prop::collection::vec(0_u8..30, 0..80), count in 2_usize..6, seed: u64) {
            let names: Vec<String> = groups.iter().map(ToString::to_string).collect();
            let folds = by_group(&names, count, seed);
            let mut fold_of = HashMap::new();
            for (group, fold) in groups.iter().zip(&folds) {
                prop_assert_eq!(*fold_of.entry(group).or_insert(*fold), *fold);
            }
            let size = |fold: usize| folds.iter().filter(|item| **item == fold).count();
            let group_size = |name: &String| names.iter().filter(|other| *other == name).count();
            let largest = names.iter().map(group_size).max().unwrap_or(0);
            let most = (0..count).map(size).max().unwrap_or(0);
            let least = (0..count).map(size).min().unwrap_or(0);
            prop_assert!(most - least <= largest);
        }

        #[test]
        fn does_not_depend_on_the_order_of_the_items(groups in prop::collection::vec(0_u8..30, 0..80), seed: u64) {
            let names: Vec<String> = groups.iter().map(ToString::to_string).collect();
            let backwards: Vec<String> = names.iter().rev().cloned().collect();
            let mut folds = by_group(&backwards, 4, seed);
            folds.reverse();
            prop_assert_eq!(by_group(&names, 4, seed), folds);
        }
    }
}
