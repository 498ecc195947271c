//! The worst questions, by the harm that they do, each with its trace.

use serde::Serialize;

use super::Against;
use super::summary::{self, signed};
use crate::dataset::Turn;
use crate::outcome::{Feature, Outcome};
use crate::report::Report;

/// Questions that went wrong in the same way.
#[derive(Serialize)]
pub struct Failing<'a> {
    title: &'static str,
    why: &'static str,
    /// How many there are, shown or not.
    count: usize,
    pub shown: Vec<Trace<'a>>,
}

/// A question and all that is known of how it was answered.
#[derive(Serialize)]
pub struct Trace<'a> {
    id: &'a str,
    text: &'a str,
    history: &'a [Turn],
    answerable: bool,
    gold: &'a [String],
    answers: &'a [String],
    draft: &'a str,
    made: &'a str,
    cited: Vec<Article<'a>>,
    quotes: &'a [String],
    decision: &'a str,
    reason: Option<&'a str>,
    judged: &'static str,
    confidence: String,
    logit: Option<String>,
    features: Vec<Share<'a>>,
    /// What of the logit the features do not make up.
    rest: Option<String>,
    ranked: Vec<Article<'a>>,
    times: Vec<(&'static str, String)>,
    before: Option<Before<'a>>,
}

#[derive(Serialize)]
struct Article<'a> {
    id: &'a str,
    is_gold: bool,
}

/// A feature and its part of the logit, as a bar from the middle; the longest reaches to 50.
#[derive(Serialize)]
struct Share<'a> {
    name: &'a str,
    value: String,
    part: String,
    left: f64,
    width: f64,
    is_for: bool,
}

/// The same question in the baseline.
#[derive(Serialize)]
struct Before<'a> {
    decision: &'a str,
    judged: &'static str,
    confidence: String,
    draft: &'a str,
    is_same_draft: bool,
}

/// What it is called, what to say about it, and whether a question went this way.
type Way = (&'static str, &'static str, fn(&Outcome) -> bool);

/// The ways in which a question goes wrong, the most harmful first.
const WAYS: [Way; 3] = [
    ("Sent and wrong", "The most confident first.", |outcome| {
        outcome.was_answered() && outcome.judged.correct == Some(false)
    }),
    ("Right and held back", "The least confident first: there the confidence is furthest off.", |outcome| {
        !outcome.was_answered() && outcome.judged.correct == Some(true)
    }),
    ("Answerable, and no gold article found", "None is among the first ten.", |outcome| {
        outcome.question.answerable && outcome.judged.ranking.is_some_and(|ranking| ranking.recall_at_10 == 0.0)
    }),
];

/// The worst questions, at most `limit` of them together; each stands where it does the most harm.
pub fn of<'a>(report: &'a Report, against: Option<&Against<'a>>, limit: usize) -> Vec<Failing<'a>> {
    let mut left = limit;
    let mut failing = Vec::new();
    for (place, (title, why, is_one)) in WAYS.into_iter().enumerate() {
        let is_worse = |outcome: &Outcome| WAYS[..place].iter().any(|(_, _, is_one)| is_one(outcome));
        let mut found: Vec<&Outcome> =
            report.questions.iter().filter(|outcome| is_one(outcome) && !is_worse(outcome)).collect();
        found.sort_by(|one, other| {
            let rising = one.asked.confidence.total_cmp(&other.asked.confidence);
            if place == 1 { rising } else { rising.reverse() }
        });
        let shown: Vec<Trace<'_>> = found.iter().take(left).map(|outcome| trace(outcome, against)).collect();
        left -= shown.len();
        failing.push(Failing { title, why, count: found.len(), shown });
    }
    failing.retain(|way| way.count > 0);
    failing
}

