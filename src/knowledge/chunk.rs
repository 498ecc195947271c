//! Cuts an article into chunks that fit the embedding model.
//!
//! Cuts follow the sections, then paragraphs, lines, sentences and words (text-splitter), sized
//! in the model's own tokens. A section too short to stand alone joins the one that follows.

mod token_index;

#[cfg(test)]
mod tests;

use std::ops::Range;

use text_splitter::{ChunkConfig, ChunkConfigError, TextSplitter};
use thiserror::Error;
use tokenizers::Tokenizer;

use crate::knowledge::parse::{ParsedArticle, Section};
use token_index::TokenIndex;

/// The most text given to the splitter at once, in bytes. It looks through all that remains for
/// each chunk, so its time grows with the square of a text without line ends: 72 s for 1 MB in one
/// word. Sections of real articles are smaller, so nothing changes for them.
const SPLIT_BYTES_MAX: usize = 32 * 1024;

/// How articles are cut; sizes are in tokens of the embedding model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunking {
    /// The largest chunk, counting its own text only: leave room for the title, the headings and
    /// the model's special tokens.
    pub tokens_max: usize,
    /// How much of a chunk the next one repeats when a section needs several. Less than `tokens_max`.
    pub overlap_tokens: usize,
    /// A section with fewer joins its neighbour: a line or two says too little to be found, or to answer anything.
    pub section_tokens_min: usize,
    /// Whether a chunk carries the headings above it.
    pub headings: bool,
}

impl Chunking {
    /// What the product does: `eval chunking` compares it with others, the README has the figures. A chunk leaves 54 of the tokens
    /// that the model sees for the title and the headings.
    pub const SHIPPED: Self = Self { tokens_max: 200, overlap_tokens: 0, section_tokens_min: 24, headings: true };

    /// What the chunks are called, part of what names an index generation: it changes when chunks do.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { tokens_max, overlap_tokens, section_tokens_min, headings } = self;
        let headings = if *headings { "headings" } else { "bare" };
        format!("sections-{tokens_max}-{overlap_tokens}-{section_tokens_min}-{headings}-1")
    }
}

/// One passage of an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The place among the article's chunks, from 0.
    pub ordinal: u32,
    /// The headings that all of the chunk stands under, outermost first.
    pub heading_path: Vec<String>,
    /// Bytes in the article's text; no blanks at the ends, never empty.
    pub span: Range<usize>,
}

/// Why a [`Chunker`] can't be made. Neither can happen with a sound configuration.
#[derive(Debug, Error)]
pub enum ChunkerError {
    #[error("tokens_max is 0; a chunk needs at least one token.")]
    NoRoom,
    #[error("overlap_tokens is {overlap_tokens}, but it must be less than tokens_max, which is {tokens_max}.")]
    OverlapTooLarge { overlap_tokens: usize, tokens_max: usize },
    #[error("The tokenizer refuses to work without truncation: {0}")]
    Tokenizer(tokenizers::Error),
    #[error(transparent)]
    Splitter(#[from] ChunkConfigError),
}

/// Cuts articles into chunks. Can be shared between threads.
pub struct Chunker {
    tokenizer: Tokenizer,
    chunking: Chunking,
}

impl Chunker {
    /// Takes the embedding model's tokenizer; its truncation and padding are turned off.
    ///
    /// # Errors
    /// [`ChunkerError`] when the limits contradict each other.
    pub fn new(mut tokenizer: Tokenizer, chunking: Chunking) -> Result<Self, ChunkerError> {
        let Chunking { tokens_max, overlap_tokens, .. } = chunking;
        if tokens_max == 0 {
            return Err(ChunkerError::NoRoom);
        }
        if overlap_tokens >= tokens_max {
            return Err(ChunkerError::OverlapTooLarge { overlap_tokens, tokens_max });
        }
        tokenizer.with_truncation(None).map_err(ChunkerError::Tokenizer)?;
        tokenizer.with_padding(None);
        Ok(Self { tokenizer, chunking })
    }

    /// What its chunks are called.
    #[must_use]
    pub fn name(&self) -> String {
        self.chunking.name()
    }

