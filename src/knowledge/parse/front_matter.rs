//! The YAML block at the head of a file: title, tags and language.
//!
//! Each wanted entry is cut out by its lines and read as YAML on its own, so that a mistake
//! elsewhere in the block costs nothing, and no part of the block ever reaches the text.

use gray_matter::Pod;
use gray_matter::engine::{Engine, YAML};

use super::{SUPERSEDED, language};

/// The largest block taken for front matter, in bytes. Real ones have one or two KB.
const BLOCK_BYTES_MAX: usize = 64 * 1024;

/// The largest entry handed to the YAML parser, in bytes. It works recursively, so depth must be
/// bounded; see [`is_tame`].
const ENTRY_BYTES_MAX: usize = 8 * 1024;

/// What `status:` says of an article that should no longer be answered from.
const SUPERSEDED_STATUSES: [&str; 4] = ["superseded", "outdated", "obsolete", "deprecated"];

/// What an article says about itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FrontMatter {
    pub(super) title: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) language: Option<String>,
}

/// Takes the front matter off the source; the second part is the body.
pub(super) fn split(source: &str) -> (FrontMatter, &str) {
    let Some((block, body)) = cut(source.trim_start_matches('\n')) else {
        return (FrontMatter::default(), source);
    };
    let title = entry(block, "title").and_then(|value| scalar(&value)).filter(|title| !title.is_empty());
    let mut tags = entry(block, "tags").map(|value| list(&value)).unwrap_or_default();
    if is_superseded(block) && !tags.iter().any(|tag| tag == SUPERSEDED) {
        tags.push(SUPERSEDED.to_owned());
    }
    let language = ["language", "lang"]
        .iter()
        .filter_map(|key| entry(block, key))
        .filter_map(|value| scalar(&value))
        .find_map(|tag| language::from_tag(&tag));
    (FrontMatter { title, tags, language }, body)
}

/// Whether the article says that another has taken its place: by its status, or by naming the other.
fn is_superseded(block: &str) -> bool {
    let says = |key| entry(block, key).and_then(|value| scalar(&value)).filter(|value| !value.is_empty());
    says("status").is_some_and(|status| SUPERSEDED_STATUSES.iter().any(|known| known.eq_ignore_ascii_case(&status)))
        || says("superseded_by").is_some()
}

/// The block between the delimiters and what follows it, if the source begins with one.
///
/// A block without its end is taken to reach to its first blank line, so it can't leak either.
fn cut(source: &str) -> Option<(&str, &str)> {
    let (first, rest) = source.split_once('\n')?;
    if first.trim_end() != "---" {
        return None;
    }
    let mut offset = 0;
    let mut first_blank = None;
    for line in rest.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            let block = &rest[..offset];
            return is_front_matter(block).then(|| (block, &rest[offset + line.len()..]));
        }
        if line.trim().is_empty() && first_blank.is_none() {
            first_blank = Some(offset);
        }
        offset += line.len();
        if offset > BLOCK_BYTES_MAX {
            break;
        }
    }
    let end = first_blank.unwrap_or(offset);
    let block = &rest[..end];
    let reads_as_entries = block.lines().all(|line| key_of(line).is_some() || line.starts_with([' ', '\t', '-']));
    (!block.is_empty() && reads_as_entries).then(|| (block, &rest[end..]))
}

/// Tells a block, even a broken one, from prose between two horizontal rules.
fn is_front_matter(block: &str) -> bool {
    let mut lines = block.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let Some(first) = lines.next() else {
        return true;
    };
    let has_blank_line = block.lines().any(|line| line.trim().is_empty());
    key_of(first).is_some() || (!has_blank_line && lines.any(|line| key_of(line).is_some()))
}

/// The key of a line such as `ms.date: 01/02/2024`, when it stands at the margin.
fn key_of(line: &str) -> Option<&str> {
    let (key, value) = line.split_once(':')?;
    let key = key.trim_end().trim_matches(['"', '\'']);
    let is_word = key.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    (is_word && (value.is_empty() || value.starts_with([' ', '\t']))).then_some(key)
}

/// The value of a top-level entry. What isn't YAML is read as the string it looks like.
fn entry(block: &str, key: &str) -> Option<Pod> {
    let mut lines = block.lines().skip_while(|line| key_of(line).is_none_or(|found| !found.eq_ignore_ascii_case(key)));
    let first = lines.next()?;
    let mut snippet = first.to_owned();
    // A list may stand at the margin: "tags:" over "- billing".
    for line in lines.take_while(|line| line.is_empty() || line.starts_with([' ', '\t', '-'])) {
        snippet.push('\n');
        snippet.push_str(line);
    }
    let parsed = if is_tame(&snippet) { YAML::parse(&snippet).ok() } else { None };
    match parsed {
        Some(Pod::Hash(entries)) => entries.into_values().next(),
        _ => first.split_once(':').map(|(_, value)| Pod::String(unquoted(value).to_owned())),
    }
}

/// Whether the YAML parser may have it: no deep nesting (it recurses) and no aliases (they multiply).
fn is_tame(snippet: &str) -> bool {
    let openings = snippet.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
    let flat = snippet
        .lines()
        .all(|line| line.matches("- ").count() + line.matches("? ").count() + line.matches(": ").count() <= 16);
    let has_aliases = snippet.contains('&') && snippet.contains('*');
    snippet.len() <= ENTRY_BYTES_MAX && openings <= 16 && flat && !has_aliases
}

fn unquoted(value: &str) -> &str {
    let value = value.trim();
    ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value)
}

/// A value as one line of text; lists and maps have none.
fn scalar(value: &Pod) -> Option<String> {
    match value {
        Pod::String(text) => Some(folded(text)),
        Pod::Integer(number) => Some(number.to_string()),
        Pod::Float(number) => Some(number.to_string()),
        Pod::Boolean(flag) => Some(flag.to_string()),
        Pod::Null | Pod::Array(_) | Pod::Hash(_) => None,
    }
}

/// A value as tags: a list, or words between commas. Without repeats.
fn list(value: &Pod) -> Vec<String> {
    let candidates: Vec<String> = match value {
        Pod::Array(items) => items.iter().filter_map(scalar).collect(),
        Pod::String(text) => text.trim_matches(['[', ']']).split(',').map(|tag| folded(unquoted(tag))).collect(),
        other => scalar(other).into_iter().collect(),
    };
    let mut tags: Vec<String> = Vec::new();
    for tag in candidates {
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
