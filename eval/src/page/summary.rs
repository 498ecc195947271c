//! What a run comes to: a few sentences, and every figure beside the baseline's.

use serde::Serialize;

use super::Against;
use crate::compare::{Change, Verdict};
use crate::figures::{self, Better, DEFINITIONS, Definition};
use crate::interval::Figure;
use crate::report::Report;
use crate::table::{self, SECTIONS};

/// The figures that stand large above the others: how much is sent, how much of it is wrong, whether drafts are right, articles
/// found, and right drafts told from wrong ones.
const KEY: [&str; 5] =
    ["abstention.coverage", "abstention.risk", "answers.accuracy", "retrieval.hit_at_1", "abstention.auroc_correct"];

/// The figures of one section.
#[derive(Serialize)]
pub struct Section {
    title: &'static str,
    pub rows: Vec<Row>,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its whole name.
    pub name: &'static str,
    pub label: &'static str,
    pub value: Option<Number>,
    pub interval: Option<String>,
    /// `None` for a figure that is no share of 1.
    bar: Option<Bar>,
    pub baseline: Option<Number>,
    pub difference: Option<String>,
    pub difference_interval: Option<String>,
    /// What the difference means, in words; `None` without a baseline.
    pub verdict: Option<&'static str>,
    /// The same for styles: `gain`, `loss` or `even`.
    verdict_class: Option<&'static str>,
}

/// A number as people read it, and whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Number {
    pub text: String,
    pub whole: String,
}

impl Number {
    /// Of a figure's value.
    pub fn of(value: f64) -> Self {
        Self { text: minus(&table::digits(value)), whole: value.to_string() }
    }
}

/// Where a figure stands between 0 and 1, in percent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bar {
    low: f64,
    width: f64,
    value: f64,
    baseline: Option<f64>,
}

/// What people should know first, each in a sentence.
pub fn headline(report: &Report, against: Option<&Against<'_>>) -> Vec<String> {
    let abstention = &report.abstention;
    let sent = format!(
        "{} of {} {} answered at the threshold {:.3}",
        abstention.answered,
        counted(report.queries, "question", "questions"),
        if abstention.answered == 1 { "was" } else { "were" },
        abstention.threshold
    );
    let wrong = match (abstention.wrong, report.figure("abstention.risk")) {
        (None, _) => "; whether rightly, the set does not tell".to_owned(),
        (Some(wrong), Some(Figure { value, ci95: [low, high] })) => format!(
            "; {wrong} of the answers {} wrong ({}, 95 % interval {} – {})",
            if wrong == 1 { "is" } else { "are" },
            percent(value),
            percent(low),
            percent(high)
        ),
        (Some(_), None) => String::new(),
    };
    let mut sentences = vec![format!("{sent}{wrong}.")];
    if let Some(accuracy) = report.figure("answers.accuracy") {
        sentences.push(format!("{} of the drafts of answerable questions are right.", percent(accuracy.value)));
    }
    sentences.extend(against.map(verdicts));
    sentences
}

fn verdicts(against: &Against<'_>) -> String {
    let labels = |wanted: Verdict| {
        let changes = against.comparison.changes.iter().filter(|change| change.verdict == wanted);
        changes.map(|change| change.definition.label).collect::<Vec<_>>().join(", ")
    };
    let (lost, gained) = (labels(Verdict::Loss), labels(Verdict::Gain));
    let what = match (lost.is_empty(), gained.is_empty()) {
        (true, true) => "no figure changed by more than chance.".to_owned(),
        (true, false) => format!("nothing was lost by more than chance, and gained were: {gained}."),
        (false, true) => format!("these were lost by more than chance: {lost}."),
        (false, false) => format!("these were lost by more than chance: {lost}; and gained: {gained}."),
    };
    format!("Against the baseline {what}")
}

/// The figures that stand large, those that the set gives.
pub fn key(report: &Report, against: Option<&Against<'_>>) -> Vec<Row> {
    let rows = KEY.iter().filter_map(|name| figures::definition(name)).map(|one| row(one, report, against));
    rows.filter(|row| row.value.is_some()).collect()
}

/// Every figure by its section; a section that neither run says anything about is left out.
pub fn sections(report: &Report, against: Option<&Against<'_>>) -> Vec<Section> {
    let section = |(section, title): (&str, &'static str)| {
        let of_section = DEFINITIONS.iter().filter(|definition| definition.name.split('.').next() == Some(section));
        Section { title, rows: of_section.map(|definition| row(definition, report, against)).collect() }
    };
    let mut sections: Vec<Section> = SECTIONS.map(section).into();
    sections.retain(|section| section.rows.iter().any(|row| row.value.is_some() || row.baseline.is_some()));
    sections
}

