//! The set as a folder: written beside its place and moved there when it is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use candor::knowledge::source;
use serde_json::json;
use tempfile::TempDir;

use crate::manufacture::article::Article;
use crate::manufacture::candidates::Candidate;

/// The folder of articles in a set.
const ARTICLES: &str = "articles";

/// A set that is being written; what is not finished leaves nothing behind.
#[derive(Debug)]
pub struct SetFolder {
    target: PathBuf,
    begun: TempDir,
}

impl SetFolder {
    /// Begins a set that will lie at `target`.
    ///
    /// # Errors
    /// A sentence when something is there already, or when the folder around it cannot be written.
    pub fn begin(target: &Path) -> Result<Self> {
        let target = std::path::absolute(target)?;
        match fs::read_dir(&target) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    bail!("{} is not empty; name a folder that does not exist yet", target.display());
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => (),
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be used; name another folder", target.display()));
            }
        }
        let Some(parent) = target.parent() else {
            bail!("{} is no folder for a set; name another one", target.display())
        };
        let unwritable = || format!("{} cannot be written", parent.display());
        fs::create_dir_all(parent).with_context(unwritable)?;
        let begun = tempfile::Builder::new().prefix(".set-").tempdir_in(parent).with_context(unwritable)?;
        fs::create_dir(begun.path().join(ARTICLES)).with_context(unwritable)?;
        Ok(Self { target, begun })
    }

    /// Writes an article that stays, with what it includes.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn keep(&self, article: &Article) -> Result<()> {
        self.write(article.source(), &article.file.bytes)?;
        for (target, text) in article.fragments() {
            // Where it is an article as well, that is written as it is now.
            if !self.articles().join(&target).exists() {
                self.write(&target, text.as_bytes())?;
            }
        }
        Ok(())
    }

    fn write(&self, below: &str, bytes: &[u8]) -> Result<()> {
        let path = self.articles().join(below);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(&path, bytes)
        };
        write().with_context(|| format!("{below} cannot be written to the set"))
    }

    fn articles(&self) -> PathBuf {
        self.begun.path().join(ARTICLES)
    }

    /// Writes the questions, checks that the articles read as they did in the workspace, and moves the set to its place.
    ///
    /// `kept` has the digest of each article that stays, `taken_out` the sources of those that do not.
    ///
    /// # Errors
    /// A sentence; then nothing lies at the place.
    pub fn finish(
        self,
        questions: &[Candidate],
        kept: &BTreeMap<&str, &str>,
        taken_out: &BTreeSet<String>,
    ) -> Result<()> {
        let scan = source::scan(&[self.articles()])?;
        for (source, digest) in kept {
            let file = scan.files.get(*source).with_context(|| format!("{source} was not written to the set"))?;
            if file.read(source, usize::MAX)?.digest() != *digest {
                bail!(
                    "{source} includes a fragment that has changed since it was ingested; ingest its folder again, then repeat this"
                );
            }
        }
        let mut lines = String::new();
        for (place, question) in questions.iter().enumerate() {
            lines.push_str(&line(place + 1, question, taken_out.contains(&question.source)));
            lines.push('\n');
        }
        let root = self.begun.path();
        fs::write(root.join("questions.jsonl"), lines).context("questions.jsonl cannot be written")?;
        fs::write(root.join("dataset.json"), format!("{}\n", json!({ "docs": ARTICLES })))
            .context("dataset.json cannot be written")?;
        // Onto an empty folder this succeeds, onto anything else it fails: nothing is ever written over.
        fs::rename(root, &self.target)
            .with_context(|| format!("{} cannot be made; name another folder", self.target.display()))?;
        // It has gone from where it was begun.
        let _ = self.begun.keep();
        Ok(())
    }
}

/// The question as a line of `questions.jsonl`, in the order of the shipped sets' fields.
fn line(number: usize, question: &Candidate, is_taken_out: bool) -> String {
    let quoted = |value: &serde_json::Value| value.to_string();
    let of_kept = |value: serde_json::Value| if is_taken_out { json!([]) } else { value };
    let mut fields = vec![
        ("_id", json!(format!("m{number:05}"))),
        ("text", json!(question.wording.text)),
        ("answerable", json!(!is_taken_out)),
        ("gold", of_kept(json!([question.source]))),
        ("answers", of_kept(json!(question.answers))),
        ("support", of_kept(json!(question.support))),
        ("kind", json!(question.wording.kind)),
        ("history", json!([])),
        ("group", json!(question.source)),
        ("subset", json!(question.subset.name())),
    ];
    if is_taken_out {
        fields.push(("removed_answers", json!(question.answers)));
    }
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\": {}", quoted(value))).collect();
    format!("{{{}}}", fields.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;
    use crate::manufacture::candidates::Subset;
    use crate::manufacture::samples;
    use crate::manufacture::wording::Wording;

    fn question(source: &str) -> Candidate {
        Candidate {
            source: source.into(),
            subset: Subset::Heading,
            wording: Wording { text: format!("What of \"{source}\"?"), kind: "fact" },
            answers: vec!["30 days".into()],
            support: vec!["You have 30 days.".into()],
        }
    }

    #[test]
    fn a_finished_set_is_read_as_one() {
        let around = tempfile::tempdir().unwrap();
        let target = around.path().join("made");
        let folder = SetFolder::begin(&target).unwrap();
        let article = samples::article("a/b.md", "# Returns\n\nYou have 30 days.");
        folder.keep(&article).unwrap();
        let digest = article.file.digest();
        let kept = BTreeMap::from([("a/b.md", digest.as_str())]);
        folder.finish(&[question("a/b.md"), question("c.md")], &kept, &BTreeSet::from(["c.md".to_owned()])).unwrap();

        let set = Dataset::read(&target).unwrap();
        assert_eq!((set.name.as_str(), set.questions.len(), set.group_count()), ("made", 2, 2));
        assert_eq!((set.questions[0].gold.as_slice(), set.questions[0].answerable), (&["a/b.md".to_owned()][..], true));
        assert!(!set.questions[1].answerable && set.questions[1].answers.is_empty());
        let lines = fs::read_to_string(target.join("questions.jsonl")).unwrap();
        assert!(lines.lines().nth(1).unwrap().ends_with("\"removed_answers\": [\"30 days\"]}"), "{lines}");
        assert_eq!(fs::read(target.join("articles/a/b.md")).unwrap(), article.file.bytes);
        assert_eq!(fs::read_dir(around.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn nothing_is_written_over_and_nothing_left_of_a_failure() {
        let around = tempfile::tempdir().unwrap();
        fs::write(around.path().join("mine.txt"), "mine").unwrap();
        let error = SetFolder::begin(around.path()).unwrap_err().to_string();
        assert!(error.contains("is not empty"), "{error}");

        let target = around.path().join("made");
        let folder = SetFolder::begin(&target).unwrap();
        let error = folder.finish(&[question("a.md")], &BTreeMap::from([("a.md", "0")]), &BTreeSet::new()).unwrap_err();
        assert!(error.to_string().contains("a.md"), "{error}");
        assert_eq!(fs::read_dir(around.path()).unwrap().count(), 1);

        let folder = SetFolder::begin(&target).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join("theirs.txt"), "theirs").unwrap();
        assert!(folder.finish(&[question("a.md")], &BTreeMap::new(), &BTreeSet::new()).is_err());
        assert_eq!(fs::read(target.join("theirs.txt")).unwrap(), b"theirs");
    }
}
