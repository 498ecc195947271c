//! Two rankings become one list in which every candidate has both scores.

use std::collections::HashMap;

use crate::ids::ChunkId;
use crate::index::Candidate;

/// A ranking: which of a candidate's two scores it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ranking {
    /// By the cosine of the dense vectors.
    Meaning,
    /// By BM25.
    Words,
}

/// Candidates whose scores are still being collected.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Cosine and BM25, as far as they are known.
    scores: HashMap<ChunkId, [Option<f32>; 2]>,
}

impl Collected {
    /// Takes what `ranking` found.
    pub(super) fn add(&mut self, ranking: Ranking, found: impl IntoIterator<Item = (ChunkId, f32)>) {
        for (chunk, score) in found {
            self.scores.entry(chunk).or_default()[ranking as usize] = Some(score);
        }
    }

    /// Those that `ranking` did not bring and that it must still be asked for: a fused score needs both.
    pub(super) fn missing(&self, ranking: Ranking) -> Vec<ChunkId> {
        let is_missing = |scores: &[Option<f32>; 2]| scores[ranking as usize].is_none();
        self.scores.iter().filter(|(_, scores)| is_missing(scores)).map(|(chunk, _)| *chunk).collect()
    }

    /// All candidates, in no order. A score that is still missing is 0: no word in common, or a point that has just gone.
    pub(super) fn into_candidates(self) -> Vec<Candidate> {
        self.scores
            .into_iter()
            .map(|(chunk, [cosine, bm25])| Candidate {
                chunk,
                cosine: cosine.unwrap_or(0.0),
                bm25: bm25.unwrap_or(0.0),
            })
            .collect()
    }
}
