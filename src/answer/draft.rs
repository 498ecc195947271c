//! What would be said, with what it stands on.

use std::ops::Range;

use crate::answer::Citation;
use crate::search::Passage;

/// What stands between the answers to two questions.
const BETWEEN: &str = "\n\n";

/// An answer that may be sent or not.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The answer's words.
    pub text: String,
    /// What they stand on, in the order of the text; empty when nothing was found.
    pub citations: Vec<Citation>,
    /// The number of the evidence's sentence that it stands on first of all.
    pub best: Option<usize>,
    /// The numbers of all of the evidence's sentences that it stands on.
    pub quoted: Vec<usize>,
}

impl Draft {
    /// The drafts for two questions as one answer. Two questions may have one answer, which is said once.
    pub(super) fn and(mut self, other: Self) -> Self {
        let is_said = self.text.split(BETWEEN).any(|said| said == other.text);
        if self.text.is_empty() {
            (self.text, self.citations) = (other.text, other.citations);
        } else if !other.text.is_empty() && !is_said {
            self.text = [self.text, other.text].join(BETWEEN);
            self.citations.extend(other.citations);
        }
        // Each counts in its own evidence.
        (self.best, self.quoted) = (None, Vec::new());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(text: &str) -> Draft {
        Draft { text: text.to_owned(), ..Draft::default() }
    }

    #[test]
    fn answers_to_several_questions_are_each_said_once() {
        let joined = |texts: &[&str]| texts.iter().map(|text| draft(text)).reduce(Draft::and).unwrap().text;
        assert_eq!(joined(&["A.", "B.", "A."]), "A.\n\nB.");
        assert_eq!(joined(&["", "B.", ""]), "B.");
    }
}
