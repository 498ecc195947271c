//! International bank account numbers (ISO 13616).
//!
//! Length, structure and sum come from `iban_validate`, which is made from SWIFT's registry. Only a number whose sum
//! is right is taken: one with a typing error is not known from any other code.

use std::ops::Range;
use std::sync::LazyLock;

use iban::{BaseIban, Iban};
use regex::Regex;

use crate::redaction::digits::joins;
use crate::redaction::placeholder::pattern;

/// Characters of the longest IBAN (ISO 13616) and of the shortest in use (Norway's).
const CHARS_MAX: usize = 34;
const CHARS_MIN: usize = 15;

/// Countries that print numbers of the IBAN's form without being in the registry; of these only the sum is checked.
const UNREGISTERED: [&str; 24] = [
    "AO", "BF", "BJ", "CF", "CG", "CI", "CM", "CV", "DZ", "GA", "GQ", "GW", "HN", "IR", "KM", "MA", "MG", "ML", "MZ",
    "NE", "NG", "SN", "TD", "TG",
];

/// How an IBAN begins. What follows is read by hand, for its end is where the sum is right.
static BEGINNING: LazyLock<Regex> = LazyLock::new(|| pattern("[A-Za-z]{2}[0-9]{2}"));

/// Where a text holds IBANs, in one piece or in groups, in capital or small letters.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for beginning in BEGINNING.find_iter(text) {
        let start = beginning.start();
        let is_within_word = text[..start].chars().next_back().is_some_and(joins);
        if is_within_word || found.last().is_some_and(|last| start < last.end) {
            continue;
        }
        if let Some(chars) = valid_len(&text[start..]) {
            found.push(start..start + chars);
        }
    }
    found
}

/// The length in bytes of the IBAN that the text begins with.
fn valid_len(text: &str) -> Option<usize> {
    let mut number = String::with_capacity(CHARS_MAX);
    let mut valid = None;
    let mut rest = text.char_indices().peekable();
    let mut is_after_separator = false;
    while let Some((at, c)) = rest.next() {
        if c.is_ascii_alphanumeric() && number.len() < CHARS_MAX {
            number.push(c.to_ascii_uppercase());
            is_after_separator = false;
            let is_end = rest.peek().is_none_or(|(_, next)| !next.is_ascii_alphanumeric());
            if is_end && is_valid(&number) {
                valid = Some(at + c.len_utf8());
            }
        } else if matches!(c, ' ' | '-' | '.' | '\u{a0}' | '\u{202f}') && !is_after_separator {
            is_after_separator = true;
        } else {
            break;
        }
    }
    valid
}

/// Whether a number without spaces is an IBAN.
fn is_valid(number: &str) -> bool {
    number.len() >= CHARS_MIN
        && (number.parse::<Iban>().is_ok()
            || (UNREGISTERED.contains(&&number[..2]) && number.parse::<BaseIban>().is_ok()))
}
