//! The answers of a run that has not finished: a run that is cut off goes on where it was.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::outcome::Asked;

/// A file with one line an answer. It goes when the run is done.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Answers of the run before, by question id.
    answers: HashMap<String, Asked>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    asked: Asked,
}

impl Journal {
    /// Opens the journal of the run that `parts` describe: everything that decides what is asked and what comes back.
    ///
    /// # Errors
    /// When the file cannot be used, or another process has it.
    pub fn open(folder: &Path, parts: &[&str]) -> Result<Self> {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        let path = folder.join(format!("unfinished-{}.jsonl", &hex::encode(digest.finalize())[..16]));
        let unusable = || format!("the answers so far in {} cannot be used", path.display());
        let file = OpenOptions::new().create(true).append(true).read(true).open(&path).with_context(unusable)?;
        match file.try_lock() {
            Ok(()) => (),
            Err(fs::TryLockError::WouldBlock) => bail!("the same run is under way in another process; wait for it"),
            Err(fs::TryLockError::Error(error)) => return Err(error).with_context(unusable),
        }
        let mut answers = HashMap::new();
        for line in BufReader::new(&file).lines() {
            // The last line of a run that was killed may be half of one.
            let Ok(Line { id, asked }) = serde_json::from_str(&line.with_context(unusable)?) else { continue };
            answers.insert(id, asked);
        }
        let mut journal = Self { path, file, answers };
        if !journal.answers.is_empty() {
            // After half a line the next would not be one either.
            journal.file.write_all(b"\n")?;
        }
        Ok(journal)
    }

    /// Begins anew.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget(&mut self) -> Result<()> {
        self.answers.clear();
        self.file.set_len(0).with_context(|| format!("{} cannot be emptied", self.path.display()))
    }

    /// The answer to the question `id`, if the run before had one.
    pub fn take(&mut self, id: &str) -> Option<Asked> {
        self.answers.remove(id)
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, id: &str, asked: &Asked) -> Result<()> {
        let line = serde_json::to_string(&Line { id: id.to_owned(), asked: asked.clone() })?;
        let unwritten = || format!("the answers so far cannot be written to {}", self.path.display());
        writeln!(self.file, "{line}").with_context(unwritten)
    }

    /// The run is done: nothing is to be gone on with.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn finish(self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(|| {
                format!("{} cannot be removed; remove it, or the next run repeats it", self.path.display())
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::asked;

    #[test]
    fn what_was_noted_is_there_after_a_run_that_was_cut_off_in_the_middle_of_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), &["a", "b"]).unwrap();
        journal.note("q1", &asked("One.", "a")).unwrap();
        journal.note("q2", &asked("Two.", "b")).unwrap();
        let path = journal.path.clone();
        drop(journal);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 9]).unwrap();

        let mut journal = Journal::open(folder.path(), &["a", "b"]).unwrap();
        assert_eq!(journal.take("q1").unwrap().draft, "One.");
        assert_eq!(journal.take("q2"), None);
        journal.note("q2", &asked("Two again.", "b")).unwrap();
        drop(journal);
        let mut journal = Journal::open(folder.path(), &["a", "b"]).unwrap();
        assert_eq!(journal.take("q2").unwrap().draft, "Two again.");
        journal.finish().unwrap();
        assert!(Journal::open(folder.path(), &["a", "b"]).unwrap().answers.is_empty());
    }

    #[test]
    fn another_run_has_another_journal_and_the_same_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), &["a", "b"]).unwrap();
        journal.note("q1", &asked("One.", "a")).unwrap();
        assert!(Journal::open(folder.path(), &["ab"]).unwrap().take("q1").is_none());
        assert!(Journal::open(folder.path(), &["a", "b"]).unwrap_err().to_string().contains("under way"));
    }
}