fn row(definition: &'static Definition, report: &Report, against: Option<&Against<'_>>) -> Row {
    let figure = report.figure(definition.name);
    let baseline = against.and_then(|against| against.report.figure(definition.name)).map(|figure| figure.value);
    let change = against
        .and_then(|against| against.comparison.changes.iter().find(|change| change.definition.name == definition.name));
    Row {
        name: definition.name,
        label: definition.label,
        value: figure.map(|figure| Number::of(figure.value)),
        interval: figure.map(|figure| interval(figure.ci95)),
        bar: figure.filter(|_| definition.name != "answers.answer_words").map(|figure| bar(figure, baseline)),
        baseline: baseline.map(Number::of),
        difference: change.and_then(|change| change.difference).map(|difference| signed(difference.value)),
        difference_interval: change.and_then(|change| change.difference).map(|difference| {
            let [low, high] = difference.ci95.map(signed);
            format!("{low} – {high}")
        }),
        verdict: change.map(|change| verdict(change).0),
        verdict_class: change.map(|change| verdict(change).1),
    }
}

fn verdict(change: &Change) -> (&'static str, &'static str) {
    match (change.verdict, change.definition.better) {
        (_, Better::Neither) => ("no verdict", "even"),
        (Verdict::WithinChance, _) => ("within chance", "even"),
        (Verdict::Gain, _) => ("▲ gain", "gain"),
        (Verdict::Loss, _) => ("▼ loss", "loss"),
    }
}

fn bar(figure: Figure, baseline: Option<f64>) -> Bar {
    let place = |value: f64| (value.clamp(0.0, 1.0) * 1_000.0).round() / 10.0;
    let [low, high] = figure.ci95.map(place);
    Bar { low, width: (high - low).max(0.5), value: place(figure.value), baseline: baseline.map(place) }
}

/// A 95 % interval.
pub fn interval([low, high]: [f64; 2]) -> String {
    minus(&format!("{} – {}", table::digits(low), table::digits(high)))
}

/// A share, for people.
pub fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", share * 100.0)
}

/// A difference with its sign, if that is not of what rounding left.
pub fn signed(value: f64) -> String {
    match format!("{value:+.3}").as_str() {
        "+0.000" | "-0.000" => "0.000".to_owned(),
        text => minus(text),
    }
}

/// The true minus sign, which is as wide as a plus.
fn minus(number: &str) -> String {
    number.replace('-', "\u{2212}")
}

/// How many there are of something.
pub fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn the_headline_says_what_was_sent_and_how_much_of_it_is_wrong() {
        let report = Report::of(fixtures::about(), vec![fixtures::outcome("q1", true), fixtures::outcome("q2", false)]);
        let sentences = headline(&report, None).join(" ");
        assert!(
            sentences.starts_with("2 of 2 questions were answered at the threshold 0.250; 1 of the answers is wrong")
        );
        assert!(sentences.contains("50.0\u{a0}%") && sentences.contains("100.0\u{a0}% of the drafts"), "{sentences}");
    }

    #[test]
    fn a_set_that_cannot_judge_claims_nothing() {
        let mut outcome = fixtures::outcome("q1", true);
        outcome.judged.correct = None;
        let report = Report::of(fixtures::about(), vec![outcome]);
        assert!(headline(&report, None)[0].contains("the set does not tell"));
        assert!(sections(&report, None).iter().all(|section| section.title != "calibration"));
    }

    #[test]
    fn a_loss_is_told_in_words() {
        let report = |right: &dyn Fn(usize) -> bool| {
            let outcome = |number: usize| {
                let mut outcome = fixtures::outcome(&format!("q{number}"), true);
                outcome.judged.correct = Some(right(number));
                outcome
            };
            Report::of(fixtures::about(), (0..60).map(outcome).collect())
        };
        let (before, after) = (report(&|number| number % 3 > 0), report(&|number| number % 3 > 1));
        let against = Against::of(&before, &after).unwrap();
        let text = headline(&after, Some(&against)).join(" ");
        assert!(text.contains("lost by more than chance: ") && text.contains("accuracy"), "{text}");
        let rows = key(&after, Some(&against));
        let accuracy = rows.iter().find(|row| row.name == "answers.accuracy").unwrap();
        assert_eq!(accuracy.verdict, Some("▼ loss"));
        assert_eq!(accuracy.difference.as_deref(), Some("\u{2212}0.333"));
        assert_eq!(accuracy.baseline, Some(Number { text: "0.667".into(), whole: (40.0 / 60.0).to_string() }));
    }
}
