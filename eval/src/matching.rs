//! Whether an answer holds what the gold answer says, by its words alone.
//!
//! Texts are compared after the normalisation of `SQuAD`. Markdown link targets count as words; a gold answer
//! with links is best stripped of them first.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

/// The words of a short gold answer at most. Longer ones are phrased freely, so that a right answer need not
/// repeat them.
///
/// Source: `spec/quality.md`, "What correct means".
pub const SHORT_ANSWER_WORDS_MAX: usize = 8;

/// What an answer has to be to count as correct.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Gold article ids.
    pub gold: &'a [String],
    /// Gold answers of any length; only the short ones are looked for.
    pub answers: &'a [String],
    /// The words of an answer at most: 60, or 120 for a how-to.
    pub words_max: usize,
}

/// Whether an answer is correct: not too long, cites a gold article, and a short gold answer stands in it.
///
/// `None` where the set has no short gold answer to look for, so that nothing can be said.
pub fn is_correct<C: AsRef<str>>(answer: &str, cited: &[C], expected: Expected<'_>) -> Option<bool> {
    let found = holds_short_answer(answer, expected.answers)?;
    let cites_gold = cited.iter().any(|id| expected.gold.iter().any(|gold| gold == id.as_ref()));
    Some(found && cites_gold && word_count(answer) <= expected.words_max)
}

/// Whether any gold answer of at most `SHORT_ANSWER_WORDS_MAX` words stands in `answer`, on word borders.
///
/// `None` when there is no such gold answer (none short, or nothing left of it after normalisation).
pub fn holds_short_answer<G: AsRef<str>>(answer: &str, golds: &[G]) -> Option<bool> {
    let words = normalised_words(answer);
    let short = golds
        .iter()
        .map(AsRef::as_ref)
        .filter(|gold| word_count(gold) <= SHORT_ANSWER_WORDS_MAX)
        .map(normalised_words)
        .filter(|gold| !gold.is_empty());
    short.map(|gold| contains(&words, &gold)).reduce(|one, other| one || other)
}

/// The short gold answers that stand in none of `texts`, on word borders.
pub fn absent_short_answers<'a, T: AsRef<str>>(golds: &'a [String], texts: &[T]) -> Vec<&'a str> {
    let texts: Vec<Vec<String>> = texts.iter().map(|text| normalised_words(text.as_ref())).collect();
    let is_absent = |gold: &&str| {
        let gold = normalised_words(gold);
        !gold.is_empty() && !texts.iter().any(|text| contains(text, &gold))
    };
    golds
        .iter()
        .map(String::as_str)
        .filter(|gold| word_count(gold) <= SHORT_ANSWER_WORDS_MAX)
        .filter(is_absent)
        .collect()
}

/// The share of `support` sentences that stand, whole and on word borders, in one of `texts` (the answer and
/// its quotes). 0 to 1; `None` without a sentence to look for.
pub fn support_recall<S: AsRef<str>, T: AsRef<str>>(support: &[S], texts: &[T]) -> Option<f64> {
    let texts: Vec<Vec<String>> = texts.iter().map(|text| normalised_words(text.as_ref())).collect();
    let sentences: Vec<Vec<String>> =
        support.iter().map(|sentence| normalised_words(sentence.as_ref())).filter(|words| !words.is_empty()).collect();
    let found = sentences.iter().filter(|sentence| texts.iter().any(|text| contains(text, sentence))).count();
    (!sentences.is_empty()).then(|| found as f64 / sentences.len() as f64)
}

/// The best token F1 of an answer against any of the gold answers. 0 to 1; `None` without a gold answer.
///
/// Source: the `SQuAD` 2.0 evaluation script (`compute_f1`): repeated words count as often as both texts have
/// them; where one side has no words, 1 if the other has none either, else 0.
pub fn token_f1<G: AsRef<str>>(answer: &str, golds: &[G]) -> Option<f64> {
    let answer = normalised_words(answer);
    golds.iter().map(|gold| f1(&answer, &normalised_words(gold.as_ref()))).reduce(f64::max)
}

