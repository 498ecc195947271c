//! The figures of questions that have something in common.

use std::collections::BTreeMap;

use serde::Serialize;

use super::summary::{self, Number};
use crate::figures::DEFINITIONS;
use crate::interval::Figure;
use crate::report::{Report, SLICED, Slice, in_order};

/// What questions are sorted by, with a row for each value.
#[derive(Serialize)]
pub struct Dimension<'a> {
    by: &'a str,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    value: &'a str,
    queries: usize,
    groups: usize,
    figures: Vec<Option<Cell>>,
}

#[derive(Serialize)]
struct Cell {
    value: Number,
    interval: String,
}

/// What the columns of figures are called.
pub fn headings() -> Vec<&'static str> {
    let sliced = DEFINITIONS.iter().filter(|definition| SLICED.contains(&definition.name));
    sliced.map(|definition| definition.label).collect()
}

/// A table for each thing that questions are sorted by.
pub fn of(report: &Report) -> Vec<Dimension<'_>> {
    report.slices.iter().map(|(by, values)| Dimension { by, rows: rows(values) }).collect()
}

fn rows<'a>(values: &'a BTreeMap<String, Slice>) -> Vec<Row<'a>> {
    let cell = |figure: Figure| Cell { value: Number::of(figure.value), interval: summary::interval(figure.ci95) };
    let figures =
        |slice: &Slice| SLICED.iter().map(|name| slice.figures.get(*name).copied().flatten().map(cell)).collect();
    let row = |(value, slice): (&'a String, &Slice)| Row {
        value,
        queries: slice.queries,
        groups: slice.groups,
        figures: figures(slice),
    };
    in_order(values).into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::outcome::Outcome;

    #[test]
    fn lengths_stand_by_their_numbers() {
        let words = |count: usize| {
            let mut outcome: Outcome = fixtures::outcome(&format!("q{count}"), true);
            outcome.question.text = "a ".repeat(count);
            outcome
        };
        let report = Report::of(fixtures::about(), [25, 15, 3, 8].map(words).into());
        let dimensions = of(&report);
        let lengths = dimensions.iter().find(|dimension| dimension.by == "length").unwrap();
        let values: Vec<&str> = lengths.rows.iter().map(|row| row.value).collect();
        assert_eq!(values, ["1–5 words", "6–10 words", "11–20 words", "over 20 words"]);
    }
}
