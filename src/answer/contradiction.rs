//! Whether another article says the opposite of what a draft stands on: then the customer is not told one of the two by chance.

use std::collections::HashSet;

use crate::answer::Draft;
use crate::answer::evidence::Evidence;
use crate::answer::sentence::Sentence;
use crate::answer::support::{self, Context, Fault};
use crate::index::{Bm25, TermId};
use crate::search::Passage;

/// How far behind the draft's sentence another may be and still answer the same question.
const BEHIND_MAX: f32 = 0.5;
/// The share of terms that two sentences must have in common, and their headings, to speak about the same.
const ALIKE_MIN: f64 = 0.6;

/// Two sentences of which at most one is so.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Contradiction {
    /// What the draft stands on.
    pub said: String,
    /// The article that it is from.
    pub source: String,
    /// What another article says.
    pub otherwise: String,
    /// That article.
    pub other_source: String,
}

/// The sentence of another article that speaks about the same as the draft's best and differs from it in a number, or denies it.
/// Articles that others have replaced contradict nothing.
#[must_use]
pub(super) fn of(bm25: &Bm25, evidence: &Evidence, draft: &Draft) -> Option<Contradiction> {
    let best = draft.best.and_then(|best| evidence.sentences.get(best))?;
    let passages = &evidence.found.passages;
    let (passage, said) = stands(passages, best);
    if passage.is_superseded {
        return None;
    }
    let context = Context::read(said);
    let title = bm25.terms_of(&passage.title);
    let other = evidence.sentences.iter().find(|other| {
        let (other_passage, text) = stands(passages, other);
        other_passage.article != passage.article
            && !other_passage.is_superseded
            && other.score >= best.score - BEHIND_MAX
            && are_alike(&without_numbers(bm25, said), &without_numbers(bm25, text))
            // "Volt 2" and "Volt 3" are two things.
            && numbers(&passage.title) == numbers(&other_passage.title)
            && are_alike(&title, &bm25.terms_of(&other_passage.title))
            && denies(text, &context)
    })?;
    let (other_passage, text) = stands(passages, other);
    Some(Contradiction {
        said: said.to_owned(),
        source: passage.source.clone(),
        otherwise: text.to_owned(),
        other_source: other_passage.source.clone(),
    })
}

fn stands<'a>(passages: &'a [Passage], sentence: &Sentence) -> (&'a Passage, &'a str) {
    let passage = &passages[sentence.rank];
    (passage, &passage.text[sentence.span.clone()])
}

fn has_digit(word: &&str) -> bool {
    word.chars().any(|char| char.is_ascii_digit())
}

fn numbers(text: &str) -> HashSet<&str> {
    text.split_whitespace().filter(has_digit).collect()
}

fn without_numbers(bm25: &Bm25, sentence: &str) -> HashSet<TermId> {
    let words: Vec<&str> = sentence.split_whitespace().filter(|word| !has_digit(word)).collect();
    bm25.terms_of(&words.join(" "))
}

#[expect(clippy::cast_precision_loss, reason = "no sentence has 2^52 terms")]
/// Whether two titles, or sentences without their numbers, are about the same.
pub(super) fn are_alike(one: &HashSet<TermId>, other: &HashSet<TermId>) -> bool {
    let shared = one.intersection(other).count() as f64;
    let all = one.union(other).count() as f64;
    all > 0.0 && shared >= ALIKE_MIN * all
}

fn denies(sentence: &str, context: &Context) -> bool {
    // Without the question: a number that the customer names must not be excused.
    let fault = support::of(sentence, context, "", None).fault;
    matches!(fault, Some(Fault::NumberNotFound | Fault::NumberMisplaced | Fault::Denied | Fault::Opposite))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::evidence::tests::evidence;
    use crate::ids::{ArticleId, Ids};
    use crate::search::tests::passage;

    fn is_contradicted_by(said: (&str, &str), other: (&str, &str), is_superseded: bool) -> bool {
        let bm25 = Bm25::new().unwrap();
        let ids = Ids::counted();
        let mut evidence = evidence("Can I return it after 14 days?");
        for (rank, (title, text)) in [said, other].into_iter().enumerate() {
            let article = ArticleId::new(&ids, 1);
            let is_superseded = is_superseded && rank == 1;
            evidence.found.passages.push(Passage { article, title: title.to_owned(), is_superseded, ..passage(text) });
            evidence.sentences.push(Sentence {
                rank,
                place: 0,
                span: 0..text.len(),
                words: 5,
                terms: Vec::new(),
                cosine: 0.5,
                nearest: Vec::new(),
                score: 1.0,
            });
        }
        of(&bm25, &evidence, &Draft { best: Some(0), ..Draft::default() }).is_some()
    }

    const RETURNS: (&str, &str) = ("Returns", "You can return a bicycle within 30 days.");

    #[test]
    fn another_number_or_a_denial_about_the_same_is_a_contradiction() {
        for other in ["You can return a bicycle within 14 days.", "You cannot return a bicycle within 30 days."] {
            assert!(is_contradicted_by(RETURNS, ("Returns", other), false), "{other}");
        }
    }

    #[test]
    fn the_same_said_again_or_something_else_is_none() {
        for other in [
            ("Returns", "You can return a bicycle within 30 days."),
            ("Returns", "The workshop opens at 9."),
            ("Rental of trailers", "You can return a bicycle within 14 days."),
            ("Returns 2", "You can return a bicycle within 14 days."),
        ] {
            assert!(!is_contradicted_by(RETURNS, other, false), "{other:?}");
        }
    }

    #[test]
    fn an_article_that_was_replaced_contradicts_nothing() {
        assert!(!is_contradicted_by(RETURNS, ("Returns", "You can return a bicycle within 14 days."), true));
    }
}
