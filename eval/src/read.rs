//! `eval read`: answers beside the articles that they should stand on, for people to judge by reading. What a figure counts as right is
//! checked that way, and what is wrong with a right answer is seen in no figure.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use candor::config::Config;

use crate::corpus::Corpus;
use crate::dataset::{Dataset, Question, Turn};
use crate::history;
use crate::measure;
use crate::outcome::Outcome;

/// Prints questions with what was answered, what the set says of it, and the articles that answer.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval run --dataset office-support-qa --out report.json
  eval read report.json --dataset office-support-qa --sample 20 | less")]
pub struct ReadArguments {
    /// A report that `eval run` wrote, or the id of a run that was kept.
    #[arg(value_name = "REPORT")]
    report: String,
    /// The set that was asked.
    #[arg(long, value_name = "PATH")]
    dataset: PathBuf,
    /// How many questions, drawn with the seed.
    #[arg(long, value_name = "N", default_value_t = 20)]
    sample: usize,
    /// Decides which.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where runs are kept [default: the setting CANDOR_EVAL_DIR, .eval].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A sentence that says what could not be read.
pub fn run(config: &Config, arguments: &ReadArguments) -> Result<ExitCode> {
    let folder = arguments.folder.as_ref().unwrap_or(&config.eval_dir);
    let report = history::read(folder, &arguments.report)?;
    let set = Dataset::read(&arguments.dataset).context("the data set cannot be used")?;
    let corpus = Corpus::read(&set.source, &[]).context("the articles cannot be used")?;
    let outcomes: HashMap<&str, &Outcome> =
        report.questions.iter().map(|outcome| (outcome.question.id.as_str(), outcome)).collect();
    let is_same = |question: &Question| {
        outcomes.get(question.id.as_str()).is_none_or(|outcome| outcome.question.text == question.text)
    };
    if !set.questions.iter().all(is_same) {
        bail!("the report is of {} as it was asked then, and not of the questions in {}", report.dataset, set.name);
    }
    let questions: Vec<Question> =
        set.questions.into_iter().filter(|question| outcomes.contains_key(question.id.as_str())).collect();
    for question in measure::drawn(questions, arguments.sample, arguments.seed) {
        if let Some(outcome) = outcomes.get(question.id.as_str()) {
            println!("{}", told(&question, outcome, &corpus));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One question in Markdown.
fn told(question: &Question, outcome: &Outcome, corpus: &Corpus) -> String {
    let mut told = format!("## {}\n\n", question.id);
    for Turn { sender, text, .. } in &question.history {
        let _ = writeln!(told, "> {sender}: {}\n>", one_line(text));
    }
    let _ = writeln!(told, "> **{}**\n", one_line(&question.text));
    let reason = outcome.asked.reason.as_deref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let _ = writeln!(told, "{}{reason}, confidence {:.2}\n", outcome.asked.decision, outcome.asked.confidence);
    let _ = writeln!(told, "{}\n", outcome.asked.draft.trim());
    let right = match (question.answerable, outcome.judged.correct) {
        (false, _) => "no article answers it",
        (true, Some(true)) => "right",
        (true, Some(false)) => "wrong",
        (true, None) => "cannot say",
    };
    let _ = writeln!(told, "The set says: {right}; a right answer has: {}\n", question.answers.join(" | "));
    for id in &question.gold {
        let text = corpus.plain_text(id).unwrap_or_default();
        let quoted: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
        let _ = writeln!(told, "{id}\n\n{}\n", quoted.join("\n"));
    }
    told
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Articles, Entry};
    use crate::fixtures;

    #[test]
    fn a_question_stands_with_its_answer_and_the_article() {
        let entry = Entry { id: "a".into(), title: "Returns".into(), text: "Free for 30 days.".into() };
        let corpus = Corpus::read(&Articles::Entries(vec![entry]), &[]).unwrap();
        let mut outcome = fixtures::outcome("q1", true);
        outcome.question.gold = vec!["a".into()];
        outcome.asked.draft = "It is free.".into();
        let told = told(&outcome.question, &outcome, &corpus);
        for part in ["## q1", "It is free.", "Free for 30 days.", "The set says:"] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
    }
}
