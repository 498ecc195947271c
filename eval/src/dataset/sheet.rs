//! The questions of a support set from a table (CSV), each field from the column that `dataset.json` names.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use csv::{ByteRecord, Position, StringRecord, Terminator};
use sha2::{Digest, Sha256};

use super::Turn;
use super::problem::{Problems, counted, quoted};
use super::question::Given;

/// What a column can hold.
const FIELDS: [&str; 13] = [
    "_id",
    "text",
    "answerable",
    "gold",
    "answers",
    "support",
    "kind",
    "intent",
    "subset",
    "tags",
    "language",
    "group",
    "history",
];

/// Bytes that are looked at for the heading line.
const HEADING_BYTES_MAX: usize = 64 * 1024;

/// How a table is to be read.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub path: &'a Path,
    /// Where `columns` and `separator` stand.
    pub settings: &'a Path,
    /// The heading of each field's column; a field without one is looked for under its own name.
    pub columns: &'a BTreeMap<String, String>,
    /// What stands between the items of a list in one cell.
    pub separator: &'a str,
}

/// The cells of one row by field.
struct Row<'a> {
    cells: &'a StringRecord,
    places: &'a HashMap<&'static str, usize>,
    separator: &'a str,
}

impl Reading<'_> {
    /// Hands each row with any content to `take`, with its line. Whether all of the file was understood.
    pub fn each_row(
        &self,
        digest: &mut Sha256,
        problems: &mut Problems,
        mut take: impl FnMut(usize, Given, &mut Problems),
    ) -> bool {
        let file = match File::open(self.path) {
            Ok(file) => file,
            Err(error) => {
                problems.error(self.path, None, format!("it cannot be read: {error}"));
                return false;
            }
        };
        let mut rows = rows_of(Digested { file, digest });
        let mut record = ByteRecord::new();
        let mut places = None;
        let mut headings = 0;
        let mut whole = true;
        for number in 0_usize.. {
            match rows.read_byte_record(&mut record) {
                Ok(true) => (),
                Ok(false) => break,
                Err(error) => {
                    problems.error(self.path, None, format!("it cannot be read: {error}"));
                    return false;
                }
            }
            let line = line_of(&record, rows.position());
            let cells = match StringRecord::from_byte_record(record.clone()) {
                Ok(cells) => cells,
                Err(error) => {
                    problems.error(self.path, line, format!("it is not UTF-8: {error}"));
                    whole = false;
                    if places.is_none() {
                        return false;
                    }
                    continue;
                }
            };
            let Some(places) = &places else {
                headings = cells.len();
                places = self.places(&cells, line, problems);
                if places.is_none() {
                    return false;
                }
                continue;
            };
            // Spreadsheets write rows of empty cells after the last one.
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if cells.len() != headings {
                let what = format!("it has {} and the heading line {headings}", counted(cells.len(), "cell"));
                problems.error(self.path, line, what);
                whole = false;
                continue;
            }
            match (Row { cells: &cells, places, separator: self.separator }).given(number) {
                Ok(given) => take(line, given, problems),
                Err(what) => {
                    problems.error(self.path, line, what);
                    whole = false;
                }
            }
        }
        if places.is_none() {
            problems.error(self.path, None, "it is empty; a table starts with a line of headings");
        }
        whole && places.is_some()
    }

    /// The column of each field; `None` when there is an error.
    fn places(
        &self,
        headings: &StringRecord,
        line: usize,
        problems: &mut Problems,
    ) -> Option<HashMap<&'static str, usize>> {
        let before = problems.errors();
        let all: Vec<String> = headings.iter().map(|heading| quoted(heading.trim())).collect();
        for field in self.columns.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
            let what = format!("\"columns\" has {}, which is no field; those are {}", quoted(field), FIELDS.join(", "));
            problems.error(self.settings, None, what);
        }
        if self.separator.is_empty() {
            problems.error(self.settings, None, "\"list_separator\" is empty");
        }
        let mut places = HashMap::new();
        for field in FIELDS {
            let named = self.columns.get(field);
            let heading = named.map_or(field, |heading| heading.trim());
            let mut found = headings.iter().enumerate().filter(|(_, other)| other.trim() == heading);
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => {
                    problems.error(self.path, line, format!("the heading {} stands twice", quoted(heading)));
                }
                (Some((place, _)), None) => {
                    places.insert(field, place);
                }
                (None, _) if named.is_some() || field == "text" => {
                    let what = format!(
                        "no column has the heading {}, which \"{field}\" is read from; its headings are {}; name the \
                         right one under \"columns\" in {}",
                        quoted(heading),
                        all.join(", "),
                        self.settings.display()
                    );
                    problems.error(self.path, line, what);
                }
                (None, _) => (),
            }
        }
        (problems.errors() == before).then_some(places)
    }
}

