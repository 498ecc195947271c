//! The page for people: one file, without scripts and without anything from elsewhere.

use anyhow::Result;
use serde::Serialize;

use super::changed::{self, Changed};
use super::charts::{self, Chart};
use super::circumstances::{self, Subject};
use super::slices::{self, Dimension};
use super::summary::{self, Row, Section};
use super::worst::{self, Failing};
use super::{Against, template};
use crate::report::Report;

#[derive(Serialize)]
struct Page<'a> {
    dataset: &'a str,
    run: &'a str,
    day: &'a str,
    /// How many questions in how many groups.
    size: String,
    embedding: &'a str,
    generator: &'a str,
    headline: Vec<String>,
    caveats: Vec<String>,
    key: Vec<Row>,
    sections: Vec<Section>,
    baseline: Option<Baseline<'a>>,
    charts: Vec<Chart>,
    slice_headings: Vec<&'static str>,
    slices: Vec<Dimension<'a>>,
    worst: Vec<Failing<'a>>,
    worst_shown: usize,
    circumstances: Vec<Subject>,
}

#[derive(Serialize)]
struct Baseline<'a> {
    run: &'a str,
    same_configuration: bool,
    /// Questions that both runs asked.
    pairs: usize,
    unpaired: usize,
    changed: Vec<Changed<'a>>,
}

/// Makes the page.
pub fn page(report: &Report, against: Option<&Against<'_>>, worst_shown: usize) -> Result<String> {
    let worst = worst::of(report, against, worst_shown);
    template::filled(
        "report.html",
        Page {
            dataset: &report.dataset,
            run: &report.run.id,
            day: report.run.started_at.split('T').next().unwrap_or_default(),
            size: format!(
                "{} in {}",
                summary::counted(report.queries, "question", "questions"),
                summary::counted(report.groups, "group", "groups")
            ),
            embedding: &report.embedding,
            generator: &report.generator,
            headline: summary::headline(report, against),
            caveats: report.run.caveats(),
            key: summary::key(report, against),
            sections: summary::sections(report, against),
            baseline: against.map(baseline(report)),
            charts: charts::of(report, against)?,
            slice_headings: slices::headings(),
            slices: slices::of(report),
            worst_shown: worst.iter().map(|way| way.shown.len()).sum(),
            worst,
            circumstances: circumstances::of(&report.run),
        },
    )
}

