//! One score out of six signals.

use crate::index::{Candidate, Scores, Signal, TERM_FREQUENCY_MAX};
use crate::search::share;

/// How much each signal counts.
///
/// Scores are added and not ranks: a rank forgets by how much one was better, and rank fusion loses to BM25 alone where passages
/// look alike. The weights were chosen by nDCG@10 and hit@1 over all open sets together and lie on a plateau: those that were tried
/// near them moved no set by more than three points. `eval ablate` measures each signal's worth; the README has the figures.
pub const WEIGHTS: [(Signal, f32); Signal::ALL.len()] = [
    (Signal::Meaning, 1.0),
    (Signal::Words, 1.5),
    (Signal::Tokens, 2.0),
    (Signal::Sentences, 1.0),
    (Signal::Title, 0.5),
    (Signal::TitleWords, 0.5),
];

/// The mean of `scores` by `weights`: 1 for a score of 1 in all signals that count.
#[must_use]
pub fn mean(scores: &Scores, weights: &[(Signal, f32)]) -> f32 {
    let total: f32 = weights.iter().map(|(_, weight)| weight).sum();
    let sum: f32 = weights.iter().map(|(signal, weight)| weight * scores[*signal]).sum();
    if total > 0.0 { sum / total } else { 0.0 }
}

/// A candidate with the score that it is ranked by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// The candidate. Scores by words are shares of the most that a chunk could reach which holds all of the question's words.
    pub candidate: Candidate,
    /// What it is ranked by, at most 1.
    pub score: f32,
}

/// Gives every candidate its fused score and puts the best first; equal scores keep the order of the chunk ids, so
/// that the same question has the same answer.
#[must_use]
pub fn rank(candidates: Vec<Candidate>, question_mass: f32) -> Vec<Ranked> {
    let fused = |mut candidate: Candidate| {
        // Shares of the question's mass are free of the scale that the number of words and the size of the workspace give it.
        let scores = &mut candidate.scores;
        scores[Signal::Words] = share(scores[Signal::Words], question_mass * TERM_FREQUENCY_MAX);
        scores[Signal::TitleWords] = share(scores[Signal::TitleWords], question_mass);
        Ranked { candidate, score: mean(&candidate.scores, &WEIGHTS) }
    };
    let mut ranked: Vec<Ranked> = candidates.into_iter().map(fused).collect();
    ranked.sort_by(|one, other| {
        other.score.total_cmp(&one.score).then_with(|| one.candidate.chunk.cmp(&other.candidate.chunk))
    });
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ChunkId, Ids, VersionId};

    #[test]
    fn a_share_stays_between_nothing_and_all() {
        for (score, most, expected) in [(3.0, 0.0, 0.0), (-1.0, 4.0, 0.0), (1e9, 4.0, 1.0), (2.0, 4.0, 0.5)] {
            assert!((share(score, most) - expected).abs() < 1e-6);
        }
    }

    fn candidate(ordinal: usize, scores: &[(Signal, f32)]) -> Candidate {
        let version = VersionId::new(&Ids::counted(), 1);
        let mut candidate = Candidate { chunk: ChunkId::of(version, "1", ordinal), scores: Scores::default() };
        for (signal, score) in scores {
            candidate.scores[*signal] = *score;
        }
        candidate
    }

    #[test]
    fn all_signals_count_and_ties_have_one_order() {
        let meant = candidate(0, &[(Signal::Meaning, 0.9)]);
        let worded = [1, 2].map(|ordinal| candidate(ordinal, &[(Signal::Meaning, 0.5), (Signal::Words, 2.2)]));
        let ranked = rank(vec![meant, worded[0], worded[1]], 1.0);
        let mut words_first = worded.map(|candidate| candidate.chunk);
        words_first.sort();
        let order: Vec<ChunkId> = ranked.iter().map(|ranked| ranked.candidate.chunk).collect();
        assert_eq!(order, [words_first[0], words_first[1], meant.chunk]);
    }

    #[test]
    fn the_best_in_everything_has_the_score_one() {
        let best = candidate(0, &Signal::ALL.map(|signal| (signal, 3.0)));
        let best = Candidate { scores: Scores([1.0, 6.6, 1.0, 1.0, 1.0, 3.0]), ..best };
        let ranked = rank(vec![best], 3.0);
        assert!((ranked[0].score - 1.0).abs() < 1e-6);
    }
}
