//! What the confidence is computed from: signals without a scale of their own, so that they mean the same in a workspace of
//! ten articles and in one of ten thousand.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::answer::Draft;
use crate::index::{Bm25, TermId};
use crate::search::{Found, Passage, share};

/// Passages whose words together count as the evidence.
const EVIDENCE_PASSAGES: usize = 3;

/// The signals of one draft, by name.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Features(pub Vec<f64>);

impl Features {
    /// The signals' names, in the order of their values.
    pub const NAMES: [&str; 14] = [
        "cosine",
        "cosine_margin",
        "bm25",
        "bm25_margin",
        "rankings_agree",
        "passage_coverage",
        "evidence_coverage",
        "answer_coverage",
        "sentence_coverage",
        "unknown_terms",
        "numbers_found",
        "names_found",
        "question_terms",
        "evidence_agreement",
    ];

    /// The signals of `draft`.
    #[must_use]
    pub fn of(bm25: &Bm25, question: &str, found: &Found, draft: &Draft) -> Self {
        let Some(answered_from) = found.passages.get(draft.passage_rank) else {
            return Self(vec![0.0; Self::NAMES.len()]);
        };
        let terms = |passage: &Passage| bm25.document(&passage.text).ids;
        let passage_terms = terms(answered_from);
        let evidence: HashSet<TermId> = found.passages.iter().take(EVIDENCE_PASSAGES).flat_map(terms).collect();
        let evidence: Vec<TermId> = evidence.into_iter().collect();
        let mut evidence_text = String::new();
        for passage in found.passages.iter().take(EVIDENCE_PASSAGES) {
            let _ = writeln!(evidence_text, "{} {}", passage.title, passage.text);
        }
        let by_cosine = Ranking::by(&found.passages, |passage| passage.signals.cosine);
        let by_bm25 = Ranking::by(&found.passages, |passage| passage.signals.bm25);
        let same_article =
            found.passages.iter().take(EVIDENCE_PASSAGES).filter(|passage| passage.article == answered_from.article);
        Self(vec![
            f64::from(answered_from.signals.cosine),
            by_cosine.margin,
            f64::from(answered_from.signals.bm25),
            by_bm25.margin,
            f64::from(u8::from(by_cosine.first == by_bm25.first)),
            f64::from(found.terms.covered_by(&passage_terms)),
            f64::from(found.terms.covered_by(&evidence)),
            f64::from(found.terms.covered_by(&bm25.document(&draft.text).ids)),
            f64::from(draft.best_sentence_coverage),
            f64::from(found.terms.unknown_share()),
            found_share(&numbers(question), &evidence_text),
            found_share(&names(question), &evidence_text),
            f64::from(u32::try_from(found.terms.idf.len()).unwrap_or(u32::MAX)).ln_1p(),
            f64::from(u32::try_from(same_article.count()).unwrap_or(0)) / 3.0,
        ])
    }
}

/// The first article of a ranking and how far it is before the second.
struct Ranking {
    first: Option<crate::ids::ArticleId>,
    /// (first − second) / first, of different articles, 0 to 1.
    margin: f64,
}

impl Ranking {
    fn by(passages: &[Passage], score: impl Fn(&Passage) -> f32) -> Self {
        let Some(first) = passages.iter().max_by(|one, other| score(one).total_cmp(&score(other))) else {
            return Self { first: None, margin: 0.0 };
        };
        let second =
            passages.iter().filter(|passage| passage.article != first.article).map(&score).fold(0.0_f32, f32::max);
        Self { first: Some(first.article), margin: f64::from(share(score(first) - second, score(first))) }
    }
}

/// The share of `wanted` that stands in `text`; 1 when nothing is wanted.
fn found_share(wanted: &[String], text: &str) -> f64 {
    if wanted.is_empty() {
        return 1.0;
    }
    let words: HashSet<String> = words(text).map(str::to_lowercase).collect();
    let found = wanted.iter().filter(|word| words.contains(&word.to_lowercase())).count();
    f64::from(u32::try_from(found).unwrap_or(0)) / f64::from(u32::try_from(wanted.len()).unwrap_or(1))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric() && !matches!(char, '.' | '-' | '\'' | '’'))
        .map(|word| word.trim_matches(|char: char| !char.is_alphanumeric()))
        .filter(|word| !word.is_empty())
}

/// Words with a digit in them: amounts, dates, codes.
fn numbers(text: &str) -> Vec<String> {
    words(text).filter(|word| word.chars().any(|char| char.is_ascii_digit())).map(str::to_owned).collect()
}

/// Words with a capital that do not begin a sentence.
fn names(question: &str) -> Vec<String> {
    let mut begins_sentence = true;
    let mut names = Vec::new();
    for word in question.split_whitespace() {
        let core = word.trim_matches(|char: char| !char.is_alphanumeric());
        let is_name = core.chars().next().is_some_and(char::is_uppercase) && core.chars().count() > 1;
        if is_name && !begins_sentence {
            names.push(core.trim_end_matches("'s").trim_end_matches("’s").to_owned());
        }
        begins_sentence = word.ends_with(['.', '?', '!', ':']);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_of_a_question_are_found() {
        assert_eq!(names("Does the Cargo X's lock open? My app says no."), ["Cargo", "X"]);
        assert_eq!(numbers("Error E-42 after 10:30 on v2.1?"), ["E-42", "10", "30", "v2.1"]);
    }

    #[test]
    fn a_missing_number_lowers_the_share() {
        assert!((found_share(&["E-42".into(), "E-43".into()], "Error e-42 means…") - 0.5).abs() < 1e-9);
    }
}
