//! The few words of a sentence by which a right answer is known.

use std::collections::HashSet;

use crate::manufacture::survey::{Survey, content_words, is_stop_word};
use crate::matching::{SHORT_ANSWER_WORDS_MAX, normalised_words, word_count};

/// A shorter sentence says nothing without the one before it.
const SENTENCE_WORDS_MIN: usize = 4;
/// A longer one fits into no answer. Source: `spec/quality.md`, an answer has at most 60 words.
const SENTENCE_WORDS_MAX: usize = 50;
/// Words of a sentence that say something at least.
const CONTENT_WORDS_MIN: usize = 2;
/// A longer word is a path, an address or code.
const WORD_CHARS_MAX: usize = 40;
/// How sentences begin or go on that speak of the article and not of its subject.
const OF_THE_ARTICLE: [&str; 10] = [
    "this article",
    "this page",
    "this section",
    "this guide",
    "this topic",
    "this document",
    "this issue occurs",
    "this problem occurs",
    "the following",
    "for more information",
];

/// Whether a sentence can be what answers a question.
#[must_use]
pub fn is_telling(sentence: &str) -> bool {
    let words = word_count(sentence);
    let lower = sentence.to_lowercase();
    let is_row = sentence.matches("; ").count() > 0 && sentence.contains(": ");
    (SENTENCE_WORDS_MIN..=SENTENCE_WORDS_MAX).contains(&words)
        && content_words(sentence).len() >= CONTENT_WORDS_MIN
        && !sentence.trim_end().ends_with([':', '?', '…'])
        && !lower.contains("://")
        && !sentence.split_whitespace().any(|word| word.chars().count() > WORD_CHARS_MAX)
        && !is_row
        && !OF_THE_ARTICLE.iter().any(|phrase| lower.contains(phrase))
}

/// The key fact of a sentence for a question: the whole of a short sentence, else its run of at most eight words that the
/// fewest articles have, the question's own words apart. `None` when it would only say what the question says.
#[must_use]
pub fn of(sentence: &str, question: &str, survey: &Survey) -> Option<String> {
    let asked: HashSet<String> = normalised_words(question).into_iter().collect();
    let sentence = without_marker(sentence);
    let fact =
        if word_count(sentence) <= SHORT_ANSWER_WORDS_MAX { sentence } else { rarest_run(sentence, &asked, survey)? };
    let fact = fact.trim_matches(|letter: char| !letter.is_alphanumeric() && !"€$£%°−+".contains(letter));
    let says_more = content_words(fact).iter().any(|word| !asked.contains(word));
    (says_more && word_count(fact) <= SHORT_ANSWER_WORDS_MAX).then(|| fact.to_owned())
}

/// The sentence without the mark of a list's item, and without the label of a note.
fn without_marker(sentence: &str) -> &str {
    let sentence = sentence.trim();
    let sentence = sentence.strip_prefix("- ").or_else(|| sentence.strip_prefix("• ")).unwrap_or(sentence);
    match sentence.split_once(' ') {
        Some((mark, rest)) if mark.ends_with(['.', ')', ':']) => {
            let mark = mark.trim_end_matches(['.', ')', ':']);
            let is_number = !mark.is_empty() && mark.chars().all(|digit| digit.is_ascii_digit());
            let is_label = ["Note", "Important", "Tip", "Warning", "Caution"].contains(&mark);
            if is_number || is_label { rest.trim_start() } else { sentence }
        }
        _ => sentence,
    }
}

fn rarest_run<'a>(sentence: &'a str, asked: &HashSet<String>, survey: &Survey) -> Option<&'a str> {
    let rarity = |piece: &str| -> f64 {
        let words = normalised_words(piece).into_iter();
        words.filter(|word| !is_stop_word(word) && !asked.contains(word)).map(|word| survey.rarity(&word)).sum()
    };
    let mut pieces: Vec<(std::ops::Range<usize>, f64)> = Vec::new();
    let mut at = 0;
    for piece in sentence.split_inclusive(char::is_whitespace) {
        let end = at + piece.trim_end().len();
        if end > at {
            pieces.push((at..end, rarity(piece)));
        }
        at += piece.len();
    }
    let mut best: Option<(f64, &str)> = None;
    for first in 0..pieces.len() {
        let mut sum = 0.0;
        for last in first..pieces.len() {
            sum += pieces[last].1;
            let run = &sentence[pieces[first].0.start..pieces[last].0.end];
            if word_count(run) > SHORT_ANSWER_WORDS_MAX {
                break;
            }
            // Of two runs that are as rare the shorter one is better: it ends where something is said.
            let is_better =
                best.is_none_or(|(most, kept)| sum > most + 1e-9 || (sum > most - 1e-9 && run.len() < kept.len()));
            if sum > 0.0 && is_better {
                best = Some((sum, run));
            }
        }
    }
    best.map(|(_, run)| run)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manufacture::samples;
    use crate::matching::holds_short_answer;

    fn survey() -> Survey {
        let common = "# A\n\nSend the report to us when you have the bike and the battery at home.";
        samples::survey(&[samples::article("a.md", common), samples::article("b.md", &common.replace("# A", "# B"))])
    }

    #[test]
    fn a_short_sentence_is_its_own_fact() {
        assert_eq!(of("2. Turn the key to the left.", "How?", &survey()).as_deref(), Some("Turn the key to the left"));
        assert_eq!(of("- It costs €79.", "Price?", &survey()).as_deref(), Some("It costs €79"));
    }

    #[test]
    fn of_a_long_sentence_the_rare_words_are_kept() {
        let sentence = "When you have the report, send it to us at home within seven calendar days of the collision.";
        assert_eq!(of(sentence, "How?", &survey()).as_deref(), Some("within seven calendar days of the collision"));
        let asked = "What about seven calendar days within the collision?";
        assert_eq!(of(sentence, asked, &survey()), None);
    }

    #[test]
    fn sentences_without_an_answer_are_not_telling() {
        for sentence in [
            "Do this:",
            "This article explains the price of a bike.",
            "Who pays for the repair of it?",
            "It is so.",
            "See https://a.example for the price list.",
            "Plan: Roam; Model swap: €29; Size swap: free",
        ] {
            assert!(!is_telling(sentence), "{sentence}");
        }
        assert!(is_telling("Send the report within 7 days."));
    }

    proptest! {
        #[test]
        fn a_fact_stands_in_its_sentence(words in prop::collection::vec("[a-z€(“]{1,6}[,.)”]?", 1..30)) {
            let sentence = words.join(" ");
            if let Some(fact) = of(&sentence, "What is it?", &survey()) {
                prop_assert_eq!(holds_short_answer(&sentence, &[&fact]), Some(true), "{} in {}", fact, sentence);
            }
        }
    }
}
