//! Candidates in another order, and how good that order is.

use candor::search::Passage;

use crate::ranking::Ranking;
use crate::study::{Asked, Candidates};

/// How good a ranking is over a set: means over its questions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Quality {
    pub hit_at_1: f64,
    pub recall_at_5: f64,
    pub ndcg_at_10: f64,
}

impl std::fmt::Display for Quality {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:.3} / {:.3} / {:.3}", self.hit_at_1, self.recall_at_5, self.ndcg_at_10)
    }
}

impl Quality {
    /// What the names of the three stand in, as tables head them.
    pub const HEADING: &str = "hit@1 / recall@5 / nDCG@10";

    /// Of the candidates of each question in the order of what `score` gives them, best first.
    pub fn of(asked: &Asked, score: impl Fn(&Candidates) -> Vec<f32>) -> Self {
        let mut sum = Self::default();
        for candidates in &asked.questions {
            let ranked = articles(candidates, &score(candidates));
            // Questions without a gold article were left out.
            let Some(ranking) = Ranking::of(&ranked, &candidates.question.gold) else { continue };
            sum.hit_at_1 += ranking.hit_at_1;
            sum.recall_at_5 += ranking.recall_at_5;
            sum.ndcg_at_10 += ranking.ndcg_at_10;
        }
        let count = asked.questions.len().max(1) as f64;
        Self {
            hit_at_1: sum.hit_at_1 / count,
            recall_at_5: sum.recall_at_5 / count,
            ndcg_at_10: sum.ndcg_at_10 / count,
        }
    }
}

/// The articles by their best passage, best first; equal ones in the order of their ids, so that no row borrows another's order.
fn articles<'a>(candidates: &'a Candidates, scores: &[f32]) -> Vec<&'a str> {
    let mut order: Vec<usize> = (0..candidates.passages.len()).collect();
    let chunk = |place: usize| candidates.passages[place].1.chunk;
    order.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]).then_with(|| chunk(*one).cmp(&chunk(*other))));
    let mut articles: Vec<&str> = Vec::new();
    for place in order {
        let article = candidates.passages[place].0.as_str();
        if !articles.contains(&article) {
            articles.push(article);
        }
    }
    articles
}

/// What each passage scores by `signal`.
pub(super) fn by(candidates: &Candidates, signal: impl Fn(&Passage) -> f32) -> Vec<f32> {
    candidates.passages.iter().map(|(_, passage)| signal(passage)).collect()
}
