//! The sentences of the evidence, and how much each says about the question: by meaning, by its words' vectors and by its words.

use std::ops::Range;

use crate::answer::cue::{Section, says_why};
use crate::answer::evidence::Evidence;
use crate::engine::Engine;
use crate::index::{PassageVectors, TermId};
use crate::knowledge::points::{joined, told};
use crate::knowledge::sentences;
use crate::search::Passage;

/// Passages whose sentences are read where they are quoted. Ten give the same accuracy on the open sets within two points, at twice the
/// cost; a language model may cite any of them.
pub(super) const PASSAGES_QUOTED: usize = 5;

/// How much each part counts. Chosen by the accuracy of drafts on the open sets; each may be halved or doubled for at most four points
/// on one of them.
const COSINE_WEIGHT: f32 = 1.0;
const NEAREST_WEIGHT: f32 = 3.0;
const COVERAGE_WEIGHT: f32 = 0.5;
const CUE_WEIGHT: f32 = 0.15;

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

/// A passage as the model was told of it.
struct Read<'a> {
    passage: &'a Passage,
    /// Bytes of what is told before its text.
    head: usize,
    /// The bytes of the words that there are vectors of.
    words: Vec<Range<usize>>,
    vectors: &'a PassageVectors,
}

/// The sentences of the best `passages` of `evidence`, in the order of the passages. Where there are no vectors of one, its sentences
/// are told by their words.
#[must_use]
pub(super) fn read(engine: &Engine, evidence: &Evidence, passages: usize) -> Vec<Sentence> {
    let none = PassageVectors::default();
    let mut read = Vec::new();
    for (rank, passage) in evidence.found.passages.iter().take(passages).enumerate() {
        let text = told(&passage.title, &passage.heading_path, &passage.text);
        let passage = Read {
            passage,
            head: text.len() - passage.text.len(),
            words: engine.embedder().words(&text),
            vectors: evidence.vectors.get(&passage.chunk).unwrap_or(&none),
        };
        passage.sentences(engine, evidence, rank, &mut read);
    }
    read
}

impl Read<'_> {
    fn sentences(&self, engine: &Engine, evidence: &Evidence, rank: usize, read: &mut Vec<Sentence>) {
        let (passage, bm25) = (self.passage, engine.bm25());
        let heading = format!("{} {}", passage.title, passage.heading_path.join(" "));
        let heading_terms = bm25.document(&heading).ids;
        let of_heading = self.nearest(evidence, &(0..self.head));
        let parts = joined(&passage.text);
        let section = match Section::under(&passage.heading_path) {
            Section::Answer => CUE_WEIGHT,
            Section::Symptom => -CUE_WEIGHT,
            Section::Other => 0.0,
        };
        for (place, span) in sentences::split(&passage.text).into_iter().enumerate() {
            let text = &passage.text[span.clone()];
            let part = parts.iter().position(|part| part.start <= span.start && span.end <= part.end);
            let vector = part.and_then(|part| self.vectors.sentences.get(part));
            let cosine = vector.map_or(passage.signals.cosine, |vector| dot(vector, &evidence.found.question.dense));
            let own = self.nearest(evidence, &(self.head + span.start..self.head + span.end));
            let nearest: Vec<f32> = own.iter().zip(&of_heading).map(|(own, heading)| own.max(*heading)).collect();
            let terms = bm25.document(text).ids;
            let all: Vec<TermId> = terms.iter().chain(&heading_terms).copied().collect();
            let cue = if says_why(text) { CUE_WEIGHT } else { 0.0 };
            let score = COSINE_WEIGHT * cosine
                + NEAREST_WEIGHT * dot(&nearest, &evidence.weights)
                + COVERAGE_WEIGHT * evidence.terms.covered_by(&all)
                + cue
                + section;
            let words = text.split_whitespace().count();
            read.push(Sentence { rank, place, span, words, terms, cosine, nearest, score });
        }
    }

    /// For each token of the question the cosine with the nearest of the words in the bytes `span`, at least 0.
    fn nearest(&self, evidence: &Evidence, span: &Range<usize>) -> Vec<f32> {
        let inside = |word: &Range<usize>| span.start <= word.start && word.end <= span.end;
        let words: Vec<&Vec<f32>> = self
            .words
            .iter()
            .zip(&self.vectors.tokens)
            .filter(|(word, _)| inside(word))
            .map(|(_, vector)| vector)
            .collect();
        let tokens = &evidence.found.question.tokens;
        tokens.iter().map(|token| words.iter().map(|word| dot(word, &token.vector)).fold(0.0, f32::max)).collect()
    }
}

pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
