//! Whether a sentence relates its words as its span does: "A beat B" has all the words of "B beat A".

use crate::answer::support::align::Span;
use crate::answer::support::words::{Kind, Word};

/// Words that may stand between two that belong together, in the span.
const REACH: usize = 6;

/// Whole pairs that are counted besides those that there are: one broken pair of one says nothing yet.
const PAIRS_MORE: usize = 2;

/// The share of neighbouring words, both of which the span has, that do not follow one another there. [`PAIRS_MORE`] are
/// counted as whole, so that few pairs say little.
///
/// A clause that moves as a whole breaks one pair; two names that change places break up to four.
#[must_use]
pub fn broken_pairs(sentence: &[Word], span: &Span) -> f64 {
    let (mut pairs, mut broken) = (0_usize, 0_usize);
    for (first, second) in neighbours(sentence, span) {
        pairs += 1;
        broken += usize::from(!stand_in_order(sentence, span, first, second));
    }
    broken as f64 / (pairs + PAIRS_MORE) as f64
}

/// The share of pairs of a name or a number with the word beside it, both of which the span has, that do not follow one another there.
#[must_use]
pub fn broken_anchors(sentence: &[Word], span: &Span) -> f64 {
    let is_anchor = |place: usize| matches!(sentence[place].kind, Kind::Name | Kind::Number | Kind::Code);
    let (mut pairs, mut broken) = (0_usize, 0_usize);
    for (first, second) in neighbours(sentence, span).filter(|(first, second)| is_anchor(*first) != is_anchor(*second))
    {
        pairs += 1;
        broken += usize::from(!stand_in_order(sentence, span, first, second));
    }
    broken as f64 / (pairs + PAIRS_MORE) as f64
}

/// Pairs of aligned words of the sentence between which no other word carries a fact.
fn neighbours(sentence: &[Word], span: &Span) -> impl Iterator<Item = (usize, usize)> {
    let carrying: Vec<usize> = (0..sentence.len()).filter(|place| sentence[*place].weight() > 0.0).collect();
    let both = |pair: &[usize]| pair.iter().all(|place| span.aligned[*place].is_some());
    let pairs: Vec<(usize, usize)> = carrying
        .windows(2)
        .filter(|pair| both(pair) && !sentence[pair[0] + 1..=pair[1]].iter().any(|word| word.after_break))
        .map(|pair| (pair[0], pair[1]))
        .collect();
    pairs.into_iter()
}

/// Whether somewhere in the span a word like the second follows one like the first at most [`REACH`] words later, or as many as in the sentence; or stands before
/// it where one of the two is said in the passive ("Y was made by X" for "X made Y").
fn stand_in_order(sentence: &[Word], span: &Span, first: usize, second: usize) -> bool {
    let places = |place: usize| {
        span.words.iter().enumerate().filter(move |(_, word)| sentence[place].is_like(word)).map(|(place, _)| place)
    };
    let turns = has_passive_between(sentence, first, second);
    let reach = REACH.max(second - first);
    places(first).any(|one| {
        places(second).any(|other| {
            let follows = other > one && other - one <= reach;
            let turned = one > other && one - other <= reach;
            follows || turned && (turns != has_passive_between(&span.words, other, one))
        })
    })
}

/// Whether the words say who did it behind what was done ("bought by"), or end in what was done ("was returned").
fn has_passive_between(words: &[Word], first: usize, second: usize) -> bool {
    let between = &words[first..=second];
    let has = |known: &[&str]| between.iter().any(|word| known.contains(&word.text.as_str()));
    let ends_done = words[second].text.ends_with("ed") || words[second].text.ends_with("en");
    has(&["by", "of", "von", "durch", "par", "por"])
        || ends_done && has(&["be", "is", "are", "was", "were", "been", "being"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::support::align::Context;
    use crate::answer::support::words::words;

    fn broken(passage: &str, sentence: &str) -> f64 {
        let sentence = words(sentence);
        broken_anchors(&sentence, &Context::read(passage).span(&sentence))
    }

    #[test]
    fn two_names_that_change_places_break_what_stands_beside_them() {
        let passage = "In 1066 the army of Harold lost the battle of Hastings against the army of William.";
        assert!(broken(passage, "In 1066 the army of Harold lost the battle of Hastings.") < 0.1);
        assert!(broken(passage, "The army of Harold lost, in 1066, the battle of Hastings.") < 0.3);
        let passage = "The old duke Robert defeated the young king Harold.";
        assert!(broken(passage, "The old duke Harold defeated the young king Robert.") > 0.3);
        assert!(broken(passage, "The young king Harold was defeated by the old duke Robert.") < 0.4);
    }
}
