//! Phone numbers: international ones (ITU-T E.164) and those of national plans that are told by their shape or by a
//! word before them.
//!
//! Without knowing the customer's country nearly every number of eight to ten digits is somebody's phone number, so a
//! plan's rules decide less than how a number is written and what is said before it. The national shapes are a selection
//! of ours: how people in the countries of our languages write their numbers.
//!
//! Not a port of libphonenumber: the matcher of `rlibphonenumber` 2.2 in all regions saw a phone number in 32 of 49
//! support texts without one (IP addresses, SMTP codes, dates), and `phonenumber` 0.3 finds none within a text.

mod candidate;
mod context;

use std::collections::HashSet;
use std::ops::Range;

use crate::redaction::digits::{self, Group, ascii, is_fraction, is_in_url, is_space, joins};
use crate::redaction::phone::candidate::{Candidate, DIGITS_MAX, GROUPS_MAX, NATIONAL_DIGITS_MIN};
use crate::redaction::phone::context::{Said, is_amount, said_before};

/// What a run of groups turned out to be.
enum Read {
    /// A phone number.
    Number(Range<usize>),
    /// The number of something else, which ends with this byte.
    Another(usize),
    Nothing,
}

/// Where a text holds phone numbers. `known` are the digits of those known from elsewhere.
pub(super) fn find(text: &str, known: &HashSet<String>) -> Vec<Range<usize>> {
    let groups = digits::groups(text);
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut first = 0;
    while first < groups.len() {
        // What was found is a border: the next number is read as if the text began behind it.
        let border = found.last().map_or(0, |last| last.end);
        let end = match read(text, border, &groups[first..], known) {
            Read::Number(number) => {
                let end = number.end;
                found.push(number);
                end
            }
            Read::Another(end) => end,
            Read::Nothing => groups[first].bytes.end,
        };
        while first < groups.len() && groups[first].bytes.end <= end {
            first += 1;
        }
    }
    found
}

/// Reads the longest number that begins with the first group.
fn read(text: &str, border: usize, groups: &[Group], known: &HashSet<String>) -> Read {
    let before = &text[border..groups[0].bytes.start];
    let has_plus = ends_with_plus(before);
    if !can_begin(before, has_plus) {
        return Read::Nothing;
    }
    let mut said = None;
    for end in (1..=run_len(text, groups)).rev() {
        let run = &groups[..end];
        let digits: String = run.iter().map(|group| group.digits.as_str()).collect();
        let after = &text[run[end - 1].bytes.end..];
        if digits.len() < NATIONAL_DIGITS_MIN || !can_end(after) || is_amount(before, after) {
            continue;
        }
        let candidate = Candidate { text, groups: run, digits, before, has_plus };
        if known.contains(&candidate.digits) || candidate.is_international() {
            return Read::Number(candidate.bytes());
        }
        if !candidate.may_be_national() {
            continue;
        }
        match *said.get_or_insert_with(|| said_before(before)) {
            Said::AnotherNumber => return Read::Another(text.len() - after.len()),
            Said::Phone if candidate.is_plain() => return Read::Number(candidate.bytes()),
            Said::Phone | Said::Nothing if candidate.has_national_shape() => {
                return Read::Number(candidate.bytes());
            }
            Said::Phone | Said::Nothing => {}
        }
    }
    Read::Nothing
}

/// How many groups from the first on may be one number, cut where a number ends by itself.
fn run_len(text: &str, groups: &[Group]) -> usize {
    let mut digits = groups[0].digits.len();
    let mut len = 1;
    while len < groups.len().min(GROUPS_MAX) {
        let (last, next) = (&groups[len - 1], &groups[len]);
        let between = &text[last.bytes.end..next.bytes.start];
        digits += next.digits.len();
        // Behind six digits and a space something else begins: 0800 1234567 24 Stunden.
        let is_over = len > 1 && last.digits.len() >= 6 && between.chars().all(is_space);
        if is_over || !is_gap(between) || digits > DIGITS_MAX {
            break;
        }
        len += 1;
    }
    len
}

/// Whether characters can stand between the groups of one number: spaces, brackets and at most one other sign.
fn is_gap(between: &str) -> bool {
    let is_sign = |c: char| matches!(c, '-' | '.' | '/' | '\u{2010}'..='\u{2014}' | '\u{ff0d}');
    let is_allowed = |c: char| is_space(c) || is_sign(c) || matches!(c, '(' | ')' | '\u{ff08}' | '\u{ff09}');
    !between.is_empty()
        && between.chars().count() <= 4
        && between.chars().all(is_allowed)
        && between.chars().filter(|c| is_sign(*c)).count() <= 1
}

fn is_plus(c: char) -> bool {
    matches!(c, '+' | '\u{ff0b}')
}

/// Whether a plus stands before a number's digits, maybe with a bracket between, as in `+(49) 30`.
fn ends_with_plus(before: &str) -> bool {
    before.ends_with(is_plus) || before.strip_suffix('(').is_some_and(|before| before.trim_end().ends_with(is_plus))
}

/// Whether a number can begin behind a text: not within a word, a code, an amount or an address of the web.
fn can_begin(before: &str, has_plus: bool) -> bool {
    let before = if has_plus { before.trim_end_matches(['(', ' ']) } else { before };
    let before = if has_plus { before.strip_suffix(is_plus).unwrap_or(before) } else { before };
    let mut backwards = before.chars().rev();
    let Some(last) = backwards.next() else { return true };
    let is_after_digit = backwards.find(|c| !is_space(*c)).is_some_and(|c| ascii(c).is_some());
    if has_plus {
        return !joins(last) && !is_plus(last);
    }
    if before.ends_with("wa.me/") {
        return true;
    }
    let is_path = last == '/' && before.len() > 1 && !is_after_digit;
    let is_code = joins(last) || matches!(last, '-' | '\\' | '#' | '@' | '&' | '%' | '^' | '+' | '\u{2011}');
    let is_fraction = matches!(last, '.' | ',' | ':') && is_after_digit;
    let is_cut = (matches!(last, '(' | ')') || is_space(last)) && is_after_digit && !can_be_cut(before);
    !(is_path || is_code || is_fraction || is_cut || is_in_url(before))
}

/// Whether a number may begin although digits stand before it: they are a number of their own if a space parts them.
fn can_be_cut(before: &str) -> bool {
    before.chars().rev().take_while(|c| ascii(*c).is_none()).any(is_space)
}

/// Whether a number can end before a text: not within a word, a code, an amount or a time of the day.
fn can_end(after: &str) -> bool {
    let mut forwards = after.chars();
    let Some(next) = forwards.next() else { return true };
    let then = forwards.next();
    if matches!(next, 'x' | 'X') {
        // An extension: 555-2671x12.
        return then.is_some_and(|c| ascii(c).is_some());
    }
    let is_more = match next {
        '-' | '\u{2010}'..='\u{2013}' => then.is_some_and(|c| joins(c) || ascii(c).is_some()),
        // Another number may follow: 0301234567/0307654321.
        '/' => (1..NATIONAL_DIGITS_MIN).contains(&digits::leading(&after[1..], NATIONAL_DIGITS_MIN)),
        '.' | ',' | ':' => is_fraction(&after[1..]),
        ')' => then.is_some_and(|c| ascii(c).is_some()),
        _ => joins(next) || matches!(next, '@' | '%' | '='),
    };
    !is_more
}
