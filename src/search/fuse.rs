//! One score out of two.

use crate::index::TERM_FREQUENCY_MAX;
use crate::search::Passage;

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

/// Gives every passage its fused score and puts the best first; equal scores keep the order of the chunk ids, so
/// that the same question has the same answer.
pub fn rank(passages: &mut [Passage]) {
    for passage in passages.iter_mut() {
        passage.score = passage.cosine + BM25_WEIGHT * passage.bm25;
    }
    passages.sort_by(|one, other| other.score.total_cmp(&one.score).then_with(|| one.chunk.cmp(&other.chunk)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_stays_between_nothing_and_all() {
        assert_eq!([bm25_share(3.0, 0.0), bm25_share(-1.0, 4.0), bm25_share(1e9, 4.0)], [0.0, 0.0, 1.0]);
        assert!((bm25_share(4.4, 4.0) - 0.5).abs() < 1e-6);
    }
}