    /// The article's chunks, in the order of its text. With an overlap their spans overlap too.
    /// Together they hold every character of every section but blanks.
    #[must_use]
    pub fn chunk(&self, article: &ParsedArticle) -> Vec<Chunk> {
        let text = article.text.as_str();
        let index = TokenIndex::new(&self.tokenizer, text);
        let Ok(config) =
            ChunkConfig::new(self.chunking.tokens_max).with_sizer(&index).with_overlap(self.chunking.overlap_tokens)
        else {
            // `new` has checked the one thing that can fail here.
            return Vec::new();
        };
        let splitter = TextSplitter::new(config);
        let mut chunks = Vec::new();
        for group in groups(&article.sections, text, &index, self.chunking) {
            let pieces = token_index::pieces(&text[group.span.clone()], SPLIT_BYTES_MAX);
            let spans = pieces.flat_map(|(offset, piece)| {
                let start = group.span.start + offset;
                splitter.chunk_indices(piece).map(move |(at, chunk)| start + at..start + at + chunk.len())
            });
            for span in spans.filter(|span| !span.is_empty()) {
                let ordinal = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
                let heading_path = if self.chunking.headings {
                    path_of(&span, &article.sections[group.sections.clone()])
                } else {
                    Vec::new()
                };
                chunks.push(Chunk { ordinal, heading_path, span });
            }
        }
        chunks
    }

    /// The number of tokens in a text, without the model's special tokens.
    #[must_use]
    pub fn tokens(&self, text: &str) -> usize {
        token_index::count(&self.tokenizer, text)
    }
}

/// Sections that are cut as one piece of text.
struct Group {
    sections: Range<usize>,
    span: Range<usize>,
}

/// Joins sections that are too short to their neighbours: forwards to a sibling or child, else
/// backwards, else not at all.
fn groups(sections: &[Section], text: &str, index: &TokenIndex<'_>, chunking: Chunking) -> Vec<Group> {
    let minimum = chunking.section_tokens_min.min(chunking.tokens_max / 2);
    let mut groups: Vec<Group> = Vec::new();
    let mut next = 0;
    while next < sections.len() {
        let first = next;
        let mut path = sections[first].heading_path.as_slice();
        next += 1;
        while index.tokens_in(&(sections[first].span.start..sections[next - 1].span.end)) < minimum
            && sections.get(next).is_some_and(|following| may_join(path, &following.heading_path))
        {
            path = common_prefix(path, &sections[next].heading_path);
            next += 1;
        }
        let span = sections[first].span.start..sections[next - 1].span.end;
        let joins_back = index.tokens_in(&span) < minimum
            && groups.last().is_some_and(|group| may_join(path, &sections[group.sections.end - 1].heading_path));
        match groups.last_mut() {
            Some(last) if joins_back => {
                last.sections.end = next;
                last.span.end = span.end;
            }
            _ => groups.push(Group { sections: first..next, span }),
        }
    }
    for group in &mut groups {
        if group.sections.len() > 1 {
            group.span.start = with_heading_line(group, sections, text);
        }
    }
    groups
}

/// Whether a section under `path` may be joined with one under `other`: they share at least the
/// heading above `path`.
fn may_join(path: &[String], other: &[String]) -> bool {
    common_prefix(path, other).len() + 1 >= path.len()
}

fn common_prefix<'a>(one: &'a [String], other: &[String]) -> &'a [String] {
    let length = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    &one[..length]
}

/// Where a group of several sections begins: at the heading of the first. The path they share
/// doesn't name it any more, and the others' headings are in the text as well.
fn with_heading_line(group: &Group, sections: &[Section], text: &str) -> usize {
    let start = group.span.start;
    let previous_end = match group.sections.start.checked_sub(1) {
        Some(previous) => sections[previous].span.end,
        None => 0,
    };
    let own_depth = sections[group.sections.start].heading_path.len();
    let shared = shared_path(&sections[group.sections.clone()]).len();
    let gap = text[previous_end..start].trim_end();
    let heading = gap.rfind('\n').map_or(0, |at| at + 1);
    if shared < own_depth && !gap.is_empty() { previous_end + heading } else { start }
}

fn shared_path(sections: &[Section]) -> &[String] {
    let mut sections = sections.iter().map(|section| section.heading_path.as_slice());
    let first = sections.next().unwrap_or_default();
    sections.fold(first, common_prefix)
}

/// The headings shared by the sections that the span touches.
fn path_of(span: &Range<usize>, sections: &[Section]) -> Vec<String> {
    let touched = sections.iter().filter(|section| section.span.start < span.end && span.start < section.span.end);
    touched
        .map(|section| section.heading_path.as_slice())
        .reduce(common_prefix)
        .unwrap_or_else(|| shared_path(sections))
        .to_vec()
}
