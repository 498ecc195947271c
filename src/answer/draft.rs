//! What would be said, with what it stands on.

use std::ops::Range;

use crate::answer::Citation;
use crate::search::Passage;

/// An answer that may be sent or not.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The answer's words.
    pub text: String,
    /// What they stand on, in the order of the text; empty when nothing was found.
    pub citations: Vec<Citation>,
    /// Which of the found passages it stands on first of all, by rank.
    pub passage_rank: usize,
    /// The largest share of the question that one of its sentences covers, 0 to 1.
    pub best_sentence_coverage: f32,
}

impl Draft {
    /// The drafts for two questions as one answer. Two questions may have one answer, which is said once.
    pub(super) fn and(mut self, other: Self) -> Self {
        if other.text != self.text {
            self.text = [self.text, other.text].join("\n\n");
            self.citations.extend(other.citations);
        }
        self.best_sentence_coverage = self.best_sentence_coverage.min(other.best_sentence_coverage);
        self
    }
}

/// Quotes the bytes `span` of a passage.
pub(super) fn cite(passage: &Passage, span: &Range<usize>) -> Citation {
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