fn trace<'a>(outcome: &'a Outcome, against: Option<&Against<'a>>) -> Trace<'a> {
    let Outcome { question, asked, .. } = outcome;
    let article = |id: &'a String| Article { id, is_gold: question.gold.contains(id) };
    let before = against.and_then(|against| {
        let mut pairs = against.comparison.pairs.iter();
        let (before, _) = pairs.find(|(_, after)| after.question.id == question.id)?;
        Some(Before {
            decision: &before.asked.decision,
            judged: judged(before),
            confidence: number(before.asked.confidence),
            draft: &before.asked.draft,
            is_same_draft: before.asked.draft == asked.draft,
        })
    });
    let explained: f64 = asked.features.iter().map(|feature| feature.share).sum();
    let mut times: Vec<(&str, String)> =
        asked.stages_ms.iter().map(|(stage, ms)| (stage.name(), format!("{ms:.1}"))).collect();
    times.extend(asked.total_ms.map(|ms| ("whole answer", format!("{ms:.1}"))));
    Trace {
        id: &question.id,
        text: &question.text,
        history: &question.history,
        answerable: question.answerable,
        gold: &question.gold,
        answers: &question.answers,
        draft: &asked.draft,
        made: &asked.response_type,
        cited: asked.cited.iter().map(article).collect(),
        quotes: &asked.quotes,
        decision: &asked.decision,
        reason: asked.reason.as_deref().or(asked.refusal.as_deref()),
        judged: judged(outcome),
        confidence: number(asked.confidence),
        logit: asked.logit.map(signed),
        features: shares(&asked.features),
        rest: asked.logit.filter(|_| !asked.features.is_empty()).map(|logit| signed(logit - explained)),
        ranked: asked.ranked.iter().map(article).collect(),
        times,
        before,
    }
}

fn judged(outcome: &Outcome) -> &'static str {
    match outcome.judged.correct {
        Some(true) => "right",
        Some(false) if outcome.question.answerable => "wrong",
        Some(false) => "wrong: there is no answer",
        None => "not judged",
    }
}

/// The features, those that move the confidence most first.
fn shares<'a>(features: &'a [Feature]) -> Vec<Share<'a>> {
    let longest = features.iter().map(|feature| feature.share.abs()).fold(f64::MIN_POSITIVE, f64::max);
    let mut sorted: Vec<&Feature> = features.iter().collect();
    sorted.sort_by(|one, other| other.share.abs().total_cmp(&one.share.abs()));
    let bar = |feature: &'a Feature| {
        let width = (feature.share.abs() / longest * 500.0).round() / 10.0;
        let is_for = feature.share >= 0.0;
        Share {
            name: &feature.name,
            value: number(feature.value),
            part: signed(feature.share),
            left: if is_for { 50.0 } else { 50.0 - width },
            width,
            is_for,
        }
    };
    sorted.into_iter().map(bar).collect()
}

fn number(value: f64) -> String {
    summary::Number::of(value).text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn outcome(id: &str, decision: &str, correct: bool, confidence: f64) -> Outcome {
        let mut outcome = fixtures::outcome(id, true);
        outcome.asked.decision = decision.to_owned();
        outcome.judged.correct = Some(correct);
        outcome.asked.confidence = confidence;
        outcome
    }

    #[test]
    fn the_most_harmful_come_first_and_each_once() {
        let mut lost = outcome("lost", "escalated", false, 0.1);
        lost.judged.ranking.as_mut().unwrap().recall_at_10 = 0.0;
        let mut sent_and_lost = outcome("sent", "answered", false, 0.6);
        sent_and_lost.judged.ranking = lost.judged.ranking;
        let all = vec![
            outcome("fine", "answered", true, 0.9),
            lost,
            outcome("held", "escalated", true, 0.3),
            outcome("lower", "escalated", true, 0.2),
            sent_and_lost,
            outcome("worse", "answered", false, 0.8),
        ];
        let report = Report::of(fixtures::about(), all);
        let ids = |limit: usize| {
            let failing = of(&report, None, limit);
            failing.iter().flat_map(|way| &way.shown).map(|trace| trace.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(20), ["worse", "sent", "lower", "held", "lost"]);
        assert_eq!(ids(3), ["worse", "sent", "lower"]);
        assert_eq!(of(&report, None, 0).iter().map(|way| way.count).collect::<Vec<_>>(), [2, 2, 1]);
    }

    #[test]
    fn shares_of_the_logit_are_bars_from_the_middle() {
        let feature = |name: &str, share| Feature { name: name.into(), value: 1.0, share };
        let features = [feature("small", 0.5), feature("large", -2.0)];
        let bars = shares(&features);
        assert_eq!((bars[0].name, bars[0].left, bars[0].width, bars[0].is_for), ("large", 0.0, 50.0, false));
        assert_eq!((bars[1].name, bars[1].left, bars[1].width), ("small", 50.0, 12.5));
    }
}
