//! How phone numbers are written: the shapes that a run of groups of digits can have.

use std::ops::Range;

use crate::redaction::digits::{Group, ascii, is_space};
use crate::redaction::phone::is_plus;

/// Digits of an international number without its prefix: at most by E.164, at least in practice.
const INTERNATIONAL_DIGITS_MIN: usize = 8;
const INTERNATIONAL_DIGITS_MAX: usize = 15;

/// Digits of an international number with its prefix.
pub(super) const DIGITS_MAX: usize = INTERNATIONAL_DIGITS_MAX + 2;

/// Digits of a national number with its trunk prefix, as a word before it must announce it. Fewer are called the
/// same by everybody (112, 116 117).
pub(super) const NATIONAL_DIGITS_MIN: usize = 7;
const NATIONAL_DIGITS_MAX: usize = 13;

/// Groups of digits that a number is written in: `00 33 1 23 45 67 89` has seven, `0 532 123 45 67` has five.
pub(super) const GROUPS_MAX: usize = 8;
const NATIONAL_GROUPS_MAX: usize = 6;

/// A run of groups that may be a number.
pub(super) struct Candidate<'a> {
    pub text: &'a str,
    pub groups: &'a [Group],
    /// All digits in ASCII.
    pub digits: String,
    /// What stands before the first digit.
    pub before: &'a str,
    /// Whether that ends with a plus.
    pub has_plus: bool,
}

