//! Writes blocks of text one under another and notes where the sections begin and end.

use std::ops::Range;

use super::decode::in_nfc;
use super::{HEADING_CHARS_MAX, Section, cut_to_chars};

/// Deeper lists are no longer indented: nobody can read them, and the blanks would multiply.
const INDENT_LEVELS_MAX: usize = 6;

/// What a block is, as far as its lines and the gap before it depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph,
    /// Lines that belong together and keep their own blanks.
    Verbatim,
}

/// How deep in the outline a heading stands. Markdown's levels are even; a tab or a disclosure
/// (`<summary>`) takes the odd rank under the heading it stands under, whatever its own level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    Level(u8),
    Inset,
}

/// The finished text and its sections.
#[derive(Debug)]
pub(super) struct LaidOut {
    pub(super) text: String,
    pub(super) sections: Vec<Section>,
    pub(super) first_h1: Option<String>,
}

struct Heading {
    rank: u8,
    text: String,
}

/// A list that is open: the number its next item takes, or bullets.
struct List {
    next_number: Option<u64>,
    /// Only what follows an item's beginning is indented; HTML may hold text before it.
    has_item: bool,
}

/// The text as far as it is written.
#[derive(Default)]
pub(super) struct Layout {
    text: String,
    sections: Vec<Section>,
    first_h1: Option<String>,
    headings: Vec<Heading>,
    /// Where the body of the current section begins, once it has begun.
    body_start: Option<usize>,
    lists: Vec<List>,
    /// The marker of an item whose first line is still to come.
    marker: Option<String>,
    /// Whether the next block goes on the next line, without a blank one between.
    tight: bool,
    /// A callout's label that waits for its text.
    label: Option<String>,
}

impl Layout {
    /// Writes a block under the last one. `text` has no blank lines, except in verbatim blocks.
    pub(super) fn block(&mut self, text: &str, block: Block) {
        let labelled = match (self.label.take(), block) {
            (Some(label), Block::Paragraph) => Some(format!("{label} {text}")),
            (Some(label), Block::Verbatim) => {
                self.write(&label);
                self.tight = true;
                None
            }
            (None, _) => None,
        };
        self.write(labelled.as_deref().unwrap_or(text));
    }

    /// Keeps a callout's label until its text comes.
    pub(super) fn label(&mut self, label: &str) {
        self.label = Some(label.to_owned());
    }

    /// Forgets a label whose callout has ended without any text.
    pub(super) fn end_callout(&mut self) {
        self.label = None;
    }

    /// Writes a heading's line; a new section begins under it.
    pub(super) fn heading(&mut self, text: &str, rank: Rank) {
        if let Some(label) = self.label.take() {
            self.write(&label);
        }
        self.end_section();
        let text = in_nfc(text.to_owned());
        if rank == Rank::Level(1) && self.first_h1.is_none() {
            self.first_h1 = Some(text.clone());
        }
        let rank = match rank {
            Rank::Level(level) => 2 * level,
            Rank::Inset => self.headings.iter().rev().map(|h| h.rank).find(|rank| rank % 2 == 0).unwrap_or(0) + 1,
        };
        self.close_headings_from(rank);
        self.headings.push(Heading { rank, text: cut_to_chars(&text, HEADING_CHARS_MAX) });
        self.gap(false);
        self.text.push_str(&text);
        self.tight = false;
    }

    /// Ends the tab or disclosure that is open, if one is: what follows belongs to the heading above.
    pub(super) fn end_inset(&mut self) {
        if let Some(inset) = self.headings.iter().rposition(|heading| heading.rank % 2 == 1) {
            self.end_section();
            self.headings.truncate(inset);
        }
    }

    /// Opens a list; `start` is its first number, `None` for bullets.
    pub(super) fn begin_list(&mut self, start: Option<u64>) {
        if let Some(label) = self.label.take() {
            self.write(&label);
            self.tight = true;
        } else if self.lists.is_empty() {
            self.tight = false;
        }
        self.lists.push(List { next_number: start, has_item: false });
    }

