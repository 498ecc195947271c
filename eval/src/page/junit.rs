//! The figures as test cases, for build servers: one that was lost fails.

use anyhow::Result;
use serde::Serialize;

use super::summary::{self, Row};
use super::{Against, changed, circumstances, template};
use crate::compare::{Side, Verdict};
use crate::report::Report;

#[derive(Serialize)]
struct Suite<'a> {
    dataset: &'a str,
    started_at: &'a str,
    seconds: f64,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case>,
    failures: usize,
}

#[derive(Serialize)]
struct Case {
    name: &'static str,
    /// The figure in a sentence.
    says: String,
    failure: Option<Failure>,
}

#[derive(Serialize)]
struct Failure {
    message: String,
    text: String,
}

/// Makes the file.
pub fn suite(report: &Report, against: Option<&Against<'_>>) -> Result<String> {
    let sections = summary::sections(report, against);
    let rows = sections.iter().flat_map(|section| &section.rows);
    let cases: Vec<Case> = rows.filter_map(|row| case(row, against)).collect();
    template::filled(
        "junit.xml",
        Suite {
            dataset: &report.dataset,
            started_at: report.run.started_at.trim_end_matches('Z'),
            seconds: circumstances::seconds(&report.run).unwrap_or_default(),
            properties: properties(report, against),
            failures: cases.iter().filter(|case| case.failure.is_some()).count(),
            cases,
        },
    )
}

/// A figure that the set gives.
fn case(row: &Row, against: Option<&Against<'_>>) -> Option<Case> {
    let failure = against.and_then(|against| failure(row, against));
    let says = match (&row.value, &row.interval, &failure) {
        (Some(value), Some(interval), _) => format!("{}: {} (95 % interval {interval})", row.label, value.text),
        (_, _, Some(_)) => format!("{}: not given any more", row.label),
        _ => return None,
    };
    Some(Case { name: row.name, says, failure })
}

fn failure(row: &Row, against: &Against<'_>) -> Option<Failure> {
    let lost = against
        .comparison
        .changes
        .iter()
        .find(|change| change.definition.name == row.name && change.verdict == Verdict::Loss)?;
    let before = summary::Number::of(lost.before).text;
    let message = match (lost.after, lost.difference) {
        (Some(after), Some(difference)) => {
            let [low, high] = difference.ci95.map(summary::signed);
            let (now, difference) = (summary::Number::of(after).text, summary::signed(difference.value));
            format!("{}: {before} before, {now} now, difference {difference} (95 % interval {low} – {high})", row.label)
        }
        _ => format!("{}: {before} before, and not given any more", row.label),
    };
    let turned = changed::to(against, Side::RightToWrong);
    let turned: Vec<String> =
        turned.map(|outcome| format!("{}: {}", outcome.question.id, outcome.question.text)).collect();
    let text = if turned.is_empty() {
        "No question went from right to wrong.".to_owned()
    } else {
        format!("{}:\n{}", Side::RightToWrong.label(), turned.join("\n"))
    };
    Some(Failure { message, text })
}

fn properties(report: &Report, against: Option<&Against<'_>>) -> Vec<(&'static str, String)> {
    let about = &report.run;
    let mut properties = vec![
        ("run", about.id.clone()),
        ("program", about.program.clone()),
        ("candor", about.made_with.candor.clone()),
        ("config_hash", report.config_hash.clone()),
        ("calibration_hash", about.made_with.calibration_hash.clone()),
        ("embedding", report.embedding.clone()),
        ("generator", report.generator.clone()),
        ("data_sha256", about.data.sha256.clone()),
        ("questions_sha256", about.data.questions_sha256.clone()),
        ("seed", about.seed.to_string()),
        ("queries", report.queries.to_string()),
        ("target", about.target.clone()),
    ];
    properties.extend(about.data.articles_sha256.clone().map(|sha256| ("articles_sha256", sha256)));
    properties.extend(about.calibration.is_disjoint.map(|is| ("calibration_is_disjoint", is.to_string())));
    properties.extend(against.map(|against| ("baseline", against.report.run.id.clone())));
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::DEFINITIONS;
    use crate::fixtures;
    use roxmltree::Document;

    fn report(right: impl Fn(usize) -> bool) -> Report {
        let outcome = |number: usize| {
            let mut outcome = fixtures::outcome(&format!("q{number}"), true);
            outcome.question.text = format!("<b>{number}</b> ]]> \u{0}\u{8}\u{ffff} & 'x' \"y\" 👩‍🚀");
            outcome.judged.correct = Some(right(number));
            outcome
        };
        let mut about = fixtures::about();
        about.dataset = "a <set> & \"more\"\u{1}".to_owned();
        Report::of(about, (0..60).map(outcome).collect())
    }

    #[test]
    fn every_figure_of_the_set_is_a_case_that_passes() {
        let report = report(|number| number % 2 == 0);
        let text = suite(&report, None).unwrap();
        let document = Document::parse(&text).unwrap();
        let of_kind = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).collect::<Vec<_>>();
        let given = DEFINITIONS.iter().filter(|one| report.figure(one.name).is_some()).count();
        let cases = of_kind("testcase");
        assert_eq!(cases.len(), given);
        assert_eq!(of_kind("failure").len(), 0);
        let suite = of_kind("testsuite")[0];
        assert_eq!(suite.attribute("name"), Some("a <set> & \"more\"\u{fffd}"));
        assert_eq!(suite.attribute("tests"), Some(given.to_string().as_str()));
        assert_eq!(suite.attribute("time"), Some("1.0"));
        assert!(cases.iter().any(|case| case.attribute("name") == Some("answers.accuracy")));
        assert!(of_kind("property").iter().any(|one| one.attribute("name") == Some("questions_sha256")));
    }

    #[test]
    fn a_figure_that_was_lost_fails_and_names_the_questions() {
        let (before, after) = (report(|number| number % 3 > 0), report(|number| number % 3 > 1));
        let text = suite(&after, Some(&Against::of(&before, &after).unwrap())).unwrap();
        let document = Document::parse(&text).unwrap();
        let case = document.descendants().find(|node| node.attribute("name") == Some("answers.accuracy")).unwrap();
        let failure = case.children().find(|node| node.has_tag_name("failure")).unwrap();
        assert!(failure.attribute("message").unwrap().contains("0.667 before, 0.333 now"));
        let told = failure.text().unwrap();
        assert!(told.contains("q1: <b>1</b> ]]> \u{fffd}\u{fffd}\u{fffd} & 'x'"), "{told}");
        assert!(told.contains("q58:") && !told.contains("q2:"));
    }
}
