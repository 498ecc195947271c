//! Which words of a sentence its passages carry by their meaning alone: "happens" where they say "occurs".
//!
//! Each word's vector is compared with the nearest of the passages' words (MaxSim: Khattab and Zaharia, "ColBERT", SIGIR 2020). Vectors
//! know what a word is about and not what it says of it: "Athens" lies beside "Greece", "larger" beside "smaller". So names, numbers, units,
//! negations and what they deny, words for how many and how surely, and known opposites are carried by no vector; and a word of the
//! passages that the sentence has itself stands for that one and for no second.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::answer::sentence::dot;
use crate::answer::support::words::{Kind, Word, words};
use crate::answer::support::{contrasts, function_words, polarity};
use crate::inference::QuestionEmbedding;
use crate::inference::token_projection::unit;

/// Cosines up to the first say nothing, from the second on a word is carried as well as a vector can tell. Of 1,339 words that an added claim
/// on squad2-dev has and its context has not, 97 of 100 lie below 0.62; words that mean the same lie from 0.69 to 0.9. That is
/// so with the projection that was fitted to the default model; with a random one, for other models, vectors are not asked.
const COSINE_MIN: f32 = 0.65;
const COSINE_FULL: f32 = 0.8;

/// What a vector can tell at most: a sentence that has not one word of its passages is not carried by them.
const CARRIED_MAX: f64 = 0.8;

/// For words that a sentence has and its passages have not, the words of the passages that mean the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carried {
    /// By the word's text in lower case: the texts of the others, each with how well it carries the word, 0 to 1.
    others: HashMap<String, Vec<(String, f64)>>,
}

impl Carried {
    /// How well a word is carried by those of the others that `stand` where it is looked for: 0 not at all.
    #[must_use]
    pub fn share(&self, word: &str, stand: impl Fn(&str) -> bool) -> f64 {
        let others = self.others.get(word).into_iter().flatten();
        others.filter(|(other, _)| stand(other)).map(|(_, share)| *share).fold(0.0, f64::max)
    }
}

/// The words of a text that another may be said for, each with its vector.
#[derive(Clone, Debug, Default)]
pub struct Meanings {
    words: Vec<(Word, Vec<f32>)>,
}

impl Meanings {
    /// Reads a text of which there are `vectors` of length 1 for the words at `spans`.
    #[must_use]
    pub fn of_passage(text: &str, spans: &[Range<usize>], vectors: &[Vec<f32>]) -> Self {
        Self::of(text, spans.iter().cloned().zip(vectors.iter().cloned()))
    }

    /// Reads a sentence that was embedded as questions are: what a word's tokens say together.
    #[must_use]
    pub fn of_sentence(text: &str, embedding: &QuestionEmbedding) -> Self {
        let mut summed: Vec<(Range<usize>, Vec<f32>)> = Vec::new();
        for token in &embedding.tokens {
            match summed.last_mut() {
                Some((word, sum)) if *word == token.word => {
                    sum.iter_mut().zip(&token.vector).for_each(|(sum, float)| *sum += float);
                }
                _ => summed.push((token.word.clone(), token.vector.clone())),
            }
        }
        Self::of(text, summed.into_iter().map(|(word, sum)| (word, unit(sum))))
    }

    fn of(text: &str, vectors: impl Iterator<Item = (Range<usize>, Vec<f32>)>) -> Self {
        // What is a name or denied can be told from the whole text only.
        let read = words(text);
        let is_kept = |place: &usize| !may_be_reworded(&read[*place]) || polarity::may_be_denied(&read, *place);
        let kept: HashSet<&str> = (0..read.len()).filter(is_kept).map(|place| read[place].text.as_str()).collect();
        let word = |(span, vector): (Range<usize>, Vec<f32>)| {
            let mut words = words(text.get(span)?);
            let word = words.pop().filter(|word| words.is_empty() && !kept.contains(word.text.as_str()))?;
            may_be_reworded(&word).then_some((word, vector))
        };
        Self { words: vectors.filter_map(word).collect() }
    }
}

/// What of `passages` carries the words of `sentence` that none of them has.
#[must_use]
pub fn carried(sentence: &Meanings, passages: &[&Meanings]) -> Carried {
    let all = || passages.iter().flat_map(|passage| &passage.words);
    // A word of the passages that the sentence has itself is taken.
    let is_free = |other: &Word| !sentence.words.iter().any(|(word, _)| word.is_like(other));
    let free: Vec<&(Word, Vec<f32>)> = all().filter(|(other, _)| is_free(other)).collect();
    let mut carried = Carried::default();
    for (word, vector) in sentence.words.iter().filter(|(word, _)| !all().any(|(other, _)| word.is_like(other))) {
        let mut near: Vec<(&Word, f32)> = free.iter().map(|(other, near)| (other, dot(vector, near))).collect();
        near.retain(|(_, cosine)| *cosine > COSINE_MIN);
        // Opposites lie nearest of all. Where there is one, no second word says that the first is not meant.
        if near.iter().any(|(other, _)| are_opposed(word, other)) {
            continue;
        }
        let share =
            |cosine: f32| f64::from(((cosine - COSINE_MIN) / (COSINE_FULL - COSINE_MIN)).min(1.0)) * CARRIED_MAX;
        for (other, cosine) in near {
            carried.others.entry(word.text.clone()).or_default().push((other.text.clone(), share(cosine)));
        }
    }
    carried
}

