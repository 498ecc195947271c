//! The nearest chunks by looking at every one, found while the chunks pass by.

use candor::ids::ChunkId;

/// How many of the nearest are kept.
pub const NEAREST: usize = 10;

/// Chunks with their products with a question, best first.
type Nearest = Vec<(f32, ChunkId)>;

/// Questions with the nearest chunks that each has seen.
pub struct Exact {
    /// Each question's unit vector, and the nearest so far.
    questions: Vec<(Vec<f32>, Nearest)>,
}

impl Exact {
    /// Nothing seen yet.
    pub fn new(questions: impl Iterator<Item = Vec<f32>>) -> Self {
        Self { questions: questions.map(|question| (question, Vec::with_capacity(NEAREST + 1))).collect() }
    }

    /// Shows a chunk to every question.
    pub fn see(&mut self, chunk: ChunkId, dense: &[f32]) {
        for (question, nearest) in &mut self.questions {
            let score = product(question, dense);
            if nearest.len() == NEAREST && nearest.last().is_some_and(|(worst, _)| score <= *worst) {
                continue;
            }
            let place = nearest.partition_point(|(better, _)| *better >= score);
            nearest.insert(place, (score, chunk));
            nearest.truncate(NEAREST);
        }
    }

    /// What share of the nearest of the question with this number is among `found`.
    pub fn recall(&self, question: usize, found: &[ChunkId]) -> f64 {
        let nearest = &self.questions[question].1;
        let hits = nearest.iter().filter(|(_, chunk)| found.contains(chunk)).count();
        hits as f64 / nearest.len().max(1) as f64
    }
}

/// In eight sums, which the processor adds at once: floats may not be added in another order than they are written in.
fn product(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (one, other) in one.chunks_exact(8).zip(other.chunks_exact(8)) {
        for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
            *sum += one * other;
        }
    }
    sums.iter().sum()
}
