//! `eval dataset articles`: a set's articles as files that `ingest` takes, so that a server can be asked about them.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::corpus::Corpus;
use crate::dataset::{Articles, Dataset};

/// Writes the articles of a retrieval set or of a SQuAD file as Markdown files.
///
/// `ingest` them into a workspace of their own, and `eval run --url` finds the set's articles there.
#[derive(clap::Args)]
#[command(after_help = "Example:
  eval dataset articles wixqa --out wixqa-articles
  ingest wixqa-articles --workspace ID
  eval run --dataset wixqa --url http://127.0.0.1:8080")]
pub struct ArticlesArguments {
    /// A set.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// A folder that does not exist yet, or is empty.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// A set that cannot be read, a folder that holds something.
pub fn run(arguments: &ArticlesArguments) -> Result<ExitCode> {
    let set = Dataset::read(&arguments.path)?;
    if let Articles::Folder(folder) = &set.source {
        bail!("the articles of {} are files already: `ingest {}`", set.name, folder.display());
    }
    let out = &arguments.out;
    let unwritten = || format!("the folder {} cannot be written", out.display());
    fs::create_dir_all(out).with_context(unwritten)?;
    if fs::read_dir(out).with_context(unwritten)?.next().is_some() {
        bail!("{} holds something; name a folder that does not exist yet", out.display());
    }
    let corpus = Corpus::read(&set.source, &[])?;
    for file in &corpus.files {
        fs::write(out.join(&file.source), &file.bytes).with_context(unwritten)?;
    }
    println!("{} articles are in {}", corpus.files.len(), out.display());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn what_is_written_reads_back_as_the_same_articles_and_nothing_is_overwritten() {
        let set = fixtures::folder(&[
            ("corpus.jsonl", "{\"_id\": \"a/1\", \"title\": \"Fees\", \"text\": \"It costs $5.\"}\n"),
            ("queries.jsonl", "{\"_id\": \"q\", \"text\": \"What does it cost?\"}\n"),
            ("qrels.tsv", "q\ta/1\t1\n"),
        ]);
        let out = set.path().join("articles");
        let arguments = ArticlesArguments { path: set.path().to_owned(), out: out.clone() };
        run(&arguments).unwrap();
        let entries = Corpus::read(&Dataset::read(set.path()).unwrap().source, &[]).unwrap();
        assert_eq!(Corpus::read(&Articles::Folder(out), &[]).unwrap().digest(), entries.digest());
        assert!(run(&arguments).unwrap_err().to_string().contains("holds something"));
    }
}
