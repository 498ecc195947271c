//! The rows of an article's Markdown tables.

use std::collections::HashMap;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::matching::normalised_words;

/// One cell with what names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// The first cell of the row, which no other row of the table has.
    pub label: String,
    /// The column's heading.
    pub column: String,
    pub cell: String,
}

/// A table as it is written, emphasis and links resolved.
#[derive(Default)]
struct Table {
    /// The first row is that of the headings.
    rows: Vec<Vec<String>>,
}

/// Every cell of `markdown` that can be asked for: its row has a label that no other row of the table has, its column a
/// heading, and no other row has the same in that column.
#[must_use]
pub fn read(markdown: &str) -> Vec<TableRow> {
    tables(markdown).iter().flat_map(Table::askable).collect()
}

fn tables(markdown: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut cell: Option<String> = None;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(Tag::Table(_)) => tables.push(Table::default()),
            Event::Start(Tag::TableHead | Tag::TableRow) => {
                if let Some(table) = tables.last_mut() {
                    table.rows.push(Vec::new());
                }
            }
            Event::Start(Tag::TableCell) => cell = Some(String::new()),
            Event::End(TagEnd::TableCell) => {
                let row = tables.last_mut().and_then(|table| table.rows.last_mut());
                if let (Some(row), Some(text)) = (row, cell.take()) {
                    row.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(cell) = &mut cell {
                    cell.push_str(&text);
                }
            }
            // What only HTML lays out is not one fact.
            Event::InlineHtml(_) | Event::SoftBreak | Event::HardBreak => {
                if let Some(cell) = &mut cell {
                    cell.push(' ');
                }
            }
            _ => (),
        }
    }
    tables
}

impl Table {
    fn askable(&self) -> Vec<TableRow> {
        let Some((headings, rows)) = self.rows.split_first() else { return Vec::new() };
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let mut counts: HashMap<(usize, Vec<String>), usize> = HashMap::new();
        for row in rows {
            for (column, cell) in row.iter().enumerate() {
                *counts.entry((column, normalised_words(cell))).or_default() += 1;
            }
        }
        let is_the_only = |column: usize, cell: &str| {
            let words = normalised_words(cell);
            !words.is_empty() && counts.get(&(column, words)) == Some(&1)
        };
        let mut askable = Vec::new();
        for row in rows.iter().filter(|row| is_the_only(0, &cell(row, 0))) {
            for column in 1..headings.len().min(row.len()) {
                let is_named = !normalised_words(&headings[column]).is_empty();
                if is_named && is_the_only(column, &row[column]) {
                    askable.push(TableRow {
                        label: cell(row, 0),
                        column: headings[column].trim_end_matches([':', ' ']).to_owned(),
                        cell: row[column].clone(),
                    });
                }
            }
        }
        askable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, column: &str, cell: &str) -> TableRow {
        TableRow { label: label.into(), column: column.into(), cell: cell.into() }
    }

    #[test]
    fn a_row_gives_each_cell_with_its_column() {
        let markdown = "| Part | **Warranty** | `Code` |\n|---|---|---|\n| Frame\u{a0}| [6 years](x) | `F1` |\n| Fork | 2 years | F2 |\n";
        let expected = [
            row("Frame", "Warranty", "6 years"),
            row("Frame", "Code", "F1"),
            row("Fork", "Warranty", "2 years"),
            row("Fork", "Code", "F2"),
        ];
        assert_eq!(read(markdown), expected);
    }

    #[test]
    fn what_does_not_name_one_cell_is_not_asked_for() {
        // A label twice, a cell twice, an empty cell, a column without a heading.
        let markdown = "| A | B | |\n|---|---|---|\n| x | 1 | p |\n| x | 2 | q |\n| y | same | r |\n| z | same | |\n| w | 3 | s |\n";
        assert_eq!(read(markdown), [row("w", "B", "3")]);
        assert!(read("No table | here.\n").is_empty());
    }
}