/// How many words a text has: pieces between white space with at least one letter or digit, so that a list
/// marker or a dash is none.
#[must_use]
pub fn word_count(text: &str) -> usize {
    text.split_whitespace().filter(|piece| piece.contains(char::is_alphanumeric)).count()
}

/// The words of a text as `SQuAD` compares them: in lower case, without punctuation and articles.
///
/// Source: the `SQuAD` 2.0 evaluation script (`normalize_answer`). Two additions for texts beyond plain English:
/// Unicode NFKC first (full-width letters, ligatures, no-break spaces), and the punctuation of all languages
/// that the script's ASCII list leaves out, such as curly quotes and dashes. As there, punctuation goes without
/// leaving a gap: `1,000` equals `1000`, and `30-day` is `30day`.
#[must_use]
pub fn normalised_words(text: &str) -> Vec<String> {
    // composed again at the end: lower case and dropped marks can leave what NFKC writes in one
    let plain: String =
        text.nfkc().flat_map(char::to_lowercase).filter(|letter| !is_punctuation(*letter)).nfkc().collect();
    plain.split_whitespace().filter(|word| !matches!(*word, "a" | "an" | "the")).map(str::to_owned).collect()
}

/// ASCII punctuation, and the ranges of it in Unicode that European, Asian and typographic texts use.
fn is_punctuation(letter: char) -> bool {
    letter.is_ascii_punctuation()
        || matches!(
            letter,
            '\u{00a1}' | '\u{00a7}' | '\u{00ab}' | '\u{00b6}' | '\u{00b7}' | '\u{00bb}' | '\u{00bf}'
            | '\u{200b}'..='\u{200d}' | '\u{feff}' // joiners and marks without a width
            | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' // dashes, quotes, bullets, primes
            | '\u{2212}' // minus
            | '\u{060c}' | '\u{061b}' | '\u{061f}' // Arabic
            | '\u{0964}' | '\u{0965}' // Devanagari
            | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' | '\u{30fb}'
        )
}

/// Whether `part` stands in `whole` as a run of words. An empty part stands nowhere.
fn contains(whole: &[String], part: &[String]) -> bool {
    !part.is_empty() && whole.windows(part.len()).any(|window| window == part)
}

