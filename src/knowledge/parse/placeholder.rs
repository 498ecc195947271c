//! Keeps placeholders such as `<username>` or `<domain name>` from being taken for HTML.
//!
//! Their `<` is replaced by a sentinel until the text is laid out, so they survive wherever they
//! stand: in prose, in code, alone on a line (where Markdown would open an HTML block).

use std::collections::HashMap;

use super::decode::PLACEHOLDER_OPEN;
use super::html::{self, Element};

/// The source with every `<` that opens a placeholder replaced.
pub(super) fn protect(source: &str) -> String {
    let mut guard = Guard { lowercase: source.to_ascii_lowercase(), occurrences: HashMap::new() };
    let mut out = String::with_capacity(source.len() + 64);
    let mut copied = 0;
    for (at, _) in source.match_indices('<') {
        if !is_escaped(&source[..at]) && guard.is_placeholder(source, at) {
            out.push_str(&source[copied..at]);
            out.push(PLACEHOLDER_OPEN);
            copied = at + 1;
        }
    }
    out.push_str(&source[copied..]);
    out
}

/// A backslash before it (an odd number of them), or the `<` of a link's address.
fn is_escaped(before: &str) -> bool {
    let backslashes = before.bytes().rev().take_while(|&byte| byte == b'\\').count();
    backslashes % 2 == 1 || before.ends_with("](") || before.ends_with("]: ")
}

struct Guard {
    lowercase: String,
    /// By text looked for: where it occurs last. Asked once per text, so the work stays linear.
    occurrences: HashMap<String, Option<usize>>,
}

impl Guard {
    /// Whether `needle` occurs after byte `at`.
    fn occurs_after(&mut self, needle: &str, at: usize) -> bool {
        let lowercase = &self.lowercase;
        let last = self.occurrences.entry(needle.to_owned()).or_insert_with(|| lowercase.rfind(needle));
        last.is_some_and(|last| last > at)
    }

    fn is_placeholder(&mut self, source: &str, at: usize) -> bool {
        let after = &source[at + 1..];
        if after.starts_with("!--") {
            // Without its end it would swallow the rest of the article.
            return !self.occurs_after("-->", at);
        }
        if after.starts_with(['?', '!']) {
            return !after.starts_with("!DOCTYPE") && !after.starts_with("!doctype");
        }
        let (closing, after) = match after.strip_prefix('/') {
            Some(after) => (true, after),
            None => (false, after),
        };
        let name_bytes = after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
        let (name, rest) = after.split_at(name_bytes);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !rest.starts_with([' ', '\t', '\n', '>', '/']) {
            return false;
        }
        let name = name.to_ascii_lowercase();
        match html::element(&name) {
            Element::Unknown => true,
            Element::Sure => false,
            Element::Ambiguous if closing => !self.opened_before(&name, at),
            Element::Ambiguous => !self.occurs_after(&format!("</{name}"), at),
        }
    }

    /// Whether `<name` occurs before byte `at`.
    fn opened_before(&mut self, name: &str, at: usize) -> bool {
        let lowercase = &self.lowercase;
        let first =
            self.occurrences.entry(format!("first <{name}")).or_insert_with(|| lowercase.find(&format!("<{name}")));
        first.is_some_and(|first| first < at)
    }
}
