//! The answerer that needs no language model: it quotes the whole sentences that say most about the question.

use std::ops::Range;

use crate::answer::Citation;
use crate::answer::draft::{Draft, cite};
use crate::index::Bm25;
use crate::knowledge::sentences;
use crate::search::{Found, QuestionTerms};

/// What this answerer is called in reports and calibrations; the number goes up when its drafts change.
pub const NAME: &str = "extractive-2";

/// Words of an answer at most; more are for a question that asks for steps.
pub const WORDS_MAX: usize = 60;
/// Words of an answer that explains how to do something.
pub const HOW_TO_WORDS_MAX: usize = 120;

/// Passages whose sentences are read.
const PASSAGES_READ: usize = 5;
/// How much the passage's rank score counts beside the share of the question that the sentence covers. Any weight from 0.5 to
/// 4 gives the same accuracy on the open sets within two points; without it, sentences of unrelated passages win.
const PASSAGE_WEIGHT: f32 = 3.0;

/// A sentence that an answer may be made of.
struct Candidate {
    /// Its passage, by rank.
    rank: usize,
    /// Its place among the passage's sentences.
    place: usize,
    span: Range<usize>,
    words: usize,
    coverage: f32,
    score: f32,
}

/// Drafts an answer from what was found: the sentences of one article that hold most of `terms`, in the article's order. None is cut; together they have at most [`WORDS_MAX`] words, unless the best alone has more.
#[must_use]
pub fn draft(bm25: &Bm25, question: &str, terms: &QuestionTerms, found: &Found) -> Draft {
    let words_max = if asks_for_steps(question) { HOW_TO_WORDS_MAX } else { WORDS_MAX };
    let mut candidates = candidates(bm25, terms, found);
    // Of equal sentences the one that stands first.
    candidates.sort_by(|one, other| {
        other.score.total_cmp(&one.score).then_with(|| (one.rank, one.place).cmp(&(other.rank, other.place)))
    });
    let Some(best) = candidates.first() else { return Draft::default() };
    let (passage_rank, best_sentence_coverage) = (best.rank, best.coverage);
    let article = found.passages[passage_rank].article;
    // An answer pieced together from several articles reads as if they spoke of one thing.
    candidates.retain(|candidate| found.passages[candidate.rank].article == article);
    let mut chosen = within(words_max, candidates);
    chosen.sort_by_key(|candidate| (found.passages[candidate.rank].start_char, candidate.place));
    let citations: Vec<Citation> =
        runs(&chosen).into_iter().map(|(rank, span)| cite(&found.passages[rank], &span)).collect();
    let quotes: Vec<&str> = citations.iter().map(|citation| citation.quote.as_str()).collect();
    Draft { text: quotes.join("\n"), citations, passage_rank, best_sentence_coverage }
}

/// The sentences of the best passages with their scores.
fn candidates(bm25: &Bm25, terms: &QuestionTerms, found: &Found) -> Vec<Candidate> {
    let passages = found.passages.iter().take(PASSAGES_READ).enumerate();
    passages
        .flat_map(|(rank, passage)| {
            sentences::split(&passage.text).into_iter().enumerate().map(move |(place, span)| {
                let text = &passage.text[span.clone()];
                let coverage = terms.covered_by(&bm25.document(text).ids);
                let score = coverage + PASSAGE_WEIGHT * passage.score;
                let words = text.split_whitespace().count();
                Candidate { rank, place, span, words, coverage, score }
            })
        })
        .collect()
}

/// The best of `candidates`, which come best first, that fit into `words_max` words together.
fn within(words_max: usize, candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut words = 0;
    let mut chosen: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if chosen.is_empty() || words + candidate.words <= words_max {
            words += candidate.words;
            chosen.push(candidate);
        }
    }
    chosen
}

/// Sentences that follow each other in a passage as one span; `chosen` is in the article's order.
fn runs(chosen: &[Candidate]) -> Vec<(usize, Range<usize>)> {
    let mut runs: Vec<(usize, usize, Range<usize>)> = Vec::new();
    for candidate in chosen {
        match runs.last_mut() {
            Some((rank, last, span)) if *rank == candidate.rank && *last + 1 == candidate.place => {
                (*last, span.end) = (candidate.place, candidate.span.end);
            }
            _ => runs.push((candidate.rank, candidate.place, candidate.span.clone())),
        }
    }
    runs.into_iter().map(|(rank, _, span)| (rank, span)).collect()
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
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::ids::{ChunkId, Ids, VersionId};
    use crate::index::TermFrequencies;
    use crate::search::tests::passage;
    use crate::search::{Passage, QuestionTerms};

    fn found(question: &str, texts: &[&str]) -> (Bm25, Found) {
        let bm25 = Bm25::new().unwrap();
        let mut frequencies = TermFrequencies::default();
        for text in texts {
            frequencies.add(&bm25.document(text).to_bytes());
        }
        let idf: BTreeMap<_, _> =
            bm25.question(question).ids.iter().map(|term| (*term, frequencies.idf(*term))).collect();
        let chunk = |ordinal| ChunkId::of(VersionId::new(&Ids::counted(), 1), "1", ordinal);
        let passages = texts
            .iter()
            .enumerate()
            .map(|(ordinal, text)| Passage {
                chunk: chunk(ordinal),
                start_char: 10,
                end_char: 10 + text.chars().count(),
                ..passage(text)
            })
            .collect();
        let terms = QuestionTerms { idf, unknown: BTreeSet::new() };
        (bm25, Found { passages, terms, generation: "1".into() })
    }

    #[test]
    fn the_quote_is_the_passage_s_own_words_at_its_place() {
        let text = "Größe zählt. The battery lasts 60 km. It charges in 4 hours.";
        let (bm25, found) = found("how far does the battery last", &[text]);
        let draft = draft(&bm25, "how far does the battery last", &found.terms, &found);
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
        let draft = draft(&bm25, "when is my refund paid", &found.terms, &found);
        assert!(draft.text.contains("The refund takes 14 days."));
        assert!(draft.text.split_whitespace().count() <= WORDS_MAX);
        assert!(draft.text.ends_with('.'));
    }

    #[test]
    fn sentences_come_from_one_article_in_its_order() {
        let texts = [
            "The battery charges in 4 hours. The lock is red.",
            "A battery costs 300 euros. Charges are billed monthly.",
        ];
        let question = "how long does the battery charge";
        let (bm25, found) = found(question, &texts);
        let draft = draft(&bm25, question, &found.terms, &found);
        assert!(
            draft
                .citations
                .windows(2)
                .all(|pair| pair[0].article == pair[1].article && pair[0].end_char <= pair[1].start_char)
        );
        let quotes: Vec<&str> = draft.citations.iter().map(|citation| citation.quote.as_str()).collect();
        assert_eq!(draft.text, quotes.join("\n"));
    }

    #[test]
    fn nothing_found_gives_an_empty_draft() {
        let (bm25, found) = found("anything", &[]);
        assert!(draft(&bm25, "anything", &found.terms, &found).citations.is_empty());
    }
}
