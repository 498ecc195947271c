//! Numbers of payment cards (ISO/IEC 7812): the issuer's beginning, a length that it uses, and the check digit.
//!
//! The beginnings are those that the networks publish; they move seldom. Ten lines for the check digit (Luhn) are
//! less than a dependency.

use std::ops::Range;

use crate::redaction::digits::{self, Group, ascii, is_fraction, is_in_url, is_space, joins};

/// Digits that a card's number can have.
const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;

/// Where a text holds card numbers, in one piece or in groups of four and more.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let groups = digits::groups(text);
    let mut found = Vec::new();
    let mut first = 0;
    while first < groups.len() {
        if let Some(last) = last_group_of_card(text, &groups, first) {
            found.push(groups[first].bytes.start..groups[last].bytes.end);
            first = last;
        }
        first += 1;
    }
    found
}

/// The last group of the longest card number that begins with the group `first`.
fn last_group_of_card(text: &str, groups: &[Group], first: usize) -> Option<usize> {
    if !can_begin(text, groups, first) {
        return None;
    }
    let mut number = String::with_capacity(DIGITS_MAX);
    let mut separator = None;
    let mut longest = None;
    for (last, group) in groups.iter().enumerate().skip(first) {
        if last > first {
            let between = separator_before(text, groups, last);
            // A group of fewer than four ends the number.
            let is_over = groups[last - 1].digits.len() < 4 || between.is_none();
            if is_over || (separator.is_some() && separator != between) {
                break;
            }
            separator = between;
        }
        if number.len() + group.digits.len() > DIGITS_MAX {
            break;
        }
        number.push_str(&group.digits);
        if can_end(text, groups, last) && is_card(&number) {
            longest = Some(last);
        }
    }
    longest
}

/// The one character between a group and the one before it, if it is one that cards are written with.
fn separator_before(text: &str, groups: &[Group], at: usize) -> Option<char> {
    let before = at.checked_sub(1)?;
    let mut between = text[groups[before].bytes.end..groups[at].bytes.start].chars();
    let separator = between.next().filter(|c| is_space(*c) || matches!(c, '-' | '\u{2010}'..='\u{2013}'))?;
    between.next().is_none().then_some(separator)
}

/// Whether a number can begin with a group: not within a word or a code.
fn can_begin(text: &str, groups: &[Group], first: usize) -> bool {
    match separator_before(text, groups, first) {
        Some(separator) => is_space(separator),
        None => !is_bound_before(&text[..groups[first].bytes.start]),
    }
}

/// Whether a number can end with a group.
fn can_end(text: &str, groups: &[Group], last: usize) -> bool {
    let after = if last + 1 < groups.len() { separator_before(text, groups, last + 1) } else { None };
    match after {
        Some(separator) => is_space(separator),
        None => !is_bound_after(&text[groups[last].bytes.end..]),
    }
}

/// Whether the text before digits makes them part of a word, of a fraction or of a path in a web address.
fn is_bound_before(before: &str) -> bool {
    let mut backwards = before.chars().rev();
    let last = backwards.next();
    let is_after_digit = backwards.next().is_some_and(|c| ascii(c).is_some());
    let is_fraction = matches!(last, Some('.' | ',')) && is_after_digit;
    last.is_some_and(joins) || is_fraction || (last == Some('/') && is_in_url(before))
}

/// Whether the text behind digits makes them part of a word or of an amount.
fn is_bound_after(after: &str) -> bool {
    let is_amount = after.strip_prefix(['.', ',']).is_some_and(is_fraction);
    is_amount || after.chars().next().is_some_and(joins)
}

/// Whether digits are a card's number.
fn is_card(number: &str) -> bool {
    number.len() >= DIGITS_MIN && is_issued(number) && has_check_digit(number) && !is_barcode(number)
}

/// Whether a network issues numbers of this beginning and length.
fn is_issued(number: &str) -> bool {
    let leading = |len: usize| number[..len].parse::<u32>().unwrap_or_default();
    match (leading(1), leading(2), leading(3), leading(4)) {
        // Visa.
        (4, ..) => matches!(number.len(), 13 | 16 | 19),
        // Mastercard, and Mir.
        (_, 51..=55, ..) | (.., 2221..=2720) => number.len() == 16,
        (.., 2200..=2204) => (16..=19).contains(&number.len()),
        // American Express.
        (_, 34 | 37, ..) => number.len() == 15,
        // Diners Club.
        (_, 36, ..) => (14..=19).contains(&number.len()),
        (_, 38 | 39, ..) | (_, _, 300..=305, _) | (.., 3095) => matches!(number.len(), 14 | 16..=19),
        // JCB; Discover, RuPay and UnionPay; Troy.
        (.., 3528..=3589 | 6011 | 9792) | (_, 62 | 65 | 81 | 82, ..) | (_, _, 644..=649 | 508, _) => {
            (16..=19).contains(&number.len())
        }
        // Maestro.
        (_, 50 | 56..=58 | 60 | 61 | 63 | 64 | 66..=69, ..) => (13..=19).contains(&number.len()),
        _ => false,
    }
}

/// Whether the last digit is the check digit of the others (Luhn, ISO/IEC 7812-1).
fn has_check_digit(number: &str) -> bool {
    let sum: u32 = number
        .bytes()
        .rev()
        .map(|digit| u32::from(digit - b'0'))
        .enumerate()
        .map(|(at, digit)| match digit * 2 {
            _ if at % 2 == 0 => digit,
            double if double > 9 => double - 9,
            double => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether 13 digits are an article's barcode (EAN-13): Germany's begin with 4 like Visa's numbers of that length,
/// which are no longer issued.
fn is_barcode(number: &str) -> bool {
    let weights = [1, 3].into_iter().cycle();
    let sum: u32 = number.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    number.len() == 13 && sum.is_multiple_of(10)
}
