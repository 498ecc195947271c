//! The questions that went another way than in the baseline.

use serde::Serialize;

use super::Against;
use crate::compare::Side;
use crate::outcome::Outcome;

/// The questions that changed to one side.
#[derive(Serialize)]
pub struct Changed<'a> {
    label: &'static str,
    questions: Vec<Question<'a>>,
}

#[derive(Serialize)]
struct Question<'a> {
    id: &'a str,
    text: &'a str,
}

/// The questions by the side that they changed to, the worst side first; sides without a question are left out.
pub fn of<'a>(against: &Against<'a>) -> Vec<Changed<'a>> {
    let mut changed: Vec<Changed<'_>> = Side::ALL
        .into_iter()
        .map(|side| Changed { label: side.label(), questions: to(against, side).map(question).collect() })
        .collect();
    changed.retain(|side| !side.questions.is_empty());
    changed
}

/// The questions that changed to this side, as they are now.
pub fn to<'a>(against: &Against<'a>, side: Side) -> impl Iterator<Item = &'a Outcome> {
    let pairs = against.comparison.pairs.iter().copied();
    pairs.filter(move |(before, after)| Side::of(before, after) == Some(side)).map(|(_, after)| after)
}

fn question(outcome: &Outcome) -> Question<'_> {
    Question { id: &outcome.question.id, text: &outcome.question.text }
}