impl Row<'_> {
    /// The question of row `number` from 1, which is its id where no column holds one.
    fn given(&self, number: usize) -> Result<Given, String> {
        let id = if self.places.contains_key("_id") {
            self.cell("_id").unwrap_or_default().to_owned()
        } else {
            number.to_string()
        };
        Ok(Given {
            id,
            text: self.cell("text").unwrap_or_default().to_owned(),
            answerable: self.cell("answerable").map(truth).transpose()?,
            gold: self.list("gold"),
            answers: self.list("answers"),
            support: self.list("support"),
            kind: self.owned("kind"),
            subset: self.owned("subset"),
            intent: self.owned("intent"),
            tags: self.list("tags"),
            language: self.owned("language"),
            history: self.list("history").iter().map(|turn| said(turn)).collect::<Result<_, _>>()?,
            group: self.owned("group"),
            passage_id: None,
        })
    }

    fn cell(&self, field: &str) -> Option<&str> {
        let cell = self.cells.get(*self.places.get(field)?)?.trim();
        (!cell.is_empty()).then_some(cell)
    }

    fn owned(&self, field: &str) -> Option<String> {
        self.cell(field).map(str::to_owned)
    }

    fn list(&self, field: &str) -> Vec<String> {
        let items = self.cell(field).map(|cell| cell.split(self.separator)).into_iter().flatten();
        items.map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
    }
}

fn truth(cell: &str) -> Result<bool, String> {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("whether it is answerable is true (yes, 1) or false (no, 0), and not {}", quoted(cell))),
    }
}

fn said(turn: &str) -> Result<Turn, String> {
    let (sender, text) = turn.split_once(':').ok_or_else(|| {
        format!("a message of a history starts with \"user:\" or \"bot:\", and {} does not", quoted(turn))
    })?;
    Ok(Turn { sender: sender.trim().to_owned(), text: text.trim().to_owned() })
}

/// The rows of a table, the heading line among them, of whatever length each is.
///
/// A carriage return before the end of a line stays in the last cell, for whoever trims it: the reader would count
/// such a line only with the next one.
fn rows_of(source: impl Read) -> csv::Reader<impl Read> {
    let mut bytes = BufReader::with_capacity(HEADING_BYTES_MAX, source);
    // An error comes again where the rows are read.
    let delimiter = bytes.fill_buf().map_or(b',', delimiter);
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter).terminator(Terminator::Any(b'\n'));
    // The last row ends as all others do.
    builder.from_reader(bytes.chain(&b"\n"[..]))
}

/// The line that a row starts in, from where the next one is looked for: the row's own position comes before the blank
/// lines above it.
fn line_of(row: &ByteRecord, next: &Position) -> usize {
    let lines = row.as_slice().split(|byte| *byte == b'\n').count();
    let line = |position: &Position| usize::try_from(position.line()).unwrap_or(usize::MAX);
    let earliest = row.position().map_or(1, line);
    line(next).saturating_sub(lines).max(earliest)
}

/// The one of `,` `;` and tab that stands most often in the heading line, outside of quotes.
fn delimiter(start: &[u8]) -> u8 {
    let mut in_quotes = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let headings = start.iter().skip_while(|byte| matches!(byte, b'\r' | b'\n'));
    for byte in headings {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b'\r' | b'\n' if !in_quotes => break,
            _ if in_quotes => (),
            byte => {
                if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| delimiter == byte) {
                    *count += 1;
                }
            }
        }
    }
    // The first of those that are equal.
    counts.iter().rev().max_by_key(|(_, count)| count).map_or(b',', |(delimiter, _)| *delimiter)
}

