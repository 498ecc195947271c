//! The answerer that needs no language model: it quotes the run of whole sentences that says most about the question.

use std::collections::HashSet;

use crate::answer::Citation;
use crate::answer::sentences::{self, Sentence};
use crate::index::{Bm25, TermId};
use crate::search::{Found, Passage, QuestionTerms};

/// What this answerer is called in reports and calibrations; the number goes up when its drafts change.
pub const NAME: &str = "extractive-1";

/// Words of an answer at most; more are for a question that asks for steps.
pub const WORDS_MAX: usize = 60;
/// Words of an answer that explains how to do something.
pub const HOW_TO_WORDS_MAX: usize = 120;

/// Passages that are read for the best run of sentences.
const PASSAGES_READ: usize = 5;
/// How much the passage's rank score counts beside the share of the question that the sentences cover.
const PASSAGE_WEIGHT: f32 = 0.5;

/// What would be said, with what it stands on.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The answer's words.
    pub text: String,
    /// What they stand on; empty when nothing was found.
    pub citations: Vec<Citation>,
    /// Which of the found passages it was made from, by rank.
    pub passage_rank: usize,
    /// The largest share of the question that one of its sentences covers, 0 to 1.
    pub best_sentence_coverage: f32,
}

/// A run of sentences of one passage.
struct Window {
    rank: usize,
    span: std::ops::Range<usize>,
    score: f32,
    best_sentence: f32,
}

/// Drafts an answer from what was found: one run of sentences, never cut inside of one.
#[must_use]
pub fn draft(bm25: &Bm25, question: &str, found: &Found) -> Draft {
    let words_max = if asks_for_steps(question) { HOW_TO_WORDS_MAX } else { WORDS_MAX };
    let windows = found.passages.iter().take(PASSAGES_READ).enumerate();
    let best = windows
        .filter_map(|(rank, passage)| best_window(bm25, &found.terms, rank, passage, words_max))
        .max_by(|one, other| one.score.total_cmp(&other.score).then_with(|| other.rank.cmp(&one.rank)));
    let Some(window) = best else { return Draft::default() };
    let passage = &found.passages[window.rank];
    Draft {
        text: passage.text[window.span.clone()].to_owned(),
        citations: vec![cite(passage, &window.span)],
        passage_rank: window.rank,
        best_sentence_coverage: window.best_sentence,
    }
}

/// The run of at most `words_max` words that covers most of the question; of equal runs the one that says most around it.
fn best_window(bm25: &Bm25, terms: &QuestionTerms, rank: usize, passage: &Passage, words_max: usize) -> Option<Window> {
    let sentences = sentences::split(&passage.text);
    let read: Vec<(Vec<TermId>, usize)> = sentences
        .iter()
        .map(|sentence| {
            let text = &passage.text[sentence.span.clone()];
            (bm25.document(text).ids, text.split_whitespace().count())
        })
        .collect();
    let mut best: Option<Window> = None;
    for first in 0..sentences.len() {
        let (mut words, mut covered, mut best_sentence) = (0, HashSet::new(), 0.0_f32);
        for last in first..sentences.len() {
            words += read[last].1;
            // A single sentence that is longer than allowed is still better whole than cut.
            if words > words_max && last > first {
                break;
            }
            covered.extend(read[last].0.iter().copied());
            best_sentence = best_sentence.max(terms.covered_by(&read[last].0));
            let union: Vec<TermId> = covered.iter().copied().collect();
            let score = terms.covered_by(&union) + best_sentence + PASSAGE_WEIGHT * passage.score;
            let window = Window { rank, span: span(&sentences, first, last), score, best_sentence };
            // The later of equal runs is the longer: it keeps what follows the sentence that was found.
            if best.as_ref().is_none_or(|best| {
                window.score >= best.score - f32::EPSILON && grows(best, &window)
                    || window.score > best.score + f32::EPSILON
            }) {
                best = Some(window);
            }
        }
    }
    best
}

