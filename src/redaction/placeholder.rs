//! What stands for a value: its shape, and finding it in what a model wrote.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::redaction::{Kind, digits};

/// `[EMAIL-1]`: capital letters in square brackets with a number are copied by models as they copy a name, need no
/// tokenizer's goodwill, and are no Markdown link as long as no `(` follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Placeholder {
    pub kind: Kind,
    pub number: u32,
}

impl fmt::Display for Placeholder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}-{}]", self.kind.label(), self.number)
    }
}

/// A placeholder where a text has it.
pub(super) struct Written {
    pub placeholder: Placeholder,
    pub bytes: Range<usize>,
}

/// A placeholder with escaped brackets, with brackets, or with none; the last only as we write it.
static WRITTEN: LazyLock<Regex> = LazyLock::new(|| {
    let body = r"(?i:(EMAIL|PHONE|CARD|IBAN))[-_ \u{a0}\u{2010}-\u{2013}](\d{1,5})";
    pattern(&format!(r"\\\[{body}\\\]|\[{body}\]|(EMAIL|PHONE|CARD|IBAN)[-\u{{2011}}]([0-9]{{1,5}})"))
});

/// Anything that [`WRITTEN`] could match whatever stands around it.
static RESEMBLED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(EMAIL|PHONE|CARD|IBAN)[-_ \u{a0}\u{2010}-\u{2013}](\d{1,5})"));

/// Exactly what we write: a placeholder or a mark.
static OURS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[(?:EMAIL|PHONE|CARD|IBAN)(?:-[0-9]{1,5})?\]"));

/// Compiles a pattern of ours.
///
/// # Panics
/// When the pattern is malformed, which the first test to use it shows.
pub(super) fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant and well-formed")
}

/// The placeholders in a text, in order, in any writing that can be nothing else.
pub(super) fn written(text: &str) -> impl Iterator<Item = Written> + '_ {
    WRITTEN.captures_iter(text).filter_map(|captures| {
        let bytes = captures.get_match().range();
        let is_bracketed = text[bytes.clone()].starts_with(['[', '\\']);
        if !is_bracketed && is_part_of_code(text, &bytes) {
            return None;
        }
        Some(Written { placeholder: read(&captures)?, bytes })
    })
}

/// The placeholders that a text seems to hold by itself: their numbers must not be given.
pub(super) fn resembled(text: &str) -> impl Iterator<Item = Placeholder> + '_ {
    RESEMBLED.captures_iter(text).filter_map(|captures| read(&captures))
}

/// Where a text holds placeholders and marks just as we write them.
pub(super) fn ours(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    OURS.find_iter(text).map(|found| found.range())
}

/// Whether letters, digits or hyphens go on beside the bytes, as in `SIM-CARD-1` and `PHONE-1.5`.
fn is_part_of_code(text: &str, bytes: &Range<usize>) -> bool {
    let is_code = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '\u{2011}');
    let mut after = text[bytes.end..].chars();
    let next = after.next();
    text[..bytes.start].chars().next_back().is_some_and(is_code)
        || next.is_some_and(is_code)
        || (matches!(next, Some('.' | ',' | ':')) && after.next().is_some_and(char::is_alphanumeric))
}

/// The placeholder that the groups of a match say; a number with a leading zero is none of ours.
fn read(captures: &Captures<'_>) -> Option<Placeholder> {
    let mut groups = captures.iter().skip(1).flatten();
    let label = groups.next()?.as_str();
    let number = digits::only(groups.next()?.as_str());
    let kind = Kind::ALL.into_iter().find(|kind| kind.label().eq_ignore_ascii_case(label))?;
    if number.starts_with('0') {
        return None;
    }
    Some(Placeholder { kind, number: number.parse().ok()? })
}
