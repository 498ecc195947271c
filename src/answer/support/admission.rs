//! Sentences that say that the passages do not say something: they claim nothing that a passage would have to carry.

use crate::answer::support::words::Word;

/// What the articles are called in such sentences.
const SOURCES: [&str; 8] =
    ["passage", "passages", "article", "articles", "context", "text", "information", "documents"];

/// Beginnings of what sources do not do.
const SAYINGS: [&str; 14] = [
    "mention", "specif", "provid", "contain", "answer", "state", "includ", "say", "find", "address", "giv", "detail",
    "discuss", "determin",
];

/// Whether a sentence admits that the passages do not answer, and says nothing else.
#[must_use]
pub fn is_admission(sentence: &[Word]) -> bool {
    let has = |one: &dyn Fn(&str) -> bool| sentence.iter().any(|word| one(&word.text));
    has(&|word| SOURCES.contains(&word))
        && has(&|word| matches!(word, "not" | "no" | "unable" | "insufficient"))
        && has(&|word| SAYINGS.iter().any(|saying| word.starts_with(saying)))
        && sentence.iter().filter(|word| word.weight() > 0.0).count() <= WORDS_MAX
}

/// Words that carry a fact in an admission; a longer sentence says more than that.
const WORDS_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::support::words::words;

    #[test]
    fn only_what_speaks_of_the_passages_admits() {
        assert!(is_admission(&words("Unable to answer based on given passages.")));
        assert!(is_admission(&words("The article does not mention a price for children.")));
        assert!(!is_admission(&words("The bike does not contain a battery.")));
    }
}
