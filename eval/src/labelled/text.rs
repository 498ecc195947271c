//! A sentence as its words with the punctuation around them.

use std::collections::HashSet;
use std::ops::Range;

/// A word as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub before: String,
    pub core: String,
    pub after: String,
}

impl Token {
    pub fn lower(&self) -> String {
        self.core.to_lowercase()
    }

    pub fn is_capitalised(&self) -> bool {
        self.core.starts_with(char::is_uppercase) && self.core.chars().count() > 1
    }

    pub fn has_digit(&self) -> bool {
        self.core.contains(|letter: char| letter.is_ascii_digit())
    }
}

pub fn tokens(sentence: &str) -> Vec<Token> {
    sentence.split_whitespace().map(token).collect()
}

fn token(word: &str) -> Token {
    let start = word.find(char::is_alphanumeric).unwrap_or(word.len());
    let end = word
        .rfind(char::is_alphanumeric)
        .map_or(start, |place| place + word[place..].chars().next().map_or(0, char::len_utf8));
    Token { before: word[..start].to_owned(), core: word[start..end].to_owned(), after: word[end..].to_owned() }
}

pub fn joined(tokens: &[Token]) -> String {
    let words = tokens.iter().map(|token| format!("{}{}{}", token.before, token.core, token.after));
    words.collect::<Vec<_>>().join(" ")
}

/// The words of a text in lower case, without a possessive's ending.
pub fn vocabulary(text: &str) -> HashSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '.' | ',' | '\'' | '’'));
    words
        .map(|word| word.trim_matches(['.', ',', '\'', '’']).to_lowercase())
        .map(|word| word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(&word).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// The runs of capitalised words, without the word that begins the sentence: what a sentence names.
pub fn names(tokens: &[Token]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (place, token) in tokens.iter().enumerate().skip(1) {
        if !token.is_capitalised() || token.has_digit() || token.core.contains(['’', '\'']) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == place && tokens[place - 1].after.is_empty() && token.before.is_empty() => {
                run.end += 1;
            }
            // After a full stop or a quotation mark a capital means nothing.
            _ if tokens[place - 1].after.contains(['.', '!', '?', ':']) => {}
            _ => runs.push(place..place + 1),
        }
    }
    runs
}

/// The words of a run.
pub fn name(tokens: &[Token], run: &Range<usize>) -> String {
    tokens[run.clone()].iter().map(|token| token.core.as_str()).collect::<Vec<_>>().join(" ")
}

/// Puts `words` in the place of a run, keeping the punctuation around it.
pub fn replaced(tokens: &[Token], run: &Range<usize>, words: &str) -> Vec<Token> {
    let mut new: Vec<Token> = self::tokens(words);
    if let Some(first) = new.first_mut() {
        first.before.clone_from(&tokens[run.start].before);
    }
    if let Some(last) = new.last_mut() {
        last.after.clone_from(&tokens[run.end - 1].after);
    }
    [&tokens[..run.start], &new, &tokens[run.end..]].concat()
}

/// `core` with the first letter of `model`'s case.
pub fn in_case_of(model: &str, core: &str) -> String {
    if model.starts_with(char::is_uppercase) { capitalised(core) } else { core.to_owned() }
}

pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Words that begin a sentence with a capital and are written small within one.
const SMALL_WITHIN: [&str; 34] = [
    "The", "A", "An", "In", "On", "At", "It", "They", "This", "These", "Those", "That", "He", "She", "There", "When",
    "If", "After", "Before", "During", "By", "For", "From", "To", "As", "Some", "Many", "Most", "All", "You", "While",
    "With", "Although", "Each",
];

/// A sentence as it goes on behind a comma; `None` where it may begin with a name.
pub fn within(sentence: &str) -> Option<String> {
    let first = sentence.split_whitespace().next()?;
    let rest = sentence.strip_prefix(first)?;
    SMALL_WITHIN.contains(&first).then(|| format!("{}{rest}", first.to_lowercase()))
}