/// The headings of a table, for somebody who has to name them.
pub(super) fn headings(path: &Path) -> Vec<String> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    let mut record = StringRecord::new();
    // What cannot be read has no headings to show.
    let _ = rows_of(file).read_record(&mut record);
    record.iter().map(|heading| heading.trim().to_owned()).collect()
}

/// A file that adds what is read of it to the digest.
struct Digested<'a> {
    file: File,
    digest: &'a mut Sha256,
}

impl Read for Digested<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.digest.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::{Articles, Dataset, DatasetError, Examined, examine};
    use super::*;
    use crate::fixtures;

    const COLUMNS: &str = r#"{"docs": "docs", "questions": "faq.csv", "columns": {"text": "Question", "answers": "Answer", "gold": "Article"}}"#;

    fn set(settings: &str, table: &str) -> TempDir {
        let articles = [("docs/a.md", "It costs $5."), ("docs/b.md", "Text.")];
        fixtures::folder(&[articles.as_slice(), &[("dataset.json", settings), ("faq.csv", table)]].concat())
    }

    fn examined(settings: &str, table: &str) -> Examined {
        examine(set(settings, table).path()).unwrap()
    }

    fn told(settings: &str, table: &str) -> String {
        fixtures::told(&examined(settings, table).problems)
    }

    #[test]
    fn columns_are_read_by_their_headings() {
        let table = "Article,Question, Answer ,Team\r\na.md,\"How much, please?\",$5|five dollars,x\r\n";
        let folder = set(COLUMNS, table);
        let set = Dataset::read(folder.path()).unwrap();
        assert!(matches!(set.source, Articles::Folder(_)));
        let question = &set.questions[0];
        assert_eq!((question.id.as_str(), question.text.as_str()), ("1", "How much, please?"));
        assert_eq!((question.gold.as_slice(), question.group.as_str()), (["a.md".to_owned()].as_slice(), "a.md"));
        assert_eq!(question.answers, ["$5", "five dollars"]);
        assert!(question.answerable);
        assert_eq!(set.sha256, hex::encode(Sha256::digest(format!("{COLUMNS}{table}"))));
    }

    #[test]
    fn every_field_has_its_own_name_as_heading_where_none_is_given() {
        let table = "_id;text;answerable;gold;answers;support;kind;intent;subset;tags;language;group;history\n\
            x1;And?;Yes;a.md/b.md;$5;It costs $5.;howto;greeting;s;one/two;en;g;customer: Hi / bot: Hello: you?\n\
            x2;Who?;no;;;;;;;;;;\n";
        let settings = r#"{"docs": "docs", "questions": "faq.csv", "list_separator": "/"}"#;
        let Examined { set, problems, lines, .. } = examined(settings, table);
        assert_eq!(fixtures::told(&problems), "");
        assert_eq!(lines, [Some(2), Some(3)]);
        let question = &set.questions[0];
        assert_eq!((question.id.as_str(), question.answerable, question.group.as_str()), ("x1", true, "g"));
        assert_eq!((question.gold.len(), question.support.len(), question.tags.len()), (2, 1, 2));
        let texts = [&question.kind, &question.intent, &question.subset, &question.language];
        assert_eq!(texts.map(Option::as_deref), [Some("howto"), Some("greeting"), Some("s"), Some("en")]);
        let said: Vec<[&str; 2]> = question.history.iter().map(|turn| [&*turn.sender, &*turn.text]).collect();
        assert_eq!(said, [["user", "Hi"], ["bot", "Hello: you?"]]);
        assert!(!set.questions[1].answerable);
    }

    #[test]
    fn the_delimiter_is_told_from_the_heading_line() {
        for (start, expected) in [
            ("a,b;c,d\n;;;;", b','),
            ("a;b\n", b';'),
            ("a\tb\tc;\n", b'\t'),
            ("\"a;b;c\",d\n", b','),
            ("\r\na;b\n", b';'),
            ("text", b','),
        ] {
            assert_eq!(delimiter(start.as_bytes()), expected, "{start}");
        }
    }

    #[test]
    fn lines_are_those_of_an_editor() {
        for end in ["\n", "\r\n"] {
            let rows = ["text,kind", "one,x", "", "\"two", "lines\",x", ",", "three", "", "four,x"];
            let settings = r#"{"docs": "docs", "questions": "faq.csv"}"#;
            let Examined { lines, problems, .. } = examined(settings, &format!("\u{feff}{}", rows.join(end)));
            assert_eq!(lines, [Some(2), Some(4), Some(9)]);
            let told = fixtures::told(&problems);
            assert!(told.contains("faq.csv:7: error: it has 1 cell and the heading line 2"), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_line() {
        let cases = [
            ("", "faq.csv: error: it is empty"),
            ("Question,Answer,Article\n", "faq.csv: error: it holds no question"),
            ("Question,Answer,Article\n,x,a.md\n", "faq.csv:2: error: question \"1\" has an empty text"),
            ("Question,Answer,Article\nq,x,z.md\n", "faq.csv:2: error: question \"1\" has the gold article \"z.md\""),
            ("Question,Answer,Question,Article\n", "faq.csv:1: error: the heading \"Question\" stands twice"),
            (
                "Question,Reply,Article\nq,x,a.md\n",
                "faq.csv:1: error: no column has the heading \"Answer\", which \"answers\" is read from; its headings are \
                 \"Question\", \"Reply\", \"Article\"; name the right one under \"columns\" in ",
            ),
            (
                "Question,Answer,Article,answerable\nq,x,a.md,maybe\n",
                "faq.csv:2: error: whether it is answerable is true",
            ),
            ("Question,Answer,Article,history\nq,x,a.md,Hi\n", "faq.csv:2: error: a message of a history starts with"),
            ("Question,Answer,Article,history\nq,x,a.md,me: Hi\n", "message 1 of its history is of \"me\""),
            ("Question,Answer,Article,history\nq,x,a.md,user:\n", "message 1 of its history is empty"),
            ("Question,Answer,Article,_id\nq,x,a.md,\n", "faq.csv:2: error: its id is empty"),
            (
                "Question,Answer,Article,_id\nq,x,a.md,1\nr,x,a.md,1\n",
                "faq.csv:3: error: the id \"1\" stands in line 2",
            ),
        ];
        for (table, expected) in cases {
            let told = told(COLUMNS, table);
            assert!(told.contains(expected), "{expected} is not in {told}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_told_by_line() {
        let folder = set(COLUMNS, "");
        std::fs::write(folder.path().join("faq.csv"), b"Question,Answer,Article\nq,x,a.md\n\xff,x,a.md\n").unwrap();
        let told = fixtures::told(&examine(folder.path()).unwrap().problems);
        assert!(told.contains("faq.csv:3: error: it is not UTF-8"), "{told}");
    }

    #[test]
    fn settings_that_cannot_be_followed_are_errors() {
        let table = "Question,Answer,Article\nq,x,a.md\n";
        let with = |more: &str| told(&format!("{{\"docs\": \"docs\", \"questions\": \"faq.csv\", {more}}}"), table);
        let told = with(r#""columns": {"text": "Question", "reply": "Answer"}"#);
        assert!(
            told.contains("dataset.json: error: \"columns\" has \"reply\", which is no field; those are _id, text,")
        );
        let told = with(r#""columns": {"text": "Question"}, "list_separator": """#);
        assert!(told.contains("dataset.json: error: \"list_separator\" is empty"), "{told}");
        let told = with(r#""columns": ["Question"]"#);
        assert!(told.contains("dataset.json:1: error: invalid type: sequence"), "{told}");
        let told = self::told(r#"{"docs": "docs", "questions": "faq.xlsx"}"#, table);
        assert!(told.contains("dataset.json: error: \"questions\" names \"faq.xlsx\""), "{told}");
        let told = self::told(r#"{"docs": "docs", "questions": "other.csv"}"#, table);
        assert!(told.contains("other.csv: error: it cannot be read"), "{told}");
    }

    #[test]
    fn a_table_alone_is_told_what_it_lacks() {
        let folder = set(COLUMNS, "Question;Answer\nq;x\n");
        let error = Dataset::read(&folder.path().join("faq.csv")).unwrap_err();
        assert!(matches!(error, DatasetError::BareTable { .. }));
        let told = error.to_string();
        assert!(
            told.contains(r#"{"docs": "FOLDER OF ARTICLES", "questions": "faq.csv", "columns": {"text": "Question"}}"#)
        );
        assert!(told.contains("its headings are \"Question\", \"Answer\""), "{told}");
    }
}
