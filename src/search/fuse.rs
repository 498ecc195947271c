//! One score out of two.

use crate::index::{Candidate, TERM_FREQUENCY_MAX};

/// How much words count beside meaning.
///
/// Adding scores beats joining ranks where passages look alike: a rank forgets by how much one was better.
/// The weight was chosen among 0.5, 1, 1.5, 2 and 3 by nDCG@10 on the open sets; the README has the figures.
const BM25_WEIGHT: f32 = 2.0;

/// A BM25 score as a share of the most that a chunk could reach which holds all of the question's words: free of
/// the scale that the number of words and the size of the workspace give it.
#[must_use]
pub fn bm25_share(bm25: f32, question_mass: f32) -> f32 {
    if question_mass <= 0.0 { 0.0 } else { (bm25 / (question_mass * TERM_FREQUENCY_MAX)).clamp(0.0, 1.0) }
}

/// A candidate with the score that it is ranked by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// The candidate.
    pub candidate: Candidate,
    /// Its BM25 score as a share of the most that is possible.
    pub bm25_share: f32,
    /// What it is ranked by.
    pub score: f32,
}

/// Gives every candidate its fused score and puts the best first; equal scores keep the order of the chunk ids, so
/// that the same question has the same answer.
#[must_use]
pub fn rank(candidates: Vec<Candidate>, question_mass: f32) -> Vec<Ranked> {
    let fused = |candidate: Candidate| {
        let bm25_share = bm25_share(candidate.bm25, question_mass);
        Ranked { candidate, bm25_share, score: candidate.cosine + BM25_WEIGHT * bm25_share }
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
        for (bm25, mass, share) in [(3.0, 0.0, 0.0), (-1.0, 4.0, 0.0), (1e9, 4.0, 1.0), (4.4, 4.0, 0.5)] {
            assert!((bm25_share(bm25, mass) - share).abs() < 1e-6);
        }
    }

    #[test]
    fn words_and_meaning_both_count_and_ties_have_one_order() {
        let version = VersionId::new(&Ids::counted(), 1);
        let chunk = |ordinal| ChunkId::of(version, "1", ordinal);
        let candidate = |ordinal, cosine, bm25| Candidate { chunk: chunk(ordinal), cosine, bm25 };
        let ranked = rank(vec![candidate(0, 0.9, 0.0), candidate(1, 0.5, 2.2), candidate(2, 0.5, 2.2)], 1.0);
        let mut words_first = [chunk(1), chunk(2)];
        words_first.sort();
        let order: Vec<ChunkId> = ranked.iter().map(|ranked| ranked.candidate.chunk).collect();
        assert_eq!(order, [words_first[0], words_first[1], chunk(0)]);
    }
}
