//! A passage read for its sentences, as far as that does not depend on the question. The same passages are found again and again, and
//! reading one takes longer than scoring it.

use std::ops::Range;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::answer::cue::{self, Section};
use crate::answer::orders;
use crate::ids::ChunkId;
use crate::index::{Bm25, TermId};
use crate::inference::Embedder;
use crate::knowledge::points::{joined, told};
use crate::knowledge::sentences;
use crate::search::Passage;

/// Passages that are remembered; each takes about three kilobytes.
const READINGS_MAX: usize = 5_000;

/// A passage as it was read.
#[derive(Debug, PartialEq)]
pub(super) struct Reading {
    /// Those of its words' vectors that stand for its title and headings, by their places.
    pub heading_words: Range<usize>,
    /// The terms of its title and headings.
    pub heading_terms: Vec<TermId>,
    /// What the section is for that it stands in.
    pub section: Section,
    pub sentences: Vec<ReadSentence>,
}

/// A sentence, a list item or a table row of it.
#[derive(Debug, PartialEq)]
pub(super) struct ReadSentence {
    /// Its bytes in the passage's text.
    pub span: Range<usize>,
    /// The place of its vector among those of the passage's sentences; `None` where it has none.
    pub vector: Option<usize>,
    /// The places of its words' vectors.
    pub word_vectors: Range<usize>,
    /// How many words it has.
    pub words: usize,
    pub terms: Vec<TermId>,
    /// Whether it says why something is so, or how it is mended.
    pub says_why: bool,
    pub has_digit: bool,
}

impl Reading {
    pub fn of(embedder: &Embedder, bm25: &Bm25, passage: &Passage) -> Self {
        let text = told(&passage.title, &passage.heading_path, &passage.text);
        let head = text.len() - passage.text.len();
        let words = embedder.words(&text);
        let inside = |span: Range<usize>| {
            // Words stand in the order of the text.
            let start = words.partition_point(|word| word.start < span.start);
            start..start.max(words.partition_point(|word| word.end <= span.end))
        };
        let parts = joined(&passage.text);
        let heading = format!("{} {}", passage.title, passage.heading_path.join(" "));
        let read = |span: Range<usize>| {
            let sentence = &passage.text[span.clone()];
            ReadSentence {
                vector: parts.iter().position(|part| part.start <= span.start && span.end <= part.end),
                word_vectors: inside(head + span.start..head + span.end),
                words: sentence.split_whitespace().count(),
                terms: bm25.document(sentence).ids,
                says_why: cue::says_why(sentence),
                has_digit: sentence.contains(|char: char| char.is_ascii_digit()),
                span,
            }
        };
        // Nobody is to read what was written for a model.
        let orders = orders::places(&passage.text);
        let is_said = |span: &Range<usize>| !orders.iter().any(|order| order.contains(&span.start));
        Self {
            heading_words: inside(0..head),
            heading_terms: bm25.document(&heading).ids,
            section: Section::under(&passage.heading_path),
            sentences: sentences::split(&passage.text).into_iter().filter(is_said).map(read).collect(),
        }
    }
}

/// The passages that were read last. A chunk's text, title and headings never change, so nothing here is ever out of date.
pub(crate) struct Readings(Cache<ChunkId, Arc<Reading>>);

impl Default for Readings {
    fn default() -> Self {
        Self(Cache::new(READINGS_MAX))
    }
}

impl Readings {
    /// Reads `passage`, or remembers it.
    pub(super) fn of(&self, embedder: &Embedder, bm25: &Bm25, passage: &Passage) -> Arc<Reading> {
        if let Some(reading) = self.0.get(&passage.chunk) {
            return reading;
        }
        let reading = Arc::new(Reading::of(embedder, bm25, passage));
        self.0.insert(passage.chunk, Arc::clone(&reading));
        reading
    }
}
