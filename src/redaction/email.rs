//! E-mail addresses.
//!
//! Wider than RFC 5321 in the letters (RFC 6531 allows any) and narrower in the signs: only those that addresses have
//! in practice, so that the brackets, quotes and query strings around an address stay outside of it.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::redaction::placeholder::pattern;

/// Letters of scripts that put spaces between words. Chinese, Japanese, Korean and Thai do not: there the sentence
/// would be taken for part of the address that stands in it.
const LETTERS: &str = r"\p{Latin}\p{Greek}\p{Cyrillic}\p{Armenian}\p{Georgian}\p{Hebrew}\p{Arabic}\p{Devanagari}\p{M}";

/// Endings that look like a domain's and are in no case one: of the files `logo@2x.png` and the units
/// `getty@tty1.service`. None is in IANA's root zone.
const ENDINGS_OF_FILES: [&str; 20] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "css", "js", "json", "xml", "yml", "yaml", "txt", "html",
    "service", "socket", "timer", "mount", "slice",
];

/// The at sign: also full-width, in a URL, and spelled out against collectors of addresses.
const AT: &str = r"(?:@|\u{ff20}|%40|[ ]?[(\[]at[)\]][ ]?)";

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    let label = format!("[{LETTERS}0-9](?:[{LETTERS}0-9-]*[{LETTERS}0-9])?");
    let ending = r"(?:xn--[a-z0-9-]{2,59}|[a-z]{2,63}|[\p{Cyrillic}\p{Greek}]{2,63}|[\p{Arabic}]{2,63}|[\p{Devanagari}\p{M}]{2,63})";
    pattern(&format!(r"(?i)([{LETTERS}0-9_](?:[{LETTERS}0-9._%+'’&-]*[{LETTERS}0-9_+-])?){AT}(?:{label}\.)+({ending})"))
});

/// Where a text holds e-mail addresses.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let addresses = ADDRESS.captures_iter(text).filter(|captures| {
        // `git@github.com:…` names a place, the same for everybody.
        let is_repository = captures[1].eq_ignore_ascii_case("git");
        let is_file = ENDINGS_OF_FILES.iter().any(|ending| captures[2].eq_ignore_ascii_case(ending));
        !is_repository && !is_file
    });
    addresses.map(|captures| captures.get_match().range()).collect()
}