    pub(super) fn end_list(&mut self) {
        self.lists.pop();
        self.marker = None;
        self.tight = !self.lists.is_empty();
    }

    /// How many lists are open.
    pub(super) fn list_depth(&self) -> usize {
        self.lists.len()
    }

    /// Begins an item of the innermost list. Outside of lists it gets a bullet too.
    pub(super) fn begin_item(&mut self) {
        let mut marker = "- ".to_owned();
        if let Some(list) = self.lists.last_mut() {
            list.has_item = true;
            if let Some(number) = &mut list.next_number {
                marker = format!("{number}. ");
                *number = number.saturating_add(1);
            }
        }
        self.marker = Some(marker);
    }

    pub(super) fn end_item(&mut self) {
        self.marker = None;
    }

    /// Adds to the marker of the item that has just begun, as in `- [x] `.
    pub(super) fn extend_marker(&mut self, addition: &str) {
        if let Some(marker) = &mut self.marker {
            marker.push_str(addition);
        }
    }

    /// Closes the last section and hands over the text.
    pub(super) fn finish(mut self) -> LaidOut {
        self.end_section();
        if self.sections.is_empty() && !self.text.is_empty() {
            // Nothing but headings: they are all there is to find.
            self.sections.push(Section { heading_path: Vec::new(), span: 0..self.text.len() });
        }
        LaidOut { text: self.text, sections: self.sections, first_h1: self.first_h1 }
    }

    fn write(&mut self, text: &str) {
        let text = in_nfc(text.to_owned());
        let marker = self.marker.take();
        self.gap(self.tight);
        self.body_start.get_or_insert(self.text.len());
        let levels = self.lists.iter().filter(|list| list.has_item).count().min(INDENT_LEVELS_MAX);
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.text.push('\n');
            }
            let line = line.trim_end();
            if line.is_empty() {
                continue;
            }
            match &marker {
                Some(marker) if index == 0 => {
                    push_indent(&mut self.text, levels.saturating_sub(1));
                    self.text.push_str(marker);
                }
                Some(_) | None => push_indent(&mut self.text, levels),
            }
            self.text.push_str(line);
        }
        self.tight = !self.lists.is_empty();
    }

    fn gap(&mut self, tight: bool) {
        if !self.text.is_empty() {
            self.text.push_str(if tight { "\n" } else { "\n\n" });
        }
    }

    fn end_section(&mut self) {
        let Some(start) = self.body_start.take() else {
            return;
        };
        let heading_path = self.headings.iter().map(|heading| heading.text.clone()).collect();
        self.sections.push(Section { heading_path, span: trimmed(&self.text, start) });
    }

    fn close_headings_from(&mut self, rank: u8) {
        while self.headings.last().is_some_and(|heading| heading.rank >= rank) {
            self.headings.pop();
        }
    }
}

/// The span from `start` to the end of the text, without blanks at its ends.
fn trimmed(text: &str, start: usize) -> Range<usize> {
    let body = &text[start..];
    let leading = body.len() - body.trim_start().len();
    start + leading..start + body.trim_end().len()
}

fn push_indent(text: &mut String, levels: usize) {
    for _ in 0..levels {
        text.push_str("  ");
    }
}

/// Lays out text that is kept line by line; blank lines in a row become one.
pub(super) fn plain_text(source: &str) -> LaidOut {
    let mut layout = Layout::default();
    let lines = verbatim_lines(source);
    if !lines.is_empty() {
        layout.block(&lines, Block::Verbatim);
    }
    layout.finish()
}

/// Lines as they are, but without blanks at their ends, without blank lines at the ends of the
/// text, and with at most one blank line in a row.
pub(super) fn verbatim_lines(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut blank = false;
    for line in source.lines().map(str::trim_end) {
        if line.is_empty() {
            blank = !out.is_empty();
            continue;
        }
        if !out.is_empty() {
            out.push_str(if blank { "\n\n" } else { "\n" });
        }
        blank = false;
        out.push_str(line);
    }
    out
}
