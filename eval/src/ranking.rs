//! How well one question's ranked articles hold its gold articles.
//!
//! Every function takes the article ids best first, each once (passages folded to their articles, at the best
//! passage's rank), and the gold ids, each once. It returns 0 to 1, or `None` without a gold article: such a
//! question says nothing about ranking and is left out of the mean. Gains are binary. A list shorter than `k`
//! is scored as it stands.
//!
//! Equal to `pytrec_eval` on the same lists (tests).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// One question's ranking figures, as the report names them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    pub hit_at_1: f64,
    pub recall_at_5: f64,
    pub recall_at_10: f64,
    pub mrr_at_10: f64,
    pub ndcg_at_10: f64,
}

impl Ranking {
    /// Scores one question's ranking.
    pub fn of<R: AsRef<str>, G: AsRef<str>>(ranked: &[R], gold: &[G]) -> Option<Self> {
        Some(Self {
            hit_at_1: hit_at(1, ranked, gold)?,
            recall_at_5: recall_at(5, ranked, gold)?,
            recall_at_10: recall_at(10, ranked, gold)?,
            mrr_at_10: reciprocal_rank_at(10, ranked, gold)?,
            ndcg_at_10: ndcg_at(10, ranked, gold)?,
        })
    }
}

/// 1 when any gold article is among the first `k`, else 0.
pub fn hit_at<R: AsRef<str>, G: AsRef<str>>(k: usize, ranked: &[R], gold: &[G]) -> Option<f64> {
    let hits = hits(k, ranked, gold)?;
    Some(if hits.contains(&true) { 1.0 } else { 0.0 })
}

/// The share of all gold articles that are among the first `k`. With more than `k` gold articles it cannot
/// reach 1.
pub fn recall_at<R: AsRef<str>, G: AsRef<str>>(k: usize, ranked: &[R], gold: &[G]) -> Option<f64> {
    let hits = hits(k, ranked, gold)?;
    Some(hits.iter().filter(|hit| **hit).count() as f64 / gold.len() as f64)
}

/// 1 / rank of the first gold article, rank from 1; 0 when none is among the first `k`.
pub fn reciprocal_rank_at<R: AsRef<str>, G: AsRef<str>>(k: usize, ranked: &[R], gold: &[G]) -> Option<f64> {
    let first = hits(k, ranked, gold)?.iter().position(|hit| *hit);
    Some(first.map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0)))
}

/// Discounted gain of the first `k`, as a share of the best that this many gold articles allow.
///
/// Source: Järvelin and Kekäläinen, TOIS 2002, with the discount 1 / log2(rank + 1) from rank 1.
pub fn ndcg_at<R: AsRef<str>, G: AsRef<str>>(k: usize, ranked: &[R], gold: &[G]) -> Option<f64> {
    let discount = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let hits = hits(k, ranked, gold)?;
    let gained: f64 = (0..).zip(&hits).filter(|(_, hit)| **hit).map(|(rank, _)| discount(rank)).sum();
    let best: f64 = (0..gold.len().min(k)).map(discount).sum();
    (best > 0.0).then(|| gained / best)
}

