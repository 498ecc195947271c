//! Whether a sentence denies what its passage says, or says what it denies; says its opposite; or leaves out its conditions.

use crate::answer::support::align::Span;
use crate::answer::support::contrasts;
use crate::answer::support::words::{Kind, Word};

/// Words that deny what follows, in English, German, French and Spanish. Not "ne", which French puts beside one of them, and not
/// "nothing", which denies what is before it.
const NEGATIONS: [&str; 29] = [
    "not", "no", "never", "without", "nor", "neither", "cannot", "unable", "fail", "fails", "failed", "lack", "lacks",
    "lacked", "hardly", "nicht", "kein", "keine", "keinen", "keiner", "nie", "niemals", "ohne", "pas", "jamais",
    "sans", "sin", "nunca", "nadie",
];

/// Words between a negation and what it denies.
const REACH: usize = 4;

/// Whether a word in lower case denies.
#[must_use]
pub fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word)
}

/// Whether the word at `place` denies. "No. 13" does not.
fn denies(words: &[Word], place: usize) -> bool {
    let is_number_sign =
        || words[place].text == "no" && words.get(place + 1).is_some_and(|next| next.kind == Kind::Number);
    is_negation(&words[place].text) && !is_number_sign()
}

/// Whether the word at `place` is denied: a negation stands at most [`REACH`] words before it, with no comma between and not
/// more than one other word that carries a fact.
fn is_denied(words: &[Word], place: usize) -> bool {
    let mut carried = 0;
    for before in (place.saturating_sub(REACH)..place).rev() {
        if words[before + 1].after_break {
            return false;
        }
        if denies(words, before) {
            return true;
        }
        carried += u32::from(words[before].weight() > 0.0);
        if carried > 1 {
            return false;
        }
    }
    false
}

/// What the negation at `place` denies: the first word after it that carries a fact, else the last before it ("it works not"), as far as
/// no comma or bracket stands between.
fn denied_by(words: &[Word], place: usize) -> Option<usize> {
    let carries = |place: &usize| words[*place].weight() > 0.0;
    let end = (place + 1..words.len().min(place + 1 + REACH)).find(|next| words[*next].after_break);
    let after = (place + 1..end.unwrap_or(words.len().min(place + 1 + REACH))).find(carries);
    let start = (0..=place).rev().find(|before| words[*before].after_break).unwrap_or(0);
    after.or_else(|| (start..place).rev().find(carries))
}

/// The places of the words that are denied, one for each negation.
fn denied_places(words: &[Word]) -> Vec<usize> {
    (0..words.len()).filter(|place| denies(words, *place)).filter_map(|place| denied_by(words, place)).collect()
}

/// Whether a negation may be about the word at `place`.
#[must_use]
pub fn may_be_denied(words: &[Word], place: usize) -> bool {
    is_denied(words, place) || denied_behind(words, place) || denied_places(words).contains(&place)
}

/// How often a sentence denies what its span says or says what it denies.
#[must_use]
pub fn denials(sentence: &[Word], span: &Span) -> usize {
    let (here, there) = (denied_places(sentence), denied_places(&span.words));
    // Any word like it will do: "what it can and cannot do".
    let also = |word: &Word, words: &[Word], denied: &[usize]| {
        let like = |place: &usize| words[*place].is_like(word);
        (0..words.len())
            .filter(like)
            .any(|place| denied.contains(&place) || is_denied(words, place) || denied_behind(words, place))
    };
    let only_here = here.iter().filter(|place| span.aligned[**place].is_some());
    let only_there = there.iter().filter(|place| span.aligned.contains(&Some(**place)));
    only_here.filter(|place| !also(&sentence[**place], &span.words, &there)).count()
        + only_there.filter(|place| !also(&span.words[**place], sentence, &here)).count()
}

/// Whether a negation stands right behind the word, as German and French put it.
fn denied_behind(words: &[Word], place: usize) -> bool {
    (place + 1..words.len().min(place + 3)).any(|behind| denies(words, behind))
}

/// Words between one that is aligned and an opposite that stands in the place of another.
const OPPOSITE_REACH: usize = 4;

