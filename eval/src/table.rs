//! The report for people.

use comfy_table::{Attribute, Cell, CellAlignment, Table, presets};

use crate::figures::DEFINITIONS;
use crate::interval::Figure;
use crate::report::{Report, SLICED, in_order};

/// The sections of the report and what people read instead.
pub const SECTIONS: [(&str, &str); 5] = [
    ("retrieval", "retrieval"),
    ("answers", "drafts of answerable questions"),
    ("abstention", "abstention"),
    ("calibration", "calibration"),
    ("intents", "messages that are no questions"),
];

/// The whole report.
#[must_use]
pub fn whole(report: &Report) -> String {
    let mut parts = vec![
        format!(
            "{}: {} questions in {} groups, {}, {}",
            report.dataset, report.queries, report.groups, report.embedding, report.generator
        ),
        of(report).to_string(),
        decisions(report),
        latency(report).to_string(),
    ];
    parts.extend(slices(report).into_iter().map(|(by, slices)| format!("\nby {by}\n{slices}")));
    parts.push(String::new());
    parts.extend(report.run.caveats());
    parts.push(format!("run {}\n", report.run.id));
    parts.join("\n")
}

/// A table of one report's figures; a section that the set says nothing about is left out.
#[must_use]
pub fn of(report: &Report) -> Table {
    let mut table = empty(&["", "value", "95 % interval"]);
    for (section, title) in SECTIONS {
        let rows: Vec<_> = DEFINITIONS
            .iter()
            .filter(|definition| definition.name.split('.').next() == Some(section))
            .map(|definition| (definition.label, report.figure(definition.name)))
            .collect();
        if rows.iter().all(|(_, figure)| figure.is_none()) {
            continue;
        }
        table.add_row([Cell::new(title).add_attribute(Attribute::Bold)]);
        for (label, figure) in rows {
            let [value, interval] = cells(figure);
            table.add_row([Cell::new(format!("  {label}")), value, interval]);
        }
    }
    table
}

/// What was decided, in a line.
#[must_use]
pub fn decisions(report: &Report) -> String {
    let abstention = &report.abstention;
    let wrong = abstention.wrong.map_or_else(|| "wrong unknown".to_owned(), |wrong| format!("{wrong} wrong"));
    format!(
        "threshold {:.3}: {} answered ({wrong}), {} clarified, {} escalated",
        abstention.threshold, abstention.answered, abstention.clarified, abstention.escalated
    )
}

/// A table for each thing that questions are sorted by.
fn slices(report: &Report) -> Vec<(&str, Table)> {
    let labels = DEFINITIONS.iter().filter(|definition| SLICED.contains(&definition.name));
    let headings: Vec<&str> = ["", "questions", "groups"].into_iter().chain(labels.map(|one| one.label)).collect();
    let slices = |(by, values): (_, &std::collections::BTreeMap<String, crate::report::Slice>)| {
        let mut table = empty(&headings);
        for (value, slice) in in_order(values) {
            let mut row = vec![
                Cell::new(format!("  {value}")),
                number(slice.queries.to_string()),
                number(slice.groups.to_string()),
            ];
            row.extend(SLICED.iter().map(|name| cells(slice.figures.get(*name).copied().flatten())[0].clone()));
            table.add_row(row);
        }
        (by, table)
    };
    report.slices.iter().map(|(by, values)| slices((by.as_str(), values))).collect()
}

/// A table of the stages' times.
#[must_use]
pub fn latency(report: &Report) -> Table {
    let mut table = empty(&["milliseconds", "p50", "p95", "p99"]);
    for (name, stage) in report.latency_ms.stages() {
        let times = [stage.p50, stage.p95, stage.p99].map(|ms| number(format!("{ms:.1}")));
        table.add_row(std::iter::once(Cell::new(name)).chain(times));
    }
    table
}

/// A table with these headings and no rules between its rows.
#[must_use]
pub fn empty(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(
        headings
            .iter()
            .copied()
            .enumerate()
            .map(|(column, heading)| if column == 0 { Cell::new(heading) } else { number(heading.to_owned()) }),
    );
    table
}

/// The value and the interval of a figure, with a dash where there is none.
#[must_use]
pub fn cells(figure: Option<Figure>) -> [Cell; 2] {
    figure.map_or_else(
        || [number("–".to_owned()), Cell::new("")],
        |figure| {
            let [low, high] = figure.ci95.map(digits);
            [number(digits(figure.value)), number(format!("{low} – {high}"))]
        },
    )
}

/// A figure's digits: three behind the point, one where there are two before it.
#[must_use]
pub fn digits(value: f64) -> String {
    if value.abs() >= 10.0 { format!("{value:.1}") } else { format!("{value:.3}") }
}

/// A cell whose numbers stand below each other.
#[must_use]
pub fn number(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
