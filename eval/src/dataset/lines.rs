//! Files of one record a line, read one line at a time.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::problem::Problems;

/// Hands each line that is not blank to `take`, with its number from 1, and adds every byte to `digest`.
///
/// Whether the file could be read to its end and `take` refused no line: only then is it known what the file does *not*
/// hold.
pub(super) fn each_line(
    path: &Path,
    digest: &mut Sha256,
    problems: &mut Problems,
    mut take: impl FnMut(usize, &str, &mut Problems) -> Result<(), String>,
) -> bool {
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) => {
            problems.error(path, None, format!("it cannot be read: {error}"));
            return false;
        }
    };
    let mut whole = true;
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        match reader.read_until(b'\n', &mut bytes) {
            Ok(0) => break,
            Ok(_) => digest.update(&bytes),
            Err(error) => {
                problems.error(path, number, format!("it cannot be read: {error}"));
                return false;
            }
        }
        let line = std::str::from_utf8(&bytes).map_err(|error| format!("it is not UTF-8: {error}"));
        let taken = line.and_then(|line| {
            let line = line.strip_prefix('\u{feff}').unwrap_or(line).trim_end_matches(['\r', '\n']);
            if line.trim().is_empty() { Ok(()) } else { take(number, line, problems) }
        });
        if let Err(what) = taken {
            problems.error(path, number, what);
            whole = false;
        }
    }
    whole
}

/// Reads a line of JSON.
pub(super) fn parse<'line, T: Deserialize<'line>>(line: &'line str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| format!("{} (column {})", without_place(&error), error.column()))
}

/// What is wrong with a piece of JSON, without serde's place: the line that it counts starts at the piece and would
/// contradict the file's.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let what = error.to_string();
    what.split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn lines(bytes: &[u8]) -> (Vec<(usize, String)>, Vec<String>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, bytes).unwrap();
        let (mut digest, mut problems, mut lines) = (Sha256::new(), Problems::default(), Vec::new());
        let whole = each_line(&path, &mut digest, &mut problems, |number, line, _| {
            lines.push((number, line.to_owned()));
            if line == "no" { Err("refused".to_owned()) } else { Ok(()) }
        });
        assert_eq!(digest.finalize(), Sha256::digest(bytes));
        let problems = problems.kept().iter().map(|problem| format!("{:?} {}", problem.line, problem.what)).collect();
        (lines, problems, whole)
    }

    #[test]
    fn blank_lines_line_ends_and_a_byte_order_mark_are_no_content() {
        let (lines, problems, whole) = lines("\u{feff}a\r\n\n \nb".as_bytes());
        assert_eq!(lines, [(1, "a".to_owned()), (4, "b".to_owned())]);
        assert!(problems.is_empty() && whole);
    }

    #[test]
    fn a_broken_line_does_not_hide_the_next() {
        let (lines, problems, whole) = lines(b"\xff\nno\nno\na\n");
        assert_eq!(lines.len(), 3);
        assert!(problems[0].starts_with("Some(1) it is not UTF-8"), "{problems:?}");
        assert_eq!(problems[1..], ["Some(2) refused", "Some(3) refused"]);
        assert!(!whole);
    }

    #[test]
    fn a_file_that_is_not_there_is_a_problem() {
        let mut problems = Problems::default();
        assert!(!each_line(Path::new("/nowhere/at/all"), &mut Sha256::new(), &mut problems, |_, _, _| Ok(())));
        assert!(problems.kept()[0].to_string().starts_with("/nowhere/at/all: error: it cannot be read: "));
    }
}