/// Whether each of the first `k` is gold.
fn hits<R: AsRef<str>, G: AsRef<str>>(k: usize, ranked: &[R], gold: &[G]) -> Option<Vec<bool>> {
    let gold: HashSet<&str> = gold.iter().map(AsRef::as_ref).collect();
    let ranked = &ranked[..k.min(ranked.len())];
    debug_assert_eq!(
        ranked.iter().map(AsRef::as_ref).collect::<HashSet<&str>>().len(),
        ranked.len(),
        "a ranked list holds each article once"
    );
    (!gold.is_empty()).then(|| ranked.iter().map(|id| gold.contains(id.as_ref())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, assert_close};
    use proptest::prelude::*;

    #[test]
    fn scores_a_hand_computed_ranking() {
        let ranking = Ranking::of(&["x", "a", "y", "z", "w", "b"], &["a", "b", "c"]).unwrap();
        assert_close(ranking.hit_at_1, 0.0);
        assert_close(ranking.recall_at_5, 1.0 / 3.0);
        assert_close(ranking.recall_at_10, 2.0 / 3.0);
        assert_close(ranking.mrr_at_10, 0.5);
        // 1/log2(3) + 1/log2(7), against 1 + 1/log2(3) + 1/2
        assert_close(ranking.ndcg_at_10, (0.630_929_753_571 + 0.356_207_187_108) / 2.130_929_753_571);
    }

    #[test]
    fn scores_the_best_and_the_worst_ranking() {
        let best = Ranking::of(&["a"], &["a"]).unwrap();
        assert_eq!(
            best,
            Ranking { hit_at_1: 1.0, recall_at_5: 1.0, recall_at_10: 1.0, mrr_at_10: 1.0, ndcg_at_10: 1.0 }
        );
        let worst = Ranking::of(&[""; 0], &["a"]).unwrap();
        assert_eq!(
            worst,
            Ranking { hit_at_1: 0.0, recall_at_5: 0.0, recall_at_10: 0.0, mrr_at_10: 0.0, ndcg_at_10: 0.0 }
        );
    }

    #[test]
    fn looks_no_further_than_k() {
        let ranked: Vec<String> = (0..20).map(|id| id.to_string()).collect();
        assert_eq!(reciprocal_rank_at(10, &ranked, &["9"]), Some(0.1));
        assert_eq!(reciprocal_rank_at(10, &ranked, &["10"]), Some(0.0));
        assert_eq!(ndcg_at(10, &ranked, &["10"]), Some(0.0));
        assert_eq!(hit_at(5, &ranked, &["4"]), Some(1.0));
        assert_eq!(hit_at(5, &ranked, &["5"]), Some(0.0));
    }

    #[test]
    fn says_nothing_about_a_question_without_a_gold_article() {
        assert_eq!(Ranking::of(&["a"], &[""; 0]), None);
    }

    #[test]
    fn equals_pytrec_eval() {
        for case in fixtures::reference()["ranking"].as_array().unwrap() {
            let ids = |field: &str| -> Vec<String> { serde_json::from_value(case[field].clone()).unwrap() };
            let ranking = Ranking::of(&ids("ranked"), &ids("gold")).unwrap();
            let expected = |field: &str| case[field].as_f64().unwrap();
            assert_close(ranking.hit_at_1, expected("success_1"));
            assert_close(ranking.recall_at_5, expected("recall_5"));
            assert_close(ranking.recall_at_10, expected("recall_10"));
            assert_close(ranking.mrr_at_10, expected("recip_rank_10"));
            assert_close(ranking.ndcg_at_10, expected("ndcg_cut_10"));
        }
    }

    proptest! {
        #[test]
        fn figures_stay_between_0_and_1_and_rise_with_a_better_rank(
            length in 1_usize..15, place in 1_usize..15, extra in 1_usize..4,
        ) {
            let mut ranked: Vec<String> = (0..length).map(|id| id.to_string()).collect();
            let place = place.min(length - 1);
            let mut gold = vec![place.to_string()];
            gold.extend((1..extra).map(|id| format!("absent {id}")));
            let before = Ranking::of(&ranked, &gold).unwrap();
            ranked.swap(0, place);
            let after = Ranking::of(&ranked, &gold).unwrap();
            for (before, after) in [
                (before.hit_at_1, after.hit_at_1),
                (before.recall_at_5, after.recall_at_5),
                (before.recall_at_10, after.recall_at_10),
                (before.mrr_at_10, after.mrr_at_10),
                (before.ndcg_at_10, after.ndcg_at_10),
            ] {
                prop_assert!((0.0..=1.0).contains(&before) && (0.0..=1.0).contains(&after));
                prop_assert!(after >= before);
            }
        }
    }
}
