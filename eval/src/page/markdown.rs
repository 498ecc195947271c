//! The summary for a comment on a pull request.

use anyhow::Result;
use serde::Serialize;

use super::changed;
use super::slices::{self, Dimension};
use super::summary::{self, Section};
use super::worst::{self, Failing};
use super::{Against, template};
use crate::report::Report;

/// Questions that a comment has room for.
const WORST_SHOWN: usize = 5;

#[derive(Serialize)]
struct Comment<'a> {
    dataset: &'a str,
    run: &'a str,
    size: String,
    embedding: &'a str,
    generator: &'a str,
    config_hash: &'a str,
    questions_sha256: &'a str,
    seed: u64,
    headline: Vec<String>,
    caveats: Vec<String>,
    sections: Vec<Section>,
    baseline: Option<&'a str>,
    changed: Vec<changed::Changed<'a>>,
    slice_headings: Vec<&'static str>,
    slices: Vec<Dimension<'a>>,
    worst: Vec<Failing<'a>>,
}

/// Makes the comment.
pub fn comment(report: &Report, against: Option<&Against<'_>>) -> Result<String> {
    template::filled(
        "report.md",
        Comment {
            dataset: &report.dataset,
            run: &report.run.id,
            size: format!(
                "{} in {}",
                summary::counted(report.queries, "question", "questions"),
                summary::counted(report.groups, "group", "groups")
            ),
            embedding: &report.embedding,
            generator: &report.generator,
            config_hash: &report.config_hash,
            questions_sha256: &report.run.data.questions_sha256,
            seed: report.run.seed,
            headline: summary::headline(report, against),
            caveats: report.run.caveats(),
            sections: summary::sections(report, against),
            baseline: against.map(|against| against.report.run.id.as_str()),
            changed: against.map(changed::of).unwrap_or_default(),
            slice_headings: slices::headings(),
            slices: slices::of(report),
            worst: worst::of(report, against, WORST_SHOWN),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::outcome::Outcome;

    fn outcomes() -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = (0..12).map(|number| fixtures::outcome(&format!("q{number}"), true)).collect();
        for (number, outcome) in outcomes.iter_mut().enumerate() {
            outcome.question.kind = Some(if number < 6 { "fact" } else { "how|to" }.to_owned());
            outcome.judged.correct = Some(number % 2 == 0);
        }
        outcomes
    }

    /// The cells of a row, by the borders that are not escaped.
    fn cells(row: &str) -> usize {
        row.replace("\\|", "").matches('|').count()
    }

    #[test]
    fn every_row_of_a_table_has_the_cells_of_its_heading() {
        let mut outcomes = outcomes();
        outcomes[1].question.text = "a | b\n| c | <script> `x` @someone".to_owned();
        let report = Report::of(fixtures::about(), outcomes);
        let against = Against::of(&report, &report).unwrap();
        for against in [None, Some(&against)] {
            let text = comment(&report, against).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            assert!(lines.windows(2).any(|pair| pair[0].starts_with('|') && pair[1].starts_with("| ---")));
            for pair in lines.windows(2).filter(|pair| pair.iter().all(|line| line.starts_with('|'))) {
                assert_eq!(cells(pair[0]), cells(pair[1]), "{pair:?}");
            }
            assert!(!text.contains("<script") && !text.contains("@someone"), "{text}");
            assert!(text.contains("a \\| b \\| c \\|"), "{text}");
            assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
            assert!(!text.contains("\n\n\n"), "{text}");
        }
    }

    #[test]
    fn at_most_five_questions_are_told() {
        let text = comment(&Report::of(fixtures::about(), outcomes()), None).unwrap();
        assert_eq!(text.matches("Draft\\:").count() + text.matches("Draft:").count(), 5, "{text}");
        assert!(text.contains("accuracy | 0.500"), "{text}");
    }
}
