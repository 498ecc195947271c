//! A table as lines of text, each of which can be understood without the others.

/// A longer header is not repeated in front of its cells.
const HEADER_CHARS_MAX: usize = 80;

/// Rows and cells gathered from Markdown or HTML.
#[derive(Debug, Default)]
pub(super) struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Whether the row being filled holds headers.
    in_head: bool,
}

impl Table {
    /// Begins a row; `is_head` makes its cells the headers.
    pub(super) fn begin_row(&mut self, is_head: bool) {
        self.in_head = is_head;
        if !is_head {
            self.rows.push(Vec::new());
        }
    }

    /// Makes the row that has just begun the headers, if it is the first one.
    pub(super) fn turn_into_head(&mut self) {
        let is_fresh = self.rows.len() <= 1 && self.rows.iter().all(Vec::is_empty);
        if is_fresh && self.headers.is_empty() {
            self.rows.clear();
            self.in_head = true;
        }
    }

    /// Adds a cell to the current row.
    pub(super) fn cell(&mut self, text: &str) {
        let cell = on_one_line(text);
        if self.in_head {
            self.headers.push(cell);
        } else if let Some(row) = self.rows.last_mut() {
            row.push(cell);
        } else {
            self.rows.push(vec![cell]);
        }
    }

    /// One line per row: "Header: cell; Header: cell". Empty cells are left out; a blank header
    /// leaves its cell alone. Without any row that has text, the headers themselves are the line.
    ///
    /// `label_bytes_left` bounds what repeating the headers may add to the text.
    pub(super) fn lines(&self, label_bytes_left: &mut usize) -> String {
        let lines: Vec<String> =
            self.rows.iter().map(|row| self.line(row, label_bytes_left)).filter(|line| !line.is_empty()).collect();
        if !lines.is_empty() {
            return lines.join("\n");
        }
        let headers: Vec<&str> = self.headers.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        headers.join("; ")
    }

    fn line(&self, row: &[String], label_bytes_left: &mut usize) -> String {
        let mut parts = Vec::with_capacity(row.len());
        for (column, cell) in row.iter().enumerate() {
            if cell.is_empty() {
                continue;
            }
            let header = self.headers.get(column).map(|header| header.trim_end_matches([':', ' '])).unwrap_or_default();
            let labelled = !header.is_empty()
                && header != cell
                && header.chars().count() <= HEADER_CHARS_MAX
                && header.len() <= *label_bytes_left;
            if labelled {
                *label_bytes_left -= header.len();
                parts.push(format!("{header}: {cell}"));
            } else {
                parts.push(cell.clone());
            }
        }
        parts.join("; ")
    }
}

/// Joins the lines of a cell: with a blank where punctuation separates them already, else with a
/// comma. Bullets go, since the line is read as a sentence.
fn on_one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("- ").unwrap_or(line).trim_start();
        if line.is_empty() {
            continue;
        }
        if !out.is_empty() {
            let separated = out.ends_with(['.', ',', ';', ':', '!', '?', '(', '/', '-', '…', '。', '：'])
                || line.starts_with(['(', ',', ';', '.', ')', '/']);
            out.push_str(if separated { " " } else { ", " });
        }
        out.push_str(line);
    }
    out
}
