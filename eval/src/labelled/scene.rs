//! What a sentence is made false against: its context, and what other articles say.

use std::collections::{BTreeMap, HashSet};

use candor::knowledge::sentences;

use crate::labelled::text;

/// A sentence that answers a question, where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub context: String,
    pub question: String,
    /// It stands in the context, verbatim.
    pub sentence: String,
    /// The sentence after it in the context, if it is one that can be read alone.
    pub next: Option<String>,
    /// Lines of one group are not independent.
    pub group: String,
}

/// What other groups say and name.
#[derive(Debug, Default)]
pub struct Elsewhere {
    /// Each with its group.
    pub sentences: Vec<(String, String)>,
    /// By their number of words, each with its group.
    pub names: BTreeMap<usize, Vec<(String, String)>>,
    /// Words in lower case that are no names, by their last two letters.
    pub words: BTreeMap<String, Vec<String>>,
}

/// A source with what is known about its context.
#[derive(Debug)]
pub struct Scene<'a> {
    pub source: &'a Source,
    pub elsewhere: &'a Elsewhere,
    /// The words of the context and of the question.
    pub known: HashSet<String>,
    /// The context's sentences.
    pub sentences: Vec<String>,
}

/// Letters that a word has which is exchanged for another.
pub const WORD_LETTERS_MIN: usize = 6;

impl Elsewhere {
    /// Takes up the sentences of a context.
    pub fn add(&mut self, context: &str, group: &str) {
        for span in sentences::split(context) {
            let sentence = &context[span];
            let tokens = text::tokens(sentence);
            for run in text::names(&tokens) {
                let known = self.names.entry(run.len()).or_default();
                known.push((text::name(&tokens, &run), group.to_owned()));
            }
            for token in &tokens {
                if token.core.chars().count() >= WORD_LETTERS_MIN
                    && token.core.chars().all(|letter| letter.is_ascii_lowercase())
                {
                    self.words.entry(ending(&token.core).to_owned()).or_default().push(token.core.clone());
                }
            }
            if (6..=28).contains(&tokens.len()) && sentence.ends_with('.') && text::within(sentence).is_some() {
                self.sentences.push((sentence.to_owned(), group.to_owned()));
            }
        }
    }
}

/// The last two letters of a word, which say what kind of word it may be.
pub fn ending(word: &str) -> &str {
    word.char_indices().rev().nth(1).map_or(word, |(place, _)| &word[place..])
}

impl<'a> Scene<'a> {
    pub fn new(source: &'a Source, elsewhere: &'a Elsewhere) -> Self {
        let mut known = text::vocabulary(&source.context);
        known.extend(text::vocabulary(&source.question));
        let context = &source.context;
        let sentences = sentences::split(context).into_iter().map(|span| context[span].to_owned()).collect();
        Self { source, elsewhere, known, sentences }
    }

    /// Whether the context or the question has the word.
    pub fn knows(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.known.contains(&word)
            || self.known.contains(&format!("{word}s"))
            || self.known.contains(word.trim_end_matches('s'))
    }
}