impl Candidate<'_> {
    /// The number with what is written before its digits: a plus, the bracket of an area code.
    pub fn bytes(&self) -> Range<usize> {
        let end = self.groups[self.groups.len() - 1].bytes.end;
        let plus = self.before.rfind(is_plus).filter(|_| self.has_plus);
        let before = &self.before[..plus.unwrap_or(self.before.len())];
        let start = self.groups[0].bytes.start - (self.before.len() - before.len());
        let closes = self.text[start..end].find([')', '\u{ff09}']);
        let opens = self.text[start..end].find(['(', '\u{ff08}']);
        let is_open = closes.is_some_and(|close| opens.is_none_or(|open| open > close));
        match before.chars().next_back() {
            Some(bracket @ ('(' | '\u{ff08}')) if is_open => start - bracket.len_utf8()..end,
            _ => start..end,
        }
    }

    /// The lengths of its groups.
    fn lens(&self) -> Vec<usize> {
        self.groups.iter().map(|group| group.digits.len()).collect()
    }

    /// What stands between the groups with this number and the next.
    fn gap(&self, at: usize) -> &str {
        &self.text[self.groups[at].bytes.end..self.groups[at + 1].bytes.start]
    }

    fn gaps(&self) -> impl Iterator<Item = &str> {
        (0..self.groups.len() - 1).map(|at| self.gap(at))
    }

    /// Whether the first group stands in brackets.
    fn has_area_in_brackets(&self) -> bool {
        self.groups.len() > 1 && self.gap(0).starts_with([')', '\u{ff09}'])
    }

    /// Whether it has a prefix for calls abroad, a country's code and a length that a number can have.
    pub fn is_international(&self) -> bool {
        // 00 is the prefix in most countries, 011 in North America. Within a row of digits it is neither.
        let is_american = self.groups[0].digits == "011" && self.groups.len() > 2;
        let is_within_row = self.before.trim_end_matches(is_space).ends_with(|c| ascii(c).is_some());
        let digits = match self.digits.strip_prefix(if is_american { "011" } else { "00" }) {
            _ if self.has_plus => self.digits.as_str(),
            Some(digits) if self.groups[0].digits.len() > 1 && !is_within_row => digits,
            _ => return false,
        };
        // A country and the rest, as in +49.3012345678, or a coordinate such as +52.520008.
        let is_decimal = self.groups.len() == 2 && self.gap(0) == "." && self.groups[1].digits.len() < 8;
        // +50 000 000
        let is_round = self.groups.len() > 2 && self.groups.iter().rev().take(2).all(|group| group.digits == "000");
        let is_length = (INTERNATIONAL_DIGITS_MIN..=INTERNATIONAL_DIGITS_MAX).contains(&digits.len());
        is_length && has_country(digits) && !is_decimal && !is_round && self.is_written_as_number()
    }

    /// Whether it can be a national number where one is announced.
    pub fn may_be_national(&self) -> bool {
        (NATIONAL_DIGITS_MIN..=NATIONAL_DIGITS_MAX).contains(&self.digits.len())
            && self.groups.len() <= NATIONAL_GROUPS_MAX
            && self.is_written_as_number()
            && !self.is_date()
    }

    /// Whether its groups are those of a national plan, so that it needs no word before it.
    pub fn has_national_shape(&self) -> bool {
        self.has_trunk_zero() || self.is_north_american() || self.is_in_known_groups() || self.has_area_code()
    }

    /// Whether it is written with signs that numbers other than phone numbers seldom have: neither as a version nor as
    /// two numbers with a stroke between.
    pub fn is_plain(&self) -> bool {
        !self.gaps().any(|gap| gap.contains('.') || (gap.contains('/') && gap.len() > 1))
    }

    /// Whether it is not written as phone numbers never are.
    fn is_written_as_number(&self) -> bool {
        !(self.has_mixed_dots() || self.is_dotted_quad() || self.ends_in_fraction())
    }

    /// Whether hours or days stand at the end: 24/7.
    fn ends_in_fraction(&self) -> bool {
        let last = self.groups.len() - 1;
        last > 0 && self.gap(last - 1) == "/" && self.groups[last - 1..].iter().all(|group| group.digits.len() < 3)
    }

    /// 030 1234567, 01 23 45 67 89, 020 7946 0958, 0170-1234567, 0 532 123 45 67: most of the world.
    fn has_trunk_zero(&self) -> bool {
        let lens = self.lens();
        if !self.digits.starts_with('0') || self.digits.starts_with("00") {
            return false;
        }
        match lens[..] {
            // In one piece only the lengths that are common for mobile phones; order numbers seldom begin with 0.
            [len] => (10..=11).contains(&len),
            [1, 3, ..] => self.digits.len() == 11 && lens.len() > 2,
            [area @ 2..=6, ref rest @ ..] => {
                let is_length = (9..=12).contains(&self.digits.len());
                // A single digit is the switchboard's, at the end: 069 12345-0.
                let is_grouped = rest[..rest.len() - 1].iter().all(|len| *len > 1) && rest.iter().all(|len| *len < 9);
                let is_decimal = rest.len() == 1 && self.gap(0) == "." && (area < 3 || rest[0] < 6);
                // The longest areas have a space or a stroke behind them; 050727-4016 is the build of a program.
                let is_build = area == 6 && self.gap(0) == "-";
                is_length && is_grouped && !is_decimal && !is_build
            }
            _ => false,
        }
    }

    /// (415) 555-2671, 415.555.2671, 1-800-555-0199, and Russia's 8 (495) 123-45-67.
    fn is_north_american(&self) -> bool {
        let lens = self.lens();
        let ten = match self.digits.len() {
            10 => self.digits.as_str(),
            11 if self.digits.starts_with(['1', '8']) && lens[0] == 1 => &self.digits[1..],
            _ => return false,
        };
        let lens = if self.digits.len() == 11 { &lens[1..] } else { &lens[..] };
        let is_russian = self.digits.len() == 11 && self.digits.starts_with('8');
        // Neither an area nor an exchange begins with 0 or 1 (North American Numbering Plan).
        let is_plan = |at: usize| ten.as_bytes()[at] > b'1';
        match lens {
            [3, 3, 4] => is_plan(0) && (is_russian || is_plan(3)),
            [3, 7] => is_plan(0) && (is_russian || (is_plan(3) && self.has_area_in_brackets())),
            [3, 3, 2, 2] => is_russian,
            _ => false,
        }
    }

    /// Groups that amounts and codes are not written in, of numbers without a trunk prefix.
    fn is_in_known_groups(&self) -> bool {
        let first = self.digits.as_bytes()[0];
        let begins = |prefix: &str| self.digits.starts_with(prefix);
        match self.lens()[..] {
            // Spain 612 34 56 78.
            [3, 2, 2, 2] => matches!(first, b'6'..=b'9'),
            // Spain 91 123 45 67, Poland 22 123 45 67; Turkey 532 123 45 67, Russia 495 123-45-67.
            [2 | 3, 3, 2, 2] => first > b'1',
            // China 138 1234 5678.
            [3, 4, 4] => first == b'1' && self.digits.as_bytes()[1] > b'2',
            // India 98765 43210.
            [5, 5] => first > b'5',
            // Brazil 11 91234-5678.
            [2, 5, 4] => first > b'0' && self.digits.as_bytes()[2] == b'9',
            // Australia 1300 123 456, and toll-free numbers there and in Asia.
            [4, 3, 3] => begins("1300") || begins("1800"),
            _ => false,
        }
    }

    /// (11) 3123-4567, (55) 1234 5678: an area in brackets that is not a year.
    fn has_area_code(&self) -> bool {
        let lens = self.lens();
        let is_year = lens[0] == 4 && (self.digits.starts_with("19") || self.digits.starts_with("20"));
        self.has_area_in_brackets()
            && (2..=5).contains(&lens[0])
            && (2..=4).contains(&lens.len())
            && lens[1..].iter().all(|len| (3..=8).contains(len))
            && (9..=11).contains(&self.digits.len())
            && !is_year
    }

    /// Whether it begins as a date does, also when a time follows: 2026-11-22, 22.11.2026 10, 22/11/26, 20261122.
    fn is_date(&self) -> bool {
        let number = |at: usize| self.groups.get(at).and_then(|group| group.digits.parse::<u32>().ok());
        let is_day = |day: Option<u32>| day.is_some_and(|day| (1..=31).contains(&day));
        let is_year = |year: Option<u32>| year.is_some_and(|year| (1900..2100).contains(&year));
        if self.groups.len() == 1 {
            let Some(all) = number(0).filter(|_| self.digits.len() == 8) else { return false };
            return is_year(Some(all / 10_000)) && is_day(Some(all / 100 % 100)) && is_day(Some(all % 100));
        }
        let lens = self.lens();
        let is_two = |at: usize| matches!(lens.get(at), Some(1 | 2)) && is_day(number(at));
        let has_year = (is_year(number(0)) && is_two(1) && (is_two(2) || lens.len() == 2))
            || (is_two(0) && is_two(1) && is_year(number(2)) && lens[2] == 4);
        // French numbers have five groups of two.
        let is_short = is_two(0) && is_two(1) && lens.get(2) == Some(&2) && lens != [2, 2, 2, 2, 2];
        has_year || (is_short && self.gap(0) == self.gap(1) && !self.gap(0).chars().all(is_space))
    }

    /// Whether dots stand beside other signs, as in 550 5.1.10 and 9.00-17.30: whoever writes dots writes dots only.
    fn has_mixed_dots(&self) -> bool {
        let is_dot = |gap: &str| gap == ".";
        let dots = self.gaps().filter(|gap| gap.contains('.')).count();
        // A plus with its country may stand apart: +33 1.23.45.67.89, and so may an area in brackets.
        let apart = usize::from(
            self.groups.len() > 3 && !is_dot(self.gap(0)) && (self.has_plus || self.has_area_in_brackets()),
        );
        dots > 0 && dots + apart < self.groups.len() - 1
    }

    /// Whether it is written like an IP address or a version. Swiss numbers are, but for the zero: 044.123.45.67.
    fn is_dotted_quad(&self) -> bool {
        let is_swiss = self.digits.starts_with('0') && self.lens() == [3, 3, 2, 2];
        self.groups.len() == 4 && self.gaps().all(|gap| gap == ".") && !self.has_plus && !is_swiss
    }
}

/// Whether an international number begins with a code that the ITU has given to a country, and has its length if that
/// country is in the North American plan (all others have several).
fn has_country(digits: &str) -> bool {
    match digits.as_bytes() {
        [b'1', area, ..] => digits.len() == 11 && *area > b'1',
        // No country's code begins with 0; the others are spare (ITU-T E.164, list of assigned codes).
        [b'0', ..] | [b'2', b'8', ..] | [b'8', b'3' | b'9', ..] => false,
        _ => true,
    }
}
