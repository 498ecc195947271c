//! Articles that say of themselves that others have taken their place.

use std::collections::HashSet;

use crate::index::{Bm25, TermId};
use crate::search::Passage;

/// Years that customers write of.
const YEARS: std::ops::RangeInclusive<u32> = 1990..=2099;

/// How far the best current passage may be behind a superseded one and still take its place. What is further behind is about
/// something else, and a product that is no longer sold has no current article.
const BEHIND_MAX: f32 = 0.1;

/// Current passages whose titles are compared: as many as an answer is made from, however many are asked for.
const CURRENT_READ: usize = 10;

/// Leaves the passages of superseded articles out, so that nobody is told old terms, unless the question is about their time: it
/// names a year, or it has a word of the article's title that none of the current articles that were found has in its. They also
/// stay where nothing current comes near. `passages` come best first.
pub(super) fn leave_out(passages: &mut Vec<Passage>, bm25: &Bm25, question: &str) {
    let mut current = passages.iter().filter(|passage| !passage.is_superseded).take(CURRENT_READ).peekable();
    let Some(best) = current.peek().map(|passage| passage.score) else { return };
    if names_year(question) {
        return;
    }
    let titles: HashSet<TermId> = current.flat_map(|passage| bm25.document(&passage.title).ids).collect();
    let asked: HashSet<TermId> =
        bm25.question(question).ids.into_iter().filter(|term| !titles.contains(term)).collect();
    passages.retain(|passage| {
        let is_needed = !passage.is_superseded || passage.score > best + BEHIND_MAX;
        is_needed || bm25.document(&passage.title).ids.iter().any(|term| asked.contains(term))
    });
}

fn names_year(question: &str) -> bool {
    let mut numbers = question.split(|char: char| !char.is_ascii_digit()).filter(|digits| digits.len() == 4);
    numbers.any(|digits| digits.parse().is_ok_and(|year| YEARS.contains(&year)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::tests::passage;

    fn left(question: &str, articles: &[(&str, bool)]) -> Vec<String> {
        let mut passages: Vec<Passage> = articles
            .iter()
            .map(|(title, is_superseded)| Passage {
                title: (*title).to_owned(),
                is_superseded: *is_superseded,
                ..passage("What it says.")
            })
            .collect();
        leave_out(&mut passages, &Bm25::new().unwrap(), question);
        passages.into_iter().map(|passage| passage.title).collect()
    }

    const PLANS: [(&str, bool); 2] = [("Settle plan 2025 (old prices)", true), ("The Settle plan", false)];

    #[test]
    fn a_question_of_today_is_not_answered_from_what_was_superseded() {
        assert_eq!(left("What does the Settle plan cost?", &PLANS), ["The Settle plan"]);
        assert_eq!(left("Was kostet der Settle-Plan nach 20250 km?", &PLANS), ["The Settle plan"]);
    }

    #[test]
    fn a_question_about_its_time_is() {
        for question in ["I signed Settle in October 2024. What do I pay?", "What were the old prices?"] {
            assert_eq!(left(question, &PLANS).len(), 2, "{question}");
        }
    }

    #[test]
    fn where_nothing_current_comes_near_it_stays() {
        assert_eq!(left("What does it cost?", &PLANS[..1]).len(), 1);
        let old = Passage { is_superseded: true, score: 0.8, ..passage("The Kite costs €40.") };
        let mut passages = vec![old, Passage { score: 0.3, ..passage("Something else.") }];
        leave_out(&mut passages, &Bm25::new().unwrap(), "What does the Kite cost?");
        assert_eq!(passages.len(), 2);
    }
}
