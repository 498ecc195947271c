//! `eval dataset answers`: answers that the articles of a set support, and the same answers made false, for `eval grounding`.
//!
//! A supported answer is a sentence that holds a gold answer, as it stands or said otherwise by rules that keep its meaning. One that is
//! not is such a sentence made false in one way, which its `kind` names. Everything is drawn with the seed.

mod corruption;
mod draw;
mod make;
mod rewording;
mod scene;
mod sources;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::corpus::Corpus;
use crate::dataset::{Dataset, Question};
use crate::labelled::corruption::Kind;
use crate::labelled::make::Line;
use crate::labelled::scene::{Elsewhere, Source};
use crate::labelled::sources::Asked;
use crate::{table, written};

/// Makes labelled answers of a set: supported ones, and the same made false in the ways that models do.
#[derive(clap::Args)]
#[command(after_help = "Example:
  eval dataset answers squad2-dev --out answers.jsonl --limit 500
  eval grounding answers.jsonl")]
pub struct AnswersArguments {
    /// A set with gold answers.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Where the answers are written, one a line.
    #[arg(long, value_name = "FILE.jsonl")]
    out: PathBuf,
    /// What is made false; all of them where none is named.
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// Takes at most this many sentences of the set, drawn with the seed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Decides which sentences are taken and how they are changed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Runs the command.
///
/// # Errors
/// A set that cannot be read or makes no answer, a file that cannot be written.
pub fn run(arguments: &AnswersArguments) -> Result<ExitCode> {
    written::check(&arguments.out)?;
    let set = Dataset::read(&arguments.path)?;
    let corpus = Corpus::read(&set.source, &[])?;
    let (mut sources, elsewhere) = sources_of(&set.questions, &corpus);
    if sources.is_empty() {
        bail!("{} has no question whose gold answer stands in a sentence of its gold article", set.name);
    }
    if let Some(limit) = arguments.limit {
        sources = drawn(sources, usize::try_from(limit).unwrap_or(usize::MAX), arguments.seed);
    }
    let kinds = if arguments.kinds.is_empty() { Kind::value_variants() } else { &arguments.kinds };
    let lines = make::make(&sources, &elsewhere, kinds, arguments.seed);
    let mut text = String::new();
    for line in &lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    written::write(&arguments.out, text)?;
    print(&sources, &lines);
    println!("They are in {}", arguments.out.display());
    Ok(ExitCode::SUCCESS)
}

/// The sentences that answer a set's questions, and what all its articles say.
fn sources_of(questions: &[Question], corpus: &Corpus) -> (Vec<Source>, Elsewhere) {
    let (mut sources, mut elsewhere) = (Vec::new(), Elsewhere::default());
    let (mut taken, mut read) = (HashSet::new(), HashSet::new());
    for question in questions.iter().filter(|question| question.answerable) {
        let Some(article) = question.gold.first() else { continue };
        let Some(text) = corpus.plain_text(article) else { continue };
        if read.insert(article) {
            elsewhere.add(&text, &question.group);
        }
        let asked = Asked {
            question: &question.text,
            answers: &question.answers,
            support: &question.support,
            group: &question.group,
        };
        sources.extend(sources::source(&text, asked, &mut taken));
    }
    (sources, elsewhere)
}

/// At most `limit` of them, in their order.
fn drawn(sources: Vec<Source>, limit: usize, seed: u64) -> Vec<Source> {
    let mut places = draw::Draw::new(seed, "sources").order(sources.len());
    places.truncate(limit);
    let places: HashSet<usize> = places.into_iter().collect();
    sources.into_iter().enumerate().filter(|(place, _)| places.contains(place)).map(|(_, source)| source).collect()
}

fn print(sources: &[Source], lines: &[Line]) {
    let mut counts: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    for line in lines {
        *counts.entry((!line.supported, line.kind)).or_default() += 1;
    }
    println!("{} answers of {} sentences", lines.len(), sources.len());
    let mut table = table::empty(&["kind", "supported", "answers"]);
    for ((is_false, kind), count) in counts {
        let supported = if is_false { "no" } else { "yes" };
        table.add_row([kind.into(), supported.into(), table::number(count.to_string())]);
    }
    println!("{table}");
}