fn f1(answer: &[String], gold: &[String]) -> f64 {
    if answer.is_empty() || gold.is_empty() {
        return if answer.len() == gold.len() { 1.0 } else { 0.0 };
    }
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in gold {
        *left.entry(word).or_default() += 1;
    }
    let mut shared = 0;
    for word in answer {
        if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    2.0 * f64::from(shared) / (answer.len() + gold.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, assert_close};
    use proptest::prelude::*;

    fn normalise(text: &str) -> String {
        normalised_words(text).join(" ")
    }

    #[test]
    fn normalises_as_squad_does() {
        assert_eq!(normalise("  The  Cat's (an)   answer: A, b! "), "cats answer b");
        assert_eq!(normalise("$1,000"), "1000");
        assert_eq!(normalise("\u{201c}You\u{2019}re\u{201d}\u{a0}done \u{2013} ﬁne"), "youre done fine");
        assert_eq!(normalise("ＡＢＣ　１２"), "abc 12");
        assert_eq!(normalise("Theatre anthem"), "theatre anthem");
        assert_eq!(normalise("the !"), "");
    }

    #[test]
    fn finds_a_short_answer_on_word_borders_only() {
        assert_eq!(holds_short_answer("It takes 30 days.", &["30 days"]), Some(true));
        assert_eq!(holds_short_answer("It takes 130 days.", &["30 days"]), Some(false));
        assert_eq!(holds_short_answer("Up to 11,000 rows", &["1,000"]), Some(false));
        assert_eq!(holds_short_answer("Up to 1000 rows", &["none", "1,000"]), Some(true));
        assert_eq!(holds_short_answer("Within the 30\n days", &["Within 30 days!"]), Some(true));
    }

    #[test]
    fn looks_only_for_short_answers() {
        let nine = "one two three four five six seven eight nine";
        assert_eq!(holds_short_answer(nine, &[nine]), None);
        assert_eq!(holds_short_answer(nine, &["one two three four five six seven eight"]), Some(true));
        assert_eq!(holds_short_answer(nine, &[nine, "ten"]), Some(false));
        assert_eq!(holds_short_answer("the", &["the", "?"]), None);
        assert_eq!(holds_short_answer("anything", &[""; 0]), None);
    }

    #[test]
    fn is_correct_only_when_short_enough_cited_and_found() {
        let gold = ["a.md".to_owned(), "b.md".to_owned()];
        let answers = ["30 days".to_owned()];
        let expected = Expected { gold: &gold, answers: &answers, words_max: 5 };
        assert_eq!(is_correct("You have 30 days.", &["b.md"], expected), Some(true));
        assert_eq!(is_correct("You have 30 days.", &["c.md"], expected), Some(false));
        assert_eq!(is_correct("You have 30 days.", &[""; 0], expected), Some(false));
        assert_eq!(is_correct("You have 31 days.", &["b.md"], expected), Some(false));
        assert_eq!(is_correct("You now have all of 30 days.", &["b.md"], expected), Some(false));
        let unknown = Expected { answers: &[], ..expected };
        assert_eq!(is_correct("You have 30 days.", &["b.md"], unknown), None);
    }

    #[test]
    fn counts_support_found_in_the_answer_or_a_quote() {
        let support = ["Open the settings.", "Press Save.", "!"];
        assert_eq!(support_recall(&support, &["First open settings", "then press **Save**."]), Some(1.0));
        assert_eq!(support_recall(&support, &["First open settings then press", "Save"]), Some(0.5));
        assert_eq!(support_recall(&support, &[""; 0]), Some(0.0));
        assert_eq!(support_recall(&["?"], &["?"]), None);
    }

    #[test]
    fn scores_token_f1() {
        // shared: cat, sat; 3 words against 4
        assert_close(token_f1("the cat sat down", &["a cat, sat sat on"]).unwrap(), 4.0 / 7.0);
        assert_eq!(token_f1("cat", &["dog", "Cat."]), Some(1.0));
        assert_eq!(token_f1("the", &["a"]), Some(1.0));
        assert_eq!(token_f1("the", &["cat"]), Some(0.0));
        assert_eq!(token_f1("cat", &[""; 0]), None);
    }

    #[test]
    fn counts_words_without_markers() {
        assert_eq!(word_count("- First, press **Save** – then wait 3 s."), 7);
        assert_eq!(word_count(" \n"), 0);
    }

    #[test]
    fn only_short_answers_are_missed() {
        let golds = ["30 days", "40 days", "one two three four five six seven eight nine", "the"].map(str::to_owned);
        assert_eq!(absent_short_answers(&golds, &["It takes", "30 days."]), ["40 days"]);
    }

    #[test]
    fn equals_the_squad_script() {
        for case in fixtures::reference()["squad"].as_array().unwrap() {
            let text = |field: &str| case[field].as_str().unwrap();
            assert_eq!(normalise(text("answer")), text("normalised"));
            assert_close(token_f1(text("answer"), &[text("gold")]).unwrap(), case["f1"].as_f64().unwrap());
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{0,40}") {
            // an article that appears only when punctuation has gone is dropped the first time
            prop_assert_eq!(normalise(&normalise(&text)), normalise(&text));
        }

        #[test]
        fn token_f1_is_symmetric_and_1_for_the_same_text(one in "[a-e ]{0,20}", other in "[a-e ]{0,20}") {
            let (one, other) = (one.as_str(), other.as_str());
            prop_assert_eq!(token_f1(one, &[other]), token_f1(other, &[one]));
            prop_assert_eq!(token_f1(one, &[one]), Some(1.0));
        }

        #[test]
        fn a_run_of_words_is_found_where_it_was_taken(words in prop::collection::vec("[b-z]{1,4}", 1..8), from in 0_usize..8) {
            let from = from.min(words.len() - 1);
            let part = words[from..].join(" ");
            prop_assume!(!normalise(&part).is_empty());
            prop_assert_eq!(holds_short_answer(&words.join(" "), &[part]), Some(true));
        }
    }
}
