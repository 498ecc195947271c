//! Groups of digits in a text, in any of the scripts that our customers write numbers in.

use std::ops::Range;

/// The zeros of the decimal digits that phones and people write: ASCII, Arabic, Persian and Urdu, Devanagari, Bengali,
/// Thai, full-width. In Unicode the nine others follow each of them.
const ZEROS: [char; 7] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{e50}', '\u{ff10}'];

/// How far before a number the beginning of a web address is looked for, in characters.
const URL_CHARS_MAX: usize = 200;

/// Digits without anything between them.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Where they stand.
    pub bytes: Range<usize>,
    /// The same in ASCII.
    pub digits: String,
}

/// The ASCII digit for a digit of any script.
pub(super) fn ascii(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    ZEROS.into_iter().find_map(|zero| {
        let value = u32::from(c).checked_sub(u32::from(zero))?;
        char::from_digit(value, 10)
    })
}

/// All digits of a text as one number.
pub(super) fn only(text: &str) -> String {
    text.chars().filter_map(ascii).collect()
}

/// The groups of digits of a text, in order.
pub(super) fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, c) in text.char_indices() {
        let Some(digit) = ascii(c) else { continue };
        let end = at + c.len_utf8();
        match groups.last_mut() {
            Some(group) if group.bytes.end == at => {
                group.bytes.end = end;
                group.digits.push(digit);
            }
            _ => groups.push(Group { bytes: at..end, digits: digit.to_string() }),
        }
    }
    groups
}

/// Whether a character is a space that stands within a number: no tab and no line break, which stand between two.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}')
}

/// Whether a character beside a digit makes both part of one word: a letter or digit, but no letter of the scripts
/// that put no spaces between words, as in 电话13812345678.
pub(super) fn joins(c: char) -> bool {
    let is_unspaced = matches!(u32::from(c),
        0x0e00..=0x0eff | 0x1100..=0x11ff | 0x2e80..=0x9fff | 0xa960..=0xa97f | 0xac00..=0xd7ff | 0xf900..=0xfaff
        | 0xff66..=0xff9f | 0x20000..=0x3ffff);
    c == '_' || (c.is_alphanumeric() && !is_unspaced)
}

/// Whether a fraction, a time or a thousand would be complete with the digits that a text begins with: one to three.
pub(super) fn is_fraction(after: &str) -> bool {
    (1..=3).contains(&leading(after, 4))
}

/// How many digits a text begins with, counted up to a limit.
pub(super) fn leading(text: &str, max: usize) -> usize {
    text.chars().take(max).take_while(|c| ascii(*c).is_some()).count()
}

/// Whether a number behind a text would be part of an address of the web.
pub(super) fn is_in_url(before: &str) -> bool {
    let window = last_chars(before, URL_CHARS_MAX);
    let word = window.rsplit(char::is_whitespace).next().unwrap_or(window);
    word.contains("://") || word.contains("www.")
}

/// The last characters of a text.
pub(super) fn last_chars(text: &str, chars: usize) -> &str {
    let start = text.char_indices().rev().nth(chars.saturating_sub(1)).map_or(0, |(at, _)| at);
    &text[start..]
}
