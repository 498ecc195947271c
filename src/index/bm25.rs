//! Words as BM25 sees them: the engine's own tokeniser, stemmer and weights, so that vectors made here and on a
//! Qdrant server are the same; and the document frequencies of a workspace.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use qdrant_edge::bm25_embed::{EdgeBm25, EdgeBm25Config};

use crate::index::IndexError;
use crate::index::scripts::is_unspaced;

/// A term's number: a 32-bit hash of its stem, as Qdrant makes it.
pub type TermId = u32;

/// The largest weight that BM25 gives a term in a chunk before its IDF: k1 + 1 with the engine's k1 of 1.2.
pub const TERM_FREQUENCY_MAX: f32 = 2.2;

/// Distinct terms in ascending order, each with its weight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// The terms.
    pub ids: Vec<TermId>,
    /// One weight for each of them.
    pub weights: Vec<f32>,
}

impl Terms {
    /// The terms as they are stored in a `bytea` column: little-endian, sorted.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.ids.iter().flat_map(|id| id.to_le_bytes()).collect()
    }
}

/// Turns text into terms.
#[derive(Debug)]
pub struct Bm25 {
    encoder: EdgeBm25,
}

impl Bm25 {
    /// The tokeniser's and the weights' name, part of what names an index generation.
    pub const NAME: &'static str = "qdrant-bm25-english-folded-bigrams-3";

    /// # Errors
    /// [`IndexError::Internal`] when the engine refuses its own defaults.
    pub fn new() -> Result<Self, IndexError> {
        // Accents are what customers leave out first.
        let config = EdgeBm25Config { ascii_folding: Some(true), ..EdgeBm25Config::default() };
        let encoder = EdgeBm25::new(config).map_err(|error| IndexError::Internal(error.to_string()))?;
        Ok(Self { encoder })
    }

    /// The terms of a chunk with their saturated frequencies.
    #[must_use]
    pub fn document(&self, text: &str) -> Terms {
        let vector = self.encoder.embed_document(&spaced(text));
        Terms { ids: vector.indices, weights: vector.values }
    }

    /// The distinct terms of a text, where only what stands in it counts.
    #[must_use]
    pub fn terms_of(&self, text: &str) -> HashSet<TermId> {
        self.document(text).ids.into_iter().collect()
    }

    /// The terms of a question, each with weight one.
    #[must_use]
    pub fn question(&self, text: &str) -> Terms {
        let vector = self.encoder.embed_query(&spaced(text));
        Terms { ids: vector.indices, weights: vector.values }
    }
}

/// The text with spaces where its script has none between words: each run of such letters as its overlapping pairs, which are found
/// in any word that holds them. Source: Lucene's CJKBigramFilter. The engine's own segmentation leaves out numbers.
fn spaced(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unspaced) {
        return Cow::Borrowed(text);
    }
    let mut spaced = String::with_capacity(text.len() * 2);
    let mut letters = text.chars().peekable();
    let mut before = None;
    while let Some(letter) = letters.next() {
        if !is_unspaced(letter) {
            spaced.push(letter);
            before = None;
            continue;
        }
        let next = letters.peek().copied().filter(|next| is_unspaced(*next));
        // The last letter of a run stands in the pair before, unless the run is it alone.
        if next.is_some() || before.is_none() {
            spaced.push(' ');
            spaced.push(letter);
            spaced.extend(next);
            spaced.push(' ');
        }
        before = Some(letter);
    }
    Cow::Owned(spaced)
}

/// How many of a workspace's chunks hold each term.
#[derive(Clone, Debug, Default)]
pub struct TermFrequencies {
    chunks: u32,
    by_term: HashMap<TermId, u32>,
}

impl TermFrequencies {
    /// Counts one chunk, given its terms as [`Terms::to_bytes`] stores them.
    pub fn add(&mut self, stored_terms: &[u8]) {
        self.chunks += 1;
        for bytes in stored_terms.chunks_exact(4) {
            let id = TermId::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            *self.by_term.entry(id).or_insert(0) += 1;
        }
    }

    /// How many chunks were counted.
    #[must_use]
    pub fn chunks(&self) -> u32 {
        self.chunks
    }

    /// How many chunks hold `term`.
    #[must_use]
    pub fn chunks_with(&self, term: TermId) -> u32 {
        self.by_term.get(&term).copied().unwrap_or(0)
    }

    /// How telling `term` is: ln(1 + (N - n + 0.5) / (n + 0.5)), above zero.
    ///
    /// Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with
    /// Lucene's 1 inside of the logarithm.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of chunks are far below 2^24")]
    pub fn idf(&self, term: TermId) -> f32 {
        let total = self.chunks as f32;
        let with = self.chunks_with(term) as f32;
        (1.0 + (total - with + 0.5).max(0.0) / (with + 0.5)).ln()
    }

    /// A question's terms, each weighted with its IDF. With a chunk's saturated frequencies that makes BM25, in the statistics of
    /// one workspace, whichever engine multiplies.
    #[must_use]
    pub fn weighted(&self, question: &Terms) -> Terms {
        Terms { weights: question.ids.iter().map(|term| self.idf(*term)).collect(), ids: question.ids.clone() }
    }

    /// The sum of the terms' IDFs.
    #[must_use]
    pub fn idf_mass(&self, terms: impl IntoIterator<Item = TermId>) -> f32 {
        terms.into_iter().map(|term| self.idf(term)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_term_weighs_more_than_a_common_one() {
        let bm25 = Bm25::new().unwrap();
        let mut frequencies = TermFrequencies::default();
        for text in ["the battery is charged", "the battery is empty", "the lock is open"] {
            frequencies.add(&bm25.document(text).to_bytes());
        }
        let (battery, lock) = (bm25.question("batteries").ids[0], bm25.question("lock").ids[0]);
        assert_eq!((frequencies.chunks_with(battery), frequencies.chunks_with(lock)), (2, 1));
        assert!(frequencies.idf(lock) > frequencies.idf(battery));
    }

    #[test]
    fn words_without_spaces_are_found_by_their_pairs() {
        assert_eq!(spaced("Größe 42"), "Größe 42");
        assert_eq!(spaced("電池").split_whitespace().collect::<Vec<_>>(), ["電池"]);
        assert_eq!(
            spaced("電池の充電は4時間です。E-42").split_whitespace().collect::<Vec<_>>(),
            ["電池", "池の", "の充", "充電", "電は", "4", "時間", "間で", "です", "。E-42"]
        );
        assert_eq!(spaced("水 x").split_whitespace().collect::<Vec<_>>(), ["水", "x"]);
        let bm25 = Bm25::new().unwrap();
        let article = bm25.document("電池の充電は4時間かかります。");
        let found = |question: &str| bm25.question(question).ids.iter().any(|term| article.ids.contains(term));
        assert!(found("充電") && found("電池はどのくらい持ちますか"));
        assert!(!found("返品の方法"));
    }

    #[test]
    fn accents_make_no_difference() {
        let bm25 = Bm25::new().unwrap();
        assert_eq!(bm25.question("réservation").ids, bm25.question("reservation").ids);
    }

    #[test]
    fn terms_are_distinct_and_sorted() {
        let terms = Bm25::new().unwrap().document("lock the lock, then unlock the locks");
        assert!(terms.ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(terms.ids.len(), terms.weights.len());
    }

    #[test]
    fn no_weight_passes_the_stated_maximum() {
        let terms = Bm25::new().unwrap().document(&"lock ".repeat(500));
        assert!(terms.weights.iter().all(|weight| *weight <= TERM_FREQUENCY_MAX));
    }
}