fn baseline<'a>(report: &Report) -> impl Fn(&Against<'a>) -> Baseline<'a> {
    move |against| Baseline {
        run: &against.report.run.id,
        same_configuration: against.report.config_hash == report.config_hash,
        pairs: against.comparison.pairs.len(),
        unpaired: against.comparison.unpaired,
        changed: changed::of(against),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::about::Excluded;
    use crate::dataset::Turn;
    use crate::figures::DEFINITIONS;
    use crate::fixtures;
    use crate::outcome::{Feature, Outcome};
    use crate::table;

    const HOSTILE: &str =
        "<script>alert(1)</script> ]]> \u{0}\u{1b}[31m & \"quoted\" 'single' שלום \u{202e}abc 👩‍🚀 </style></details>";

    fn outcomes() -> Vec<Outcome> {
        let outcome = |number: usize| {
            let mut outcome = fixtures::outcome(&format!("q{number}"), number % 5 != 4);
            outcome.judged.correct = Some(number % 5 < 3);
            outcome.asked.confidence = (40 - number) as f64 / 41.0;
            outcome.asked.logit = Some(20.0 - number as f64);
            if number > 20 {
                outcome.asked.decision = "escalated".to_owned();
            }
            outcome
        };
        (0..40).map(outcome).collect()
    }

    fn html(outcomes: Vec<Outcome>) -> String {
        page(&Report::of(fixtures::about(), outcomes), None, 20).unwrap()
    }

    #[test]
    fn the_page_holds_the_figures_of_the_json() {
        let report = Report::of(fixtures::about(), outcomes());
        let page = page(&report, None, 20).unwrap();
        let given: Vec<_> = DEFINITIONS.iter().filter_map(|one| Some((one, report.figure(one.name)?))).collect();
        assert!(given.len() > 15);
        for (definition, figure) in given {
            let row = format!("<tr id=\"{}\">", definition.name);
            let row = page.split(&row).nth(1).unwrap_or_else(|| panic!("{} has no row", definition.name));
            let row = row.split("</tr>").next().unwrap();
            let value = format!("<data value=\"{}\">{}</data>", figure.value, table::digits(figure.value));
            assert!(row.contains(&value), "{value} is not in {row}");
        }
    }

    #[test]
    fn it_needs_nothing_else_and_its_headings_skip_nothing() {
        let page = html(outcomes());
        assert_eq!(page.matches("<h1").count(), 1);
        for forbidden in ["<script", "http-equiv=\"refresh\"", "<link", "@import", "url(", "src=\""] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        let levels: Vec<u32> =
            page.match_indices("<h").filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10)).collect();
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
        assert_eq!(page.matches("<details").count(), page.matches("</details>").count());
        assert_eq!(page.matches("role=\"img\"").count(), page.matches("<title id=").count());
    }

    #[test]
    fn strangers_text_stays_text() {
        let mut outcomes = outcomes();
        let first = &mut outcomes[3];
        let long = "w".repeat(3_000);
        first.question.text = HOSTILE.to_owned();
        first.question.history = vec![Turn { sender: HOSTILE.to_owned(), text: HOSTILE.to_owned() }];
        first.question.gold = vec![HOSTILE.to_owned()];
        first.question.answers = vec![HOSTILE.to_owned()];
        first.question.tags = vec![HOSTILE.to_owned()];
        first.asked.draft = format!("{HOSTILE} {long}");
        first.asked.cited = vec![HOSTILE.to_owned()];
        first.asked.quotes = vec![HOSTILE.to_owned()];
        first.asked.ranked = vec![HOSTILE.to_owned()];
        first.asked.reason = Some(HOSTILE.to_owned());
        first.asked.features = vec![Feature { name: HOSTILE.to_owned(), value: f64::NAN, share: f64::INFINITY }];
        let mut about = fixtures::about();
        about.dataset = HOSTILE.to_owned();
        about.made_with.generator = HOSTILE.to_owned();
        about.excluded_articles = vec![Excluded { id: HOSTILE.to_owned(), why: HOSTILE.to_owned() }];
        let page = page(&Report::of(about, outcomes), None, 20).unwrap();
        assert!(!page.contains("<script") && !page.contains("</style></details>"));
        assert!(!page.contains('\u{0}') && !page.contains('\u{1b}'));
        assert!(page.matches("&lt;script&gt;").count() >= 12, "{}", page.matches("&lt;script&gt;").count());
        assert!(page.contains("שלום") && page.contains("👩‍🚀") && page.contains(&long));
    }

    #[test]
    fn a_set_without_judgements_says_why_charts_are_missing() {
        let mut outcomes = outcomes();
        for outcome in &mut outcomes {
            outcome.judged.correct = None;
        }
        let page = html(outcomes);
        assert_eq!(page.matches("does not tell whether a draft is right").count(), 2);
        assert!(page.contains("Confidence of the drafts"));
    }

    #[test]
    fn one_question_and_none_make_a_page_too() {
        let page = html(vec![fixtures::outcome("q1", true)]);
        assert!(page.contains("1 question in 1 group") && !page.contains("Slices</h2>"));
        assert!(html(Vec::new()).contains("0 questions in 0 groups"));
    }

    #[test]
    fn what_flatters_stands_above_the_figures() {
        let mut about = fixtures::about();
        about.limit = Some(3);
        let page = page(&Report::of(about, outcomes()), None, 20).unwrap();
        assert!(page.find("Only 3 of 8 questions").unwrap() < page.find("id=\"figures\"").unwrap());
    }

    #[test]
    fn a_baseline_stands_beside_every_figure_and_in_the_traces() {
        let before = Report::of(fixtures::about(), outcomes());
        let mut outcomes = outcomes();
        outcomes[0].judged.correct = Some(false);
        outcomes[0].asked.draft = "Another draft.".to_owned();
        let after = Report::of(fixtures::about(), outcomes);
        let against = Against::of(&before, &after).unwrap();
        let page = page(&after, Some(&against), 20).unwrap();
        assert!(page.contains("right before, wrong now"));
        let before = before.figure("answers.accuracy").unwrap().value;
        assert!(page.contains(&format!("<data value=\"{before}\">")));
        assert!(page.contains("within chance") && page.contains("Another draft."));
    }
}