/// How many words of a sentence stand where the span has their opposite, which the sentence has nowhere.
#[must_use]
pub fn opposites(sentence: &[Word], span: &Span) -> usize {
    let has = |words: &[Word], stem: &str| words.iter().any(|other| other.stem == stem);
    let is_opposite = |place: &usize| {
        let word = &sentence[*place];
        let beside = place.saturating_sub(OPPOSITE_REACH)..sentence.len().min(place + OPPOSITE_REACH + 1);
        let beside: Vec<usize> = span.aligned[beside].iter().flatten().copied().collect();
        !has(&span.words, &word.stem)
            && span.words.iter().enumerate().any(|(there, other)| {
                contrasts::are_opposite(&word.stem, &other.stem)
                    && !has(sentence, &other.stem)
                    && beside.iter().any(|near| near.abs_diff(there) <= OPPOSITE_REACH)
            })
    };
    (0..sentence.len()).filter(is_opposite).count()
}

/// Whether a sentence leaves no case out where its span does: it has a word such as "all" that the span has not, and the span one
/// such as "some" that it has not.
#[must_use]
pub fn generalises(sentence: &[Word], span: &Span) -> bool {
    let added =
        |word: &&Word| contrasts::is_universal(&word.text) && !span.words.iter().any(|other| other.text == word.text);
    sentence.iter().any(|word| added(&word)) && lost(sentence, span).any(|word| contrasts::is_hedge(&word.text))
}

/// How many words of a sentence leave no case out without its span saying so.
#[must_use]
pub fn universals(sentence: &[Word], span: &Span) -> usize {
    let has = |word: &Word| span.words.iter().any(|other| other.text == word.text);
    sentence.iter().filter(|word| contrasts::is_universal(&word.text) && !is_negation(&word.text) && !has(word)).count()
}

/// How many words that limit what is said stand in the part of the span that the sentence repeats, or right after it, and not in the
/// sentence.
#[must_use]
pub fn limits_lost(sentence: &[Word], span: &Span) -> usize {
    lost(sentence, span).filter(|word| contrasts::is_limit(&word.text)).count()
}

/// The words of the part of the span that the sentence repeats, and a little beyond it, that the sentence has not.
fn lost<'a>(sentence: &'a [Word], span: &'a Span) -> impl Iterator<Item = &'a Word> {
    let aligned = || span.aligned.iter().flatten();
    let first = aligned().min().copied().unwrap_or(0).saturating_sub(2);
    let end = aligned().max().map_or(0, |last| (last + 3).min(span.words.len()));
    span.words[first.min(end)..end].iter().filter(|word| !sentence.iter().any(|other| other.text == word.text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::support::align::Context;
    use crate::answer::support::words::words;

    fn of<T>(check: impl Fn(&[Word], &Span) -> T, passage: &str, sentence: &str) -> T {
        let sentence = words(sentence);
        check(&sentence, &Context::read(passage).span(&sentence))
    }

    #[test]
    fn a_negation_more_or_less_is_a_denial_and_another_wording_of_it_is_none() {
        for (passage, sentence, expected) in [
            ("You can return the bike.", "You cannot return the bike.", true),
            ("You can't return the bike.", "You can return the bike.", true),
            ("You can't return the bike.", "It is not possible that you return the bike.", false),
            ("It works without a key.", "It works with a key.", true),
            ("It does not work.", "It never works.", false),
            ("Das Rad ist nicht versichert.", "Das Rad ist versichert.", true),
            ("Le vélo n'est pas assuré.", "Le vélo est assuré.", true),
            ("La bicicleta funciona sin llave.", "La bicicleta funciona con llave.", true),
        ] {
            assert_eq!(of(denials, passage, sentence) > 0, expected, "{passage} {sentence}");
        }
    }

    #[test]
    fn an_opposite_is_one_only_in_the_place_of_the_other() {
        assert_eq!(of(opposites, "The light is enabled.", "The light is disabled."), 1);
        assert_eq!(of(opposites, "The light is enabled.", "The light is enabled."), 0);
        assert_eq!(of(opposites, "Enable or disable the light.", "Disable the light."), 0);
    }

    #[test]
    fn some_is_not_all() {
        assert!(of(generalises, "Some bikes have a lock.", "All bikes have a lock."));
        assert!(!of(generalises, "All bikes have a lock.", "All bikes have a lock."));
        assert_eq!(of(limits_lost, "A return is free if the bike is new.", "A return of the new bike is free."), 1);
    }
}
