//! The sentence of an article that answers a question, with what stands around it.

use std::collections::HashSet;
use std::ops::Range;

use candor::knowledge::sentences;

use crate::labelled::scene::Source;

/// Words of a sentence that an answer is made of.
const WORDS: std::ops::RangeInclusive<usize> = 6..=45;

/// Sentences of the context before and after it.
const AROUND: usize = 8;

/// What a set says about a question.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub question: &'a str,
    pub answers: &'a [String],
    pub support: &'a [String],
    pub group: &'a str,
}

/// The first sentence of `article` that holds one of the answers, or is one of those that support them; `None` where there is none that
/// can be read alone, or it is among `taken`, to which it is added.
pub fn source(article: &str, asked: Asked, taken: &mut HashSet<String>) -> Option<Source> {
    let spans = sentences::split(article);
    let answers: Vec<String> = asked.answers.iter().map(|answer| folded(answer)).collect();
    let support: Vec<String> = asked.support.iter().map(|sentence| folded(sentence)).collect();
    let is_support = |sentence: &str| support.iter().any(|other| other == sentence);
    let holds = |sentence: &str| answers.iter().any(|answer| has_words(sentence, answer));
    let rank = |place: &usize| {
        let sentence = folded(&article[spans[*place].clone()]);
        (is_support(&sentence) && holds(&sentence)).then_some(0).or_else(|| holds(&sentence).then_some(1))
    };
    let place = (0..spans.len())
        .filter(|place| is_readable(&article[spans[*place].clone()]))
        .filter_map(|place| rank(&place).map(|rank| (rank, place)))
        .min()?
        .1;
    let context = around(article, &spans, place);
    let sentence = article[spans[place].clone()].to_owned();
    if !taken.insert(format!("{}\n{sentence}", asked.group)) {
        return None;
    }
    let next = spans.get(place + 1).filter(|next| next.start.saturating_sub(spans[place].end) <= 1);
    let next = next.map(|span| article[span.clone()].to_owned()).filter(|next| is_readable(next));
    Some(Source { context, question: asked.question.to_owned(), sentence, next, group: asked.group.to_owned() })
}

fn around(article: &str, spans: &[Range<usize>], place: usize) -> String {
    let first = &spans[place.saturating_sub(AROUND)];
    let last = &spans[(place + AROUND).min(spans.len() - 1)];
    article[first.start..last.end].to_owned()
}

/// Whether it is a whole sentence of a usual length.
fn is_readable(sentence: &str) -> bool {
    WORDS.contains(&sentence.split_whitespace().count())
        && sentence.ends_with('.')
        && sentence.starts_with(char::is_uppercase)
        && sentence.matches('"').count().is_multiple_of(2)
        && !sentence.contains("://")
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Whether `text` has `words` between its words' borders.
fn has_words(text: &str, words: &str) -> bool {
    let is_border = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
    !words.is_empty()
        && text.match_indices(words).any(|(place, _)| {
            is_border(text[..place].chars().next_back()) && is_border(text[place + words.len()..].chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_that_holds_the_answer_is_taken_once() {
        let article =
            "# Returns\n\nA return is free for all customers. You have 30 days to send the bike back. Ask us first.";
        let answers = ["30 days".to_owned()];
        let asked = Asked { question: "How long?", answers: &answers, support: &[], group: "a" };
        let mut taken = HashSet::new();
        let found = source(article, asked, &mut taken).unwrap();
        assert_eq!(found.sentence, "You have 30 days to send the bike back.");
        assert!(found.context.contains("A return is free"));
        assert_eq!(source(article, asked, &mut taken), None);
        assert!(!has_words("130 days", "30 days") && has_words("in 30 days.", "30 days"));
    }
}