/// Whether a word may stand for another that means the same. Names, numbers and codes may not, nor what turns or bounds a statement.
fn may_be_reworded(word: &Word) -> bool {
    word.kind == Kind::Content
        && !function_words::is_unit(&word.stem)
        && !polarity::is_negation(&word.text)
        && !contrasts::is_universal(&word.text)
        && !contrasts::is_hedge(&word.text)
        && !contrasts::is_limit(&word.text)
}

fn are_opposed(one: &Word, other: &Word) -> bool {
    contrasts::are_often_opposite(&one.stem, &other.stem) || contrasts::is_negated(&one.stem, &other.stem)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::inference::QuestionToken;

    /// Words that others carry fully.
    pub(in crate::answer) fn carrying(pairs: &[(&str, &str)]) -> Carried {
        let pair = |(word, other): &(&str, &str)| ((*word).to_owned(), vec![((*other).to_owned(), 1.0)]);
        Carried { others: pairs.iter().map(pair).collect() }
    }

    /// A text whose words have vectors of this angle in degrees, in their order.
    fn meanings(text: &str, angles: &[f32]) -> Meanings {
        let spans: Vec<Range<usize>> = text
            .split(' ')
            .scan(0, |start, word| {
                let span = *start..*start + word.len();
                *start = span.end + 1;
                Some(span)
            })
            .collect();
        assert_eq!(spans.len(), angles.len());
        let vectors: Vec<Vec<f32>> = angles.iter().map(|angle| vector(*angle)).collect();
        Meanings::of_passage(text, &spans, &vectors)
    }

    fn vector(angle: f32) -> Vec<f32> {
        vec![angle.to_radians().cos(), angle.to_radians().sin()]
    }

    #[test]
    fn a_word_near_one_of_the_passages_is_carried_where_that_one_stands() {
        let passage = meanings("A return costs nothing", &[170.0, 10.0, 120.0, 60.0]);
        let sentence = meanings("A refund is gratis today", &[170.0, 12.0, 170.0, 65.0, 250.0]);
        let carried = carried(&sentence, &[&passage]);
        let anywhere = |word: &str| carried.share(word, |_| true);
        assert!((anywhere("refund") - CARRIED_MAX).abs() < 1e-9 && anywhere("gratis") > 0.7, "{carried:?}");
        assert!(anywhere("today").abs() < 1e-9);
        assert!(carried.share("refund", |other| other == "costs").abs() < 1e-9);
    }

    #[test]
    fn a_word_that_the_sentence_has_itself_stands_for_no_second_one() {
        let passage = meanings("The bike has a lock", &[200.0, 10.0, 200.0, 200.0, 90.0]);
        let sentence = meanings("The bike has a wheel", &[200.0, 10.0, 200.0, 200.0, 12.0]);
        assert!(carried(&sentence, &[&passage]).share("wheel", |_| true).abs() < 1e-9);
    }

    #[test]
    fn names_numbers_units_opposites_and_words_for_how_many_are_carried_by_no_vector() {
        let passage = meanings(
            "We send some bikes to Lisbon for 30 days",
            &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0],
        );
        for (sentence, word, angle) in [
            ("We ride to Madrid", "madrid", 100.0),
            ("We ride for 45", "45", 140.0),
            ("We ride for weeks", "weeks", 160.0),
            ("We ride or receive", "receive", 20.0),
            ("We ride with nobody", "nobody", 20.0),
            ("We ride and lack", "lack", 20.0),
            ("We would not dispatch", "dispatch", 20.0),
        ] {
            let carried = carried(&meanings(sentence, &[0.0, 250.0, 300.0, angle]), &[&passage]);
            assert!(carried.share(word, |_| true).abs() < 1e-9, "{sentence} {carried:?}");
        }
        let sentence = meanings("We ride or dispatch", &[0.0, 250.0, 300.0, 20.0]);
        assert!(carried(&sentence, &[&passage]).share("dispatch", |_| true) > 0.5);
    }

    #[test]
    fn the_tokens_of_a_word_are_read_together() {
        let token = |angle: f32, word: Range<usize>| QuestionToken { vector: vector(angle), word };
        let tokens = vec![token(0.0, 0..6), token(40.0, 0..6), token(90.0, 7..13)];
        let read = Meanings::of_sentence("regift parcel", &QuestionEmbedding { dense: Vec::new(), tokens });
        assert_eq!(read.words.len(), 2);
        assert!((dot(&read.words[0].1, &vector(20.0)) - 1.0).abs() < 1e-5, "{read:?}");
    }

    #[test]
    fn nothing_is_carried_by_no_vectors() {
        let sentence = meanings("A refund", &[170.0, 12.0]);
        assert_eq!(carried(&sentence, &[]), carried(&Meanings::default(), &[&sentence]));
    }
}
