//! Counts the tokens of any part of a text after tokenising the text once.
//!
//! text-splitter asks for the size of the same text again and again while it looks for the best
//! cut; tokenising each time took most of the time of an ingest.

use std::ops::Range;

use text_splitter::ChunkSizer;
use tokenizers::Tokenizer;

/// Text is tokenised in pieces of about this many bytes, cut at blanks, which no token spans:
/// the tokenizer needs some hundred bytes of memory per token.
const PIECE_BYTES: usize = 16 * 1024;

/// A token over more characters than this counts as one per character. The longest entry of
/// BERT's vocabulary has 18 characters; a longer token is `[UNK]`, which stands for a word of any
/// length (a key in base 64, a sentence of Thai) and would make a chunk of any length too.
const TOKEN_CHARS_MAX: usize = 20;

/// Where the tokens of one text begin and end.
pub(super) struct TokenIndex<'a> {
    tokenizer: &'a Tokenizer,
    text: &'a str,
    /// Byte offsets in `text`, both in order.
    starts: Vec<usize>,
    ends: Vec<usize>,
}

impl<'a> TokenIndex<'a> {
    pub(super) fn new(tokenizer: &'a Tokenizer, text: &'a str) -> Self {
        let mut index = Self { tokenizer, text, starts: Vec::new(), ends: Vec::new() };
        for (offset, piece) in pieces(text, PIECE_BYTES) {
            for span in token_spans(tokenizer, piece) {
                index.starts.push(offset + span.start);
                index.ends.push(offset + span.end);
            }
        }
        index
    }

    /// The number of tokens that lie in the bytes, in whole or in part.
    pub(super) fn tokens_in(&self, bytes: &Range<usize>) -> usize {
        let begun = self.starts.partition_point(|&start| start < bytes.end);
        let ended = self.ends.partition_point(|&end| end <= bytes.start);
        begun.saturating_sub(ended)
    }
}

impl ChunkSizer for TokenIndex<'_> {
    fn size(&self, chunk: &str) -> usize {
        let base = self.text.as_ptr() as usize;
        let start = (chunk.as_ptr() as usize).wrapping_sub(base);
        if start <= self.text.len() && chunk.len() <= self.text.len() - start {
            self.tokens_in(&(start..start + chunk.len()))
        } else {
            count(self.tokenizer, chunk)
        }
    }
}

/// The number of tokens in a text of its own.
pub(super) fn count(tokenizer: &Tokenizer, text: &str) -> usize {
    pieces(text, PIECE_BYTES).map(|(_, piece)| token_spans(tokenizer, piece).len()).sum()
}

/// The byte spans of the tokens, with long ones broken up into characters.
fn token_spans(tokenizer: &Tokenizer, text: &str) -> Vec<Range<usize>> {
    let Ok(encoding) = tokenizer.encode(text, false) else {
        // What can't be tokenised counts by its characters, which is never too few.
        return characters(text, 0).collect();
    };
    let mut spans = Vec::with_capacity(encoding.len());
    for &(start, end) in encoding.get_offsets() {
        match text.get(start..end) {
            Some(token) if token.chars().nth(TOKEN_CHARS_MAX).is_some() => spans.extend(characters(token, start)),
            _ => spans.push(start..end),
        }
    }
    spans
}

fn characters(text: &str, offset: usize) -> impl Iterator<Item = Range<usize>> {
    text.char_indices().map(move |(at, letter)| offset + at..offset + at + letter.len_utf8())
}

/// Cuts the text into pieces of at most `bytes_max`, with their offsets: at line ends if it can,
/// else at blanks, and in a run without any where it must.
pub(super) fn pieces(text: &str, bytes_max: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let rest = &text[offset..];
        if rest.is_empty() {
            return None;
        }
        let window = &rest[..rest.floor_char_boundary(bytes_max)];
        let cut = if window.len() == rest.len() {
            rest.len()
        } else {
            let blank = window.rfind('\n').or_else(|| window.rfind(char::is_whitespace)).filter(|&at| at > 0);
            blank.unwrap_or(window.len())
        };
        let start = offset;
        offset += cut;
        Some((start, &rest[..cut]))
    })
}
