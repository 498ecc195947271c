//! Numbers: that they stand in the passages, and that they count the same there.

use crate::answer::support::align::{Context, Span};
use crate::answer::support::function_words::{is_same_unit, is_unit};
use crate::answer::support::words::{Kind, Word};

/// Words between a number and its unit: "30 whole days".
const UNIT_REACH: usize = 2;

/// What is wrong with the numbers of a sentence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Neither the context nor the question has them.
    pub missing: usize,
    /// They stand elsewhere in the context, not where the sentence does.
    pub elsewhere: usize,
    /// They count another unit there.
    pub other_unit: usize,
}

/// Compares the numbers and codes of a sentence with its span, the context and the question.
#[must_use]
pub fn compare(sentence: &[Word], span: &Span, context: &Context, question: &[Word]) -> Numbers {
    let mut numbers = Numbers::default();
    for (place, word) in sentence.iter().enumerate() {
        if !matches!(word.kind, Kind::Number | Kind::Code) || question.iter().any(|asked| asked.stem == word.stem) {
            continue;
        }
        if !context.has(word) {
            numbers.missing += 1;
        } else if !span.words.iter().any(|other| other.stem == word.stem) {
            numbers.elsewhere += 1;
        } else {
            let units = units_at(sentence, place);
            let same = span.words.iter().enumerate().filter(|(_, other)| other.stem == word.stem);
            // A number without a unit may leave it to its sentence ("from 20 to 30 days").
            let agrees = |others: Vec<&str>| {
                others.is_empty() || units.iter().all(|unit| others.iter().any(|other| is_same_unit(unit, other)))
            };
            numbers.other_unit += usize::from(!same.map(|(place, _)| units_at(&span.words, place)).any(agrees));
        }
    }
    numbers
}

/// The units of the number at `place`, of the words right after it: "1.2 dollar million" has two.
fn units_at(words: &[Word], place: usize) -> Vec<&str> {
    let after = words.iter().skip(place + 1).take(UNIT_REACH).take_while(|word| !word.after_break);
    after.map(|word| word.stem.as_str()).filter(|stem| is_unit(stem)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::support::words::words;

    #[test]
    fn a_number_must_stand_there_and_count_the_same() {
        let passage = "A return is free within 30 days. The fee is €1,500 at most, or 20%. It charges in 2 to 4 hours.";
        for (sentence, expected) in [
            ("A return is free within 30 days.", (0, 0, 0)),
            ("A return is free within 45 days.", (1, 0, 0)),
            ("A return is free within 30 weeks.", (0, 0, 1)),
            ("A return is free within a 30-day period, after 12 days too.", (0, 0, 0)),
            ("The fee is 1500 euros at most.", (0, 0, 0)),
            ("The fee is $1,500 at most.", (0, 0, 1)),
            ("The fee is 20 percent.", (0, 0, 0)),
            ("The fee is €1,500 million at most.", (0, 0, 1)),
            ("It charges in four hours.", (0, 0, 0)),
            ("A return is free.", (0, 0, 0)),
        ] {
            let (sentence_words, context) = (words(sentence), Context::read(passage));
            let span = context.span(&sentence_words);
            let numbers = compare(&sentence_words, &span, &context, &words("Can I return it after 12 days?"));
            assert_eq!((numbers.missing, numbers.elsewhere, numbers.other_unit), expected, "{sentence}");
        }
    }
}
