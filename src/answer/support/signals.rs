//! What speaks against a sentence, each as a number from 0 to 1.

use crate::answer::support::Carried;
use crate::answer::support::align::{Context, Span, weight};
use crate::answer::support::words::{Kind, Word};
use crate::answer::support::{amounts, polarity, relations};

/// What the signals are called, in the order of [`of`].
pub const NAMES: [&str; 16] = [
    "uncovered",
    "uncovered_anywhere",
    "uncovered_clause",
    "uncovered_run",
    "number_missing",
    "number_elsewhere",
    "other_unit",
    "name_missing",
    "name_elsewhere",
    "denied",
    "opposite",
    "generalised",
    "universal",
    "limit_lost",
    "broken_pairs",
    "broken_anchors",
];

/// One value for each of [`NAMES`].
pub type Signals = [f64; NAMES.len()];

/// What a word counts for that does not stand in this place of the passages; in none of them, where none is given.
type Missing<'a> = &'a dyn Fn(&Word, Option<&Span>) -> f64;

/// Words of a clause that may be looked up by itself.
const CLAUSE_WEIGHT_MIN: f64 = 3.0;

/// A run of words that the span has not counts fully from this weight on.
const RUN_WEIGHT_MAX: f64 = 6.0;

/// What speaks against `sentence`, given the words of the question, which may be repeated.
#[must_use]
pub fn of(sentence: &[Word], context: &Context, question: &[Word], carried: Option<&Carried>) -> Signals {
    let span = context.span(sentence);
    let numbers = amounts::compare(sentence, &span, context, question);
    let asked = |word: &Word| question.iter().any(|asked| word.is_like(asked));
    let names = |found: &dyn Fn(&Word) -> bool| {
        sentence.iter().any(|word| word.kind == Kind::Name && !asked(word) && found(word))
    };
    let in_span = |word: &Word| span.words.iter().any(|other| word.is_like(other));
    let total = weight(sentence).max(1.0);
    // What was asked may be said again: "Yes, you can return it after 12 days."
    let missing = |word: &Word, place: Option<&Span>| {
        let stands = |other: &str| place.is_none_or(|span| span.words.iter().any(|word| word.text == other));
        // Vectors say nothing of names and numbers.
        let carried = carried.filter(|_| word.kind == Kind::Content);
        let by_meaning = carried.map_or(0.0, |carried| carried.share(&word.text, stands));
        if asked(word) { 0.0 } else { word.weight() * (1.0 - by_meaning) }
    };
    let anywhere: f64 = sentence.iter().filter(|word| !context.has(word)).map(|word| missing(word, None)).sum();
    let flag = |is: bool| f64::from(u8::from(is));
    [
        uncovered(sentence, &span, &missing),
        anywhere / total,
        clauses(sentence).map(|clause| uncovered(clause, &context.span(clause), &missing)).fold(0.0, f64::max),
        (longest_run(sentence, &span, &missing) / RUN_WEIGHT_MAX).min(1.0),
        flag(numbers.missing > 0),
        flag(numbers.elsewhere > 0),
        flag(numbers.other_unit > 0),
        flag(names(&|word| !context.has(word))),
        flag(names(&|word| context.has(word) && !in_span(word))),
        // Who denies and says the opposite says the same: "not enabled" and "disabled".
        flag(polarity::denials(sentence, &span) > 0 && polarity::opposites(sentence, &span) == 0),
        flag(polarity::opposites(sentence, &span) > 0 && polarity::denials(sentence, &span) == 0),
        flag(polarity::generalises(sentence, &span)),
        flag(polarity::universals(sentence, &span) > 0),
        flag(polarity::limits_lost(sentence, &span) > 0),
        relations::broken_pairs(sentence, &span),
        relations::broken_anchors(sentence, &span),
    ]
}

/// The share of what `sentence` carries that does not stand in `span`.
fn uncovered(sentence: &[Word], span: &Span, missing: Missing) -> f64 {
    let not_there = sentence.iter().zip(&span.aligned).filter(|(_, aligned)| aligned.is_none());
    not_there.map(|(word, _)| missing(word, Some(span))).sum::<f64>() / weight(sentence).max(1.0)
}

/// The parts between commas, and before and after "and" or "but", that say enough to be looked up by themselves.
fn clauses(sentence: &[Word]) -> impl Iterator<Item = &[Word]> {
    let mut borders = vec![0];
    for (place, word) in sentence.iter().enumerate().skip(1) {
        let joins = matches!(word.text.as_str(), "and" | "but" | "und" | "aber" | "et" | "mais" | "y" | "pero");
        if word.after_break || joins {
            borders.push(place);
        }
    }
    borders.push(sentence.len());
    let clauses: Vec<&[Word]> = borders.windows(2).map(|pair| &sentence[pair[0]..pair[1]]).collect();
    clauses.into_iter().filter(|clause| weight(clause) >= CLAUSE_WEIGHT_MIN)
}

/// The weight of the longest run of words that the span has not.
fn longest_run(sentence: &[Word], span: &Span, missing: Missing) -> f64 {
    let (mut longest, mut run) = (0.0_f64, 0.0_f64);
    for (word, aligned) in sentence.iter().zip(&span.aligned).filter(|(word, _)| word.weight() > 0.0) {
        run = if aligned.is_some() { 0.0 } else { run + missing(word, Some(span)) };
        longest = longest.max(run);
    }
    longest
}
