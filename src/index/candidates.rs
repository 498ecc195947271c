//! Several rankings become one list in which every candidate has all scores that are asked for.

use std::collections::HashMap;

use crate::ids::ChunkId;
use crate::index::{Candidate, Scores, Signal};

/// Candidates whose scores are still being collected.
#[derive(Debug, Default)]
pub(super) struct Collected {
    scores: HashMap<ChunkId, [Option<f32>; Signal::ALL.len()]>,
}

impl Collected {
    /// Takes what was found by `signal`.
    pub(super) fn add(&mut self, signal: Signal, found: impl IntoIterator<Item = (ChunkId, f32)>) {
        for (chunk, score) in found {
            self.scores.entry(chunk).or_default()[signal as usize] = Some(score);
        }
    }

    /// Those that `signal` did not bring and that it must still be asked for: a fused score needs all.
    pub(super) fn missing(&self, signal: Signal) -> Vec<ChunkId> {
        let is_missing = |scores: &[Option<f32>; Signal::ALL.len()]| scores[signal as usize].is_none();
        self.scores.iter().filter(|(_, scores)| is_missing(scores)).map(|(chunk, _)| *chunk).collect()
    }

    /// All candidates, in no order. A score that is still missing is 0: no word in common, or a point that has just gone.
    pub(super) fn into_candidates(self) -> Vec<Candidate> {
        self.scores
            .into_iter()
            .map(|(chunk, scores)| Candidate { chunk, scores: Scores(scores.map(Option::unwrap_or_default)) })
            .collect()
    }
}
