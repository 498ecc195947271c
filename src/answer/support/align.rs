//! Where in the passages a sentence stands: the neighbouring sentences that have most of its words, and which word stands for which.

use crate::answer::support::words::{Word, words};
use crate::knowledge::sentences;

/// Neighbouring sentences that one statement may be spread over.
const WINDOW_SENTENCES_MAX: usize = 3;

/// What a longer window must cover more, for each sentence beyond the first: of two that cover the same, the shorter one is the place.
const LONGER_WINDOW_COSTS: f64 = 0.03;

/// What all words count for besides those that carry a fact: of two places that have the same of these, the one that also says "not",
/// and least besides, is the place.
const ALL_WORDS_COUNT: f64 = 0.02;

/// Passages as the words of their sentences.
#[derive(Debug)]
pub struct Context {
    sentences: Vec<Vec<Word>>,
}

/// A place of the context, and what of a sentence stands there.
#[derive(Debug)]
pub struct Span {
    /// Its words.
    pub words: Vec<Word>,
    /// For each word of the sentence the place in `words` of the one that stands for it. Only what carries a fact is looked for.
    pub aligned: Vec<Option<usize>>,
}

impl Context {
    /// Reads passages, one or more to a line.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let sentences = sentences::split(text).into_iter().map(|span| words(&text[span]));
        Self { sentences: sentences.filter(|words| !words.is_empty()).collect() }
    }

    /// Whether any sentence has a word like this one.
    #[must_use]
    pub fn has(&self, word: &Word) -> bool {
        self.sentences.iter().flatten().any(|other| word.is_like(other))
    }

    /// The place that covers most of `sentence`. Empty where there is no context.
    #[must_use]
    pub fn span(&self, sentence: &[Word]) -> Span {
        let mut best: Option<(f64, std::ops::Range<usize>)> = None;
        // Which of the sentence's words each sentence of the context has, looked up once.
        let found: Vec<Vec<bool>> = self
            .sentences
            .iter()
            .map(|other| {
                let has = |word: &Word| other.iter().any(|other| word.is_like(other));
                sentence.iter().map(has).collect()
            })
            .collect();
        for length in 1..=WINDOW_SENTENCES_MAX.min(self.sentences.len()) {
            for start in 0..=self.sentences.len() - length {
                let window = start..start + length;
                let covered = |place: &usize| found[window.clone()].iter().any(|found| found[*place]);
                let covered: Vec<usize> = (0..sentence.len()).filter(covered).collect();
                let carried: f64 = covered.iter().map(|place| sentence[*place].weight()).sum();
                let longer = self.sentences[window.clone()].iter().map(Vec::len).sum::<usize>().max(sentence.len());
                let score = carried / weight(sentence).max(1.0)
                    + ALL_WORDS_COUNT * covered.len() as f64 / longer.max(1) as f64
                    - LONGER_WINDOW_COSTS * (length - 1) as f64;
                if best.as_ref().is_none_or(|(best, _)| score > *best) {
                    best = Some((score, window));
                }
            }
        }
        let words: Vec<Word> =
            best.map(|(_, window)| self.sentences[window].iter().flatten().cloned().collect()).unwrap_or_default();
        let aligned = align(sentence, &words);
        Span { words, aligned }
    }
}

/// What the words of a sentence carry together.
#[must_use]
pub fn weight(sentence: &[Word]) -> f64 {
    sentence.iter().map(Word::weight).sum()
}

/// The share of a sentence's weight that stands in the question and nowhere in the context, 0 to 1.
#[must_use]
pub fn share_of_question_alone(sentence: &[Word], context: &Context, question: &[Word]) -> f64 {
    let is_of_question = |word: &&Word| !context.has(word) && question.iter().any(|asked| word.is_like(asked));
    let alone: f64 = sentence.iter().filter(is_of_question).map(Word::weight).sum();
    alone / weight(sentence).max(1.0)
}

/// The longest common subsequence of the words that carry a fact; what it leaves out stands for the nearest free word that is like
/// it, else for one that is taken: a sentence may say a word twice.
fn align(sentence: &[Word], span: &[Word]) -> Vec<Option<usize>> {
    let places: Vec<usize> = (0..sentence.len()).filter(|place| sentence[*place].weight() > 0.0).collect();
    let columns = span.len();
    let alike: Vec<Vec<bool>> =
        places.iter().map(|place| span.iter().map(|other| sentence[*place].is_like(other)).collect()).collect();
    let mut longest = vec![vec![0_u32; columns + 1]; places.len() + 1];
    for row in (0..places.len()).rev() {
        for column in (0..columns).rev() {
            longest[row][column] = if alike[row][column] {
                longest[row + 1][column + 1] + 1
            } else {
                longest[row + 1][column].max(longest[row][column + 1])
            };
        }
    }
    let mut aligned = vec![None; sentence.len()];
    let mut taken = vec![false; columns];
    let (mut row, mut column) = (0, 0);
    while row < places.len() && column < columns {
        if alike[row][column] {
            aligned[places[row]] = Some(column);
            taken[column] = true;
            (row, column) = (row + 1, column + 1);
        } else if longest[row + 1][column] >= longest[row][column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    for (row, place) in places.iter().enumerate() {
        if aligned[*place].is_none() {
            let candidates = (0..columns).filter(|column| alike[row][*column]);
            let near = aligned[..*place].iter().rev().flatten().next().copied().unwrap_or(0);
            let chosen = candidates.min_by_key(|column| (taken[*column], column.abs_diff(near)));
            if let Some(column) = chosen {
                aligned[*place] = Some(column);
                taken[column] = true;
            }
        }
    }
    aligned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(passage: &str, sentence: &str) -> (usize, usize) {
        let span = Context::read(passage).span(&words(sentence));
        (span.words.len(), span.aligned.iter().flatten().count())
    }

    #[test]
    fn the_shortest_place_that_covers_a_sentence_is_found() {
        let passage = "The app is free. Returns take 30 days. Bikes are blue. The shop opens at 9.";
        assert_eq!(place(passage, "A return takes 30 days"), (4, 4));
        assert_eq!(place(passage, "Returns take 30 days for blue bikes"), (7, 6));
        assert_eq!(place(passage, "Helmets cost nothing").1, 0);
    }

    #[test]
    fn nothing_stands_in_no_context() {
        assert_eq!(place("", "A return is free"), (0, 0));
    }
}
