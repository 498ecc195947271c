//! Keeps personal data from a language model's provider: e-mail addresses, phone numbers, payment cards and IBANs
//! leave as placeholders and come back into what the model wrote.
//!
//! One [`Redaction`] is made for one request, of all of its texts (question, history, passages), so that a value has
//! one placeholder in all of them and no placeholder is one that a text already holds. Articles are redacted like
//! the rest: the company's own phone number is a placeholder to the model and a phone number again to the customer.
//!
//! In doubt something is redacted: a number that was no phone number comes back unharmed, one that was sent away does
//! not. Every step is linear in the text's length.

mod card;
mod digits;
mod email;
mod find;
mod iban;
mod phone;
mod placeholder;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::redaction::find::{Found, find};
use crate::redaction::placeholder::Placeholder;

/// Values that one redaction can give back. A question with its history and ten passages holds a few dozen at most;
/// what is beyond goes out as a mark that stands for nothing, such as `[PHONE]`, and does not come back.
pub const VALUES_MAX: usize = 1000;

/// Rounds in which values found in one place are looked for in the others. One is enough for nearly every text; the
/// limit is there so that no text can ask for more.
const ROUNDS_MAX: usize = 4;

/// What kind of personal data a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A phone or fax number.
    Phone,
    /// The number of a payment card.
    Card,
    /// An international bank account number.
    Iban,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Email, Self::Phone, Self::Card, Self::Iban];

    /// Its word in a placeholder.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Card => "CARD",
            Self::Iban => "IBAN",
        }
    }
}

/// Which placeholder stands for which value in the texts of one request.
///
/// Holds the values themselves: it lives as long as the request and is neither stored nor logged. Its `Debug` shows
/// counts only.
#[derive(Clone, Default)]
pub struct Redaction {
    placeholders: HashMap<String, Placeholder>,
    values: HashMap<Placeholder, String>,
    /// The digits of the phone numbers, which are then known in any writing and without a word before them.
    phone_digits: HashSet<String>,
}

impl Redaction {
    /// Finds the values in all texts that go out in one request, and gives each a placeholder.
    ///
    /// A value is what is written: `+49 30 123456` and `+4930123456` are two values, for each has to come back as it
    /// was. Placeholders are numbered by kind in the order of the texts; numbers that a text already uses in
    /// something like a placeholder are left out. At most [`VALUES_MAX`] values are kept.
    #[must_use]
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let texts: Vec<&str> = texts.into_iter().collect();
        let taken: HashSet<Placeholder> = texts.iter().flat_map(|text| placeholder::resembled(text)).collect();
        let mut redaction = Self::default();
        let mut last = [0; Kind::ALL.len()];
        for _ in 0..ROUNDS_MAX {
            let phones_before = redaction.phone_digits.len();
            for text in &texts {
                for found in find(text, &redaction.phone_digits) {
                    redaction.keep(&found, &text[found.bytes.clone()], &taken, &mut last);
                }
            }
            if redaction.phone_digits.len() == phones_before {
                break;
            }
        }
        redaction
    }

    /// The text with each value replaced by its placeholder, such as `[EMAIL-1]`.
    ///
    /// Meant for the texts that the redaction was made of: for those, [`Self::restore`] gives the text back. A value
    /// of any other text is replaced by a mark that stands for nothing, such as `[EMAIL]`. What is redacted already
    /// stays as it is.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        replaced(text, &find(text, &self.phone_digits), |found, value| match self.placeholders.get(value) {
            Some(placeholder) => placeholder.to_string(),
            None => mark(found.kind),
        })
    }

    /// The text with each of our placeholders replaced by its value; any other placeholder stays as it is.
    ///
    /// Understands what models make of placeholders: another case or another hyphen (`[Email 1]`), brackets escaped
    /// for Markdown (`\[EMAIL-1\]`), and no brackets when the rest is exact (`EMAIL-1`) and no part of a longer code.
    /// This is safe because a number that a text had in any of these writings was never given.
    #[must_use]
    pub fn restore(&self, text: &str) -> String {
        let mut restored = String::with_capacity(text.len());
        let mut end = 0;
        for written in placeholder::written(text) {
            if let Some(value) = self.values.get(&written.placeholder) {
                restored.push_str(&text[end..written.bytes.start]);
                restored.push_str(value);
                end = written.bytes.end;
            }
        }
        restored.push_str(&text[end..]);
        restored
    }

    /// How many values of a kind have a placeholder.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.values.keys().filter(|placeholder| placeholder.kind == kind).count()
    }

    /// Gives a value a placeholder unless it has one or there are too many.
    fn keep(&mut self, found: &Found, value: &str, taken: &HashSet<Placeholder>, last: &mut [u32]) {
        if self.values.len() >= VALUES_MAX || self.placeholders.contains_key(value) {
            return;
        }
        let number = &mut last[found.kind as usize];
        let placeholder = loop {
            *number += 1;
            let placeholder = Placeholder { kind: found.kind, number: *number };
            if !taken.contains(&placeholder) {
                break placeholder;
            }
        };
        if found.kind == Kind::Phone {
            self.phone_digits.insert(digits::only(value));
        }
        self.placeholders.insert(value.to_owned(), placeholder);
        self.values.insert(placeholder, value.to_owned());
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = formatter.debug_struct("Redaction");
        for kind in Kind::ALL {
            counts.field(kind.label(), &self.count(kind));
        }
        counts.finish()
    }
}

/// The text with each value replaced by its kind, such as `[EMAIL]`: for logs, with no way back.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut phone_digits = HashSet::new();
    let mut all = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let phones_before = phone_digits.len();
        all = find(text, &phone_digits);
        let phones = all.iter().filter(|found| found.kind == Kind::Phone);
        phone_digits.extend(phones.map(|found| digits::only(&text[found.bytes.clone()])));
        if phone_digits.len() == phones_before {
            break;
        }
    }
    replaced(text, &all, |found, _| mark(found.kind))
}

/// What stands for a value that does not come back.
fn mark(kind: Kind) -> String {
    format!("[{}]", kind.label())
}

/// The text with each finding replaced. The findings are in the order of the text and do not overlap.
fn replaced(text: &str, all: &[Found], replacement: impl Fn(&Found, &str) -> String) -> String {
    let mut result = String::with_capacity(text.len());
    let mut end = 0;
    for found in all {
        result.push_str(&text[end..found.bytes.start]);
        result.push_str(&replacement(found, &text[found.bytes.clone()]));
        end = found.bytes.end;
    }
    result.push_str(&text[end..]);
    result
}
