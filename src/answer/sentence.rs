//! The sentences of the evidence, and how much each says about the question: by meaning, by its words' vectors and by its words.

use std::ops::Range;

use crate::answer::cue::{self, Section};
use crate::answer::evidence::Evidence;
use crate::engine::Engine;
use crate::index::{PassageVectors, TermId};

/// Passages whose sentences are read where they are quoted. Ten give the same accuracy on the open sets within two points, at twice the
/// cost; a language model may cite any of them.
pub(super) const PASSAGES_QUOTED: usize = 5;

/// How much each part counts. Chosen by the accuracy of drafts on the open sets; each may be halved or doubled for at most four points
/// on one of them.
const COSINE_WEIGHT: f32 = 1.0;
const NEAREST_WEIGHT: f32 = 3.0;
const COVERAGE_WEIGHT: f32 = 0.5;
const CUE_WEIGHT: f32 = 0.15;
const NUMBER_WEIGHT: f32 = 0.2;
/// What it counts that the customer was told a sentence already, where they ask on.
const TOLD_WEIGHT: f32 = 0.5;

/// A sentence, a list item or a table row of a passage.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// Its passage, by rank.
    pub rank: usize,
    /// Its place among the passage's sentences.
    pub place: usize,
    /// Its bytes in the passage's text.
    pub span: Range<usize>,
    /// How many words it has.
    pub words: usize,
    /// Its terms.
    pub terms: Vec<TermId>,
    /// Cosine with the question; that of the passage where the index has none of the sentence.
    pub cosine: f32,
    /// For each token of the question the cosine with the nearest word of the sentence, or of the title and headings above it.
    pub nearest: Vec<f32>,
    /// How much it says about the question; larger is more.
    pub score: f32,
}

/// The sentences of the passages of `evidence` with these `ranks`, in their order. Where there are no vectors of one, its sentences
/// are told by their words. `told` is what the customer was told last, where they ask on.
#[must_use]
pub(super) fn read(engine: &Engine, evidence: &Evidence, ranks: &[usize], told: Option<&str>) -> Vec<Sentence> {
    let asks_for_number = cue::asks_for_number(&evidence.own);
    let none = PassageVectors::default();
    let mut read = Vec::new();
    for rank in ranks {
        let passage = &evidence.found.passages[*rank];
        let vectors = evidence.vectors.get(&passage.chunk).unwrap_or(&none);
        let reading = engine.readings().of(engine.embedder(), engine.bm25(), passage);
        let of_heading = nearest(evidence, vectors, &reading.heading_words);
        let section = match reading.section {
            Section::Answer => CUE_WEIGHT,
            Section::Symptom => -CUE_WEIGHT,
            Section::Other => 0.0,
        };
        for (place, sentence) in reading.sentences.iter().enumerate() {
            let vector = sentence.vector.and_then(|vector| vectors.sentences.get(vector));
            let cosine = vector.map_or(passage.signals.cosine, |vector| dot(vector, &evidence.found.question.dense));
            let own = nearest(evidence, vectors, &sentence.word_vectors);
            let nearest: Vec<f32> = own.iter().zip(&of_heading).map(|(own, heading)| own.max(*heading)).collect();
            let all: Vec<TermId> = sentence.terms.iter().chain(&reading.heading_terms).copied().collect();
            let mut cues = section;
            if sentence.says_why {
                cues += CUE_WEIGHT;
            }
            if asks_for_number && sentence.has_digit {
                cues += NUMBER_WEIGHT;
            }
            if told.is_some_and(|told| told.contains(&passage.text[sentence.span.clone()])) {
                cues -= TOLD_WEIGHT;
            }
            let score = COSINE_WEIGHT * cosine
                + NEAREST_WEIGHT * dot(&nearest, &evidence.weights)
                + COVERAGE_WEIGHT * evidence.terms.covered_by(&all)
                + cues;
            read.push(Sentence {
                rank: *rank,
                place,
                span: sentence.span.clone(),
                words: sentence.words,
                terms: sentence.terms.clone(),
                cosine,
                nearest,
                score,
            });
        }
    }
    read
}

/// For each token of the question the cosine with the nearest of the words at `places`, at least 0.
fn nearest(evidence: &Evidence, vectors: &PassageVectors, places: &Range<usize>) -> Vec<f32> {
    let words = vectors.tokens.get(places.start..places.end.min(vectors.tokens.len())).unwrap_or_default();
    let tokens = &evidence.found.question.tokens;
    tokens.iter().map(|token| words.iter().map(|word| dot(word, &token.vector)).fold(0.0, f32::max)).collect()
}

pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
