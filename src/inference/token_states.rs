//! What one pass of the model gives of a text, and what is kept of it: a vector of the whole, of each sentence and of each word.
//!
//! Sentences are averaged out of the states of their tokens, each of which has seen the whole text: a sentence that says "it" has the
//! vector of one that says what. Source: Günther et al., "Late Chunking", 2024.

use std::ops::Range;

use fastembed::{OutputKey, TextEmbedding};
use tokenizers::Encoding;

use crate::inference::InferenceError;
use crate::inference::token_projection::{TokenProjection, unit};

/// The output that a BERT graph calls its tokens' states; a graph with one output only may call it anything.
const OUTPUTS: &[OutputKey] = &[OutputKey::ByName("last_hidden_state"), OutputKey::OnlyOne];

/// A text for storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// What the model sees.
    pub text: String,
    /// The bytes of its sentences.
    pub sentences: Vec<Range<usize>>,
}

/// The vectors of a passage. All have length 1.
#[derive(Clone, Debug, PartialEq)]
pub struct PassageEmbedding {
    /// Of the whole text.
    pub dense: Vec<f32>,
    /// Of each sentence that the model saw any of; at least one.
    pub sentences: Vec<Vec<f32>>,
    /// Of each word, projected; at least one.
    pub tokens: Vec<Vec<f32>>,
}

/// The vectors of a question. All have length 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuestionEmbedding {
    /// Of the whole question.
    pub dense: Vec<f32>,
    /// Of each token.
    pub tokens: Vec<QuestionToken>,
}

/// A token of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionToken {
    /// Its projected vector.
    pub vector: Vec<f32>,
    /// The bytes of the word that it is a part of.
    pub word: Range<usize>,
}

/// The states of a text's tokens.
pub struct TokenStates {
    dimension: usize,
    /// One token after the other, special ones included.
    states: Vec<f32>,
    encoding: Encoding,
}

impl TokenStates {
    /// Asks the model for the states of `text`, which is cut where it is too long for it.
    pub(super) fn of(model: &mut TextEmbedding, text: &str) -> Result<Self, InferenceError> {
        let failed = |why: String| InferenceError::Failed(why);
        let outputs = model.transform([text], None).map_err(|error| failed(error.to_string()))?.into_raw();
        let output = outputs.first().ok_or_else(|| failed("the model gave no output".into()))?;
        let states = output.select_output(&OUTPUTS).map_err(|error| failed(error.to_string()))?;
        let encoding = model.tokenizer.encode(text, true).map_err(|error| failed(error.to_string()))?;
        let [1, tokens, dimension] = *states.shape() else {
            return Err(failed(format!(
                "the model gives an output of the shape {:?}, and not one state for each token: use one that does not pool",
                states.shape()
            )));
        };
        if tokens != encoding.len() {
            return Err(failed(format!("the model gave {tokens} states for {} tokens", encoding.len())));
        }
        Ok(Self { dimension, states: states.iter().copied().collect(), encoding })
    }

    /// Floats of a state.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The states of the tokens that stand for a part of the text, each with the bytes of its word.
    pub fn of_text(&self) -> impl Iterator<Item = (&[f32], Range<usize>)> {
        let (offsets, words) = (self.encoding.get_offsets(), self.encoding.get_word_ids());
        self.states.chunks_exact(self.dimension).zip(words).filter_map(|(state, word)| {
            let word = (*word)?;
            let first = words.iter().position(|other| *other == Some(word))?;
            let last = words.iter().rposition(|other| *other == Some(word))?;
            Some((state, offsets[first].0..offsets[last].1))
        })
    }

    /// The unit vector of the whole text: the mean of all states, as the model was trained with.
    #[must_use]
    pub fn dense(&self) -> Vec<f32> {
        unit(sum(self.dimension, self.states.chunks_exact(self.dimension)))
    }

    /// The unit vectors of the parts of `text` at `spans`; the whole's where no token lies in any.
    #[must_use]
    pub fn parts(&self, spans: &[Range<usize>]) -> Vec<Vec<f32>> {
        let inside = |span: &Range<usize>| {
            let tokens = self.states.chunks_exact(self.dimension).zip(self.encoding.get_offsets());
            let mut states = tokens
                .filter(|(_, (start, end))| start < end && span.start <= *start && *end <= span.end)
                .map(|(state, _)| state)
                .peekable();
            states.peek().is_some().then_some(())?;
            Some(unit(sum(self.dimension, states)))
        };
        let parts: Vec<Vec<f32>> = spans.iter().filter_map(inside).collect();
        if parts.is_empty() { vec![self.dense()] } else { parts }
    }

    /// What is stored of `text`.
    pub(super) fn passage(&self, projection: &TokenProjection, passage: &Passage) -> PassageEmbedding {
        let tokens: Vec<Vec<f32>> =
            self.whole_words(&passage.text).iter().map(|word| projection.project(word)).collect();
        let tokens = if tokens.is_empty() { vec![projection.project(&self.dense())] } else { tokens };
        PassageEmbedding { dense: self.dense(), sentences: self.parts(&passage.sentences), tokens }
    }

    /// The sum of the unit states of each word of `text` that has a letter or a digit: what a word's pieces say together.
    #[must_use]
    pub fn whole_words(&self, text: &str) -> Vec<Vec<f32>> {
        let tokens: Vec<&[f32]> = self.states.chunks_exact(self.dimension).collect();
        let sum = |places: Vec<usize>| {
            let mut states = places.into_iter().map(|place| unit(tokens[place].to_vec()));
            let first = states.next().unwrap_or_default();
            states.fold(first, |mut sum, state| {
                add(&mut sum, &state);
                sum
            })
        };
        words(&self.encoding, text).into_iter().map(|(_, places)| sum(places)).collect()
    }

    /// What is looked for with.
    pub(super) fn question(&self, projection: &TokenProjection) -> QuestionEmbedding {
        let tokens = self.of_text().map(|(state, word)| QuestionToken { vector: projection.project(state), word });
        QuestionEmbedding { dense: self.dense(), tokens: tokens.collect() }
    }
}

/// The words of `text` that have a letter or a digit: their bytes, and the places of their tokens.
pub(super) fn words(encoding: &Encoding, text: &str) -> Vec<(Range<usize>, Vec<usize>)> {
    let mut words: Vec<(u32, Range<usize>, Vec<usize>)> = Vec::new();
    for (place, ((start, end), word)) in encoding.get_offsets().iter().zip(encoding.get_word_ids()).enumerate() {
        let says_something = text.get(*start..*end).is_some_and(|piece| piece.chars().any(char::is_alphanumeric));
        let (true, Some(word)) = (says_something, *word) else { continue };
        match words.last_mut() {
            Some((last, span, places)) if *last == word => {
                span.end = *end;
                places.push(place);
            }
            _ => words.push((word, *start..*end, vec![place])),
        }
    }
    words.into_iter().map(|(_, span, places)| (span, places)).collect()
}

fn sum<'a>(dimension: usize, states: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    states.fold(vec![0.0; dimension], |mut sum, state| {
        add(&mut sum, state);
        sum
    })
}

fn add(sum: &mut [f32], state: &[f32]) {
    for (sum, float) in sum.iter_mut().zip(state) {
        *sum += float;
    }
}