/// Whether `window` begins where `best` begins and goes on.
fn grows(best: &Window, window: &Window) -> bool {
    best.span.start == window.span.start && window.span.end > best.span.end
}

fn span(sentences: &[Sentence], first: usize, last: usize) -> std::ops::Range<usize> {
    sentences[first].span.start..sentences[last].span.end
}

fn cite(passage: &Passage, span: &std::ops::Range<usize>) -> Citation {
    let start_char = passage.start_char + passage.text[..span.start].chars().count();
    let quote = passage.text[span.clone()].to_owned();
    Citation {
        article: passage.article,
        version: passage.version,
        source: passage.source.clone(),
        title: passage.title.clone(),
        heading_path: passage.heading_path.clone(),
        url: passage.url.clone(),
        end_char: start_char + quote.chars().count(),
        start_char,
        quote,
    }
}

/// Whether the question asks how something is done, in the words that customers use for it.
fn asks_for_steps(question: &str) -> bool {
    const OPENINGS: [&str; 12] = [
        "how do",
        "how can",
        "how to",
        "how should",
        "how would",
        "steps",
        "set up",
        "walk me",
        "wie kann",
        "wie mache",
        "wie richte",
        "anleitung",
    ];
    let question = question.to_lowercase();
    OPENINGS.iter().any(|opening| question.contains(opening))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ArticleId, ChunkId, Ids, VersionId};
    use crate::index::TermFrequencies;

    fn found(question: &str, texts: &[&str]) -> (Bm25, Found) {
        let bm25 = Bm25::new().unwrap();
        let mut frequencies = TermFrequencies::default();
        for text in texts {
            frequencies.add(&bm25.document(text).to_bytes());
        }
        let idf: std::collections::HashMap<_, _> =
            bm25.question(question).ids.iter().map(|term| (*term, frequencies.idf(*term))).collect();
        let ids = Ids::counted();
        let passages = texts
            .iter()
            .enumerate()
            .map(|(ordinal, text)| {
                let version = VersionId::new(&ids, 1);
                Passage {
                    chunk: ChunkId::of(version, "1", ordinal),
                    article: ArticleId::new(&ids, 1),
                    version,
                    source: "a.md".into(),
                    title: "A".into(),
                    url: None,
                    language: None,
                    heading_path: Vec::new(),
                    start_char: 10,
                    end_char: 10 + text.chars().count(),
                    text: (*text).to_owned(),
                    cosine: 0.5,
                    bm25: 0.5,
                    score: 1.5,
                }
            })
            .collect();
        let terms = QuestionTerms { mass: idf.values().sum(), unknown_mass: 0.0, idf };
        (bm25, Found { passages, terms, generation: "1".into() })
    }

    #[test]
    fn the_quote_is_the_passage_s_own_words_at_its_place() {
        let text = "Größe zählt. The battery lasts 60 km. It charges in 4 hours.";
        let (bm25, found) = found("how far does the battery last", &[text]);
        let draft = draft(&bm25, "how far does the battery last", &found);
        let citation = &draft.citations[0];
        assert!(draft.text.contains("60 km"));
        let quoted: String =
            text.chars().skip(citation.start_char - 10).take(citation.end_char - citation.start_char).collect();
        assert_eq!(quoted, citation.quote);
    }

    #[test]
    fn no_sentence_is_cut_and_the_limit_is_kept() {
        let filler = "This sentence has exactly eight words in it. ".repeat(30);
        let text = format!("{filler}The refund takes 14 days. {filler}");
        let (bm25, found) = found("when is my refund paid", &[text.as_str()]);
        let draft = draft(&bm25, "when is my refund paid", &found);
        assert!(draft.text.contains("The refund takes 14 days."));
        assert!(draft.text.split_whitespace().count() <= WORDS_MAX);
        assert!(draft.text.ends_with('.'));
    }

    #[test]
    fn nothing_found_gives_an_empty_draft() {
        let (bm25, found) = found("anything", &[]);
        assert!(draft(&bm25, "anything", &found).citations.is_empty());
    }
}
