//! `eval run`: asks a set's questions and reports how good search, drafts and abstention are.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use candor::config::Config;
use serde_json::{Value, json};

use crate::measure::{self, Asking, Measured};
use crate::report::Report;
use crate::table;

/// Measures search, drafts and abstention over one or more sets.
#[derive(clap::Args)]
pub struct RunArguments {
    #[command(flatten)]
    asking: Asking,
    /// Who drafts the answers. `gemini` needs GEMINI_API_KEY; GEMINI_MODEL and CANDOR_GEMINI_URL say which and where.
    #[arg(long, value_enum, default_value = "extractive")]
    generator: Generator,
    /// Writes the report as JSON: one object for one set, a list of them for several.
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Writes one JSON line for each question with its draft, to read what went wrong.
    #[arg(long, value_name = "FILE.jsonl")]
    answers: Option<PathBuf>,
}

/// Who drafts the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Generator {
    /// The articles' own sentences.
    Extractive,
    /// The Gemini model of the settings.
    Gemini,
}

/// Runs the command.
///
/// # Errors
/// A sentence that says what could not be done.
pub async fn run(config: &Config, arguments: &RunArguments) -> Result<()> {
    let config = &match arguments.generator {
        // A key that happens to be set must not change the figures.
        Generator::Extractive => Config { gemini_api_key: None, ..config.clone() },
        Generator::Gemini if config.gemini_api_key.is_none() => {
            bail!("--generator gemini needs a key: set GEMINI_API_KEY")
        }
        Generator::Gemini => config.clone(),
    };
    let mut reports = Vec::new();
    let mut lines = String::new();
    for folder in &arguments.asking.dataset {
        let measured = measure::set(config, folder, &arguments.asking).await?;
        let report = Report::of(
            &measured.library.engine,
            &measured.set,
            &measured.asked,
            &measured.judged,
            arguments.asking.seed,
        );
        print(&report, &measured);
        if arguments.answers.is_some() {
            lines.extend(details(&measured).map(|line| format!("{line}\n")));
        }
        reports.push(report);
    }
    if let Some(path) = &arguments.out {
        let json = match reports.as_slice() {
            [report] => serde_json::to_string_pretty(report)?,
            reports => serde_json::to_string_pretty(reports)?,
        };
        write(path, &(json + "\n"))?;
    }
    if let Some(path) = &arguments.answers {
        write(path, &lines)?;
    }
    Ok(())
}

fn print(report: &Report, measured: &Measured) {
    println!(
        "{}: {} questions in {} groups, {}, {}",
        report.dataset, report.queries, report.groups, report.embedding, report.generator
    );
    println!("{}", table::of(report));
    println!("{}", table::decisions(report));
    let calibration = measured.library.engine.calibration();
    if calibration.data.iter().any(|fitted| fitted.sha256 == measured.set.sha256) {
        println!(
            "The confidence was fitted on this set: `eval calibrate` prints its figures for questions it has not seen."
        );
    }
    let fallbacks = measured.asked.iter().filter(|asked| asked.response_type == "fallback").count();
    if fallbacks > 0 {
        println!("{fallbacks} drafts quote the articles because the language model did not answer.");
    }
    println!("{}\n", table::latency(report));
}

/// One object a question.
fn details(measured: &Measured) -> impl Iterator<Item = Value> {
    let answers = measured.asked.iter().zip(&measured.judged);
    measured.set.questions.iter().zip(answers).map(|(question, (asked, judged))| {
        json!({
            "dataset": measured.set.name,
            "question": question,
            "correct": judged.correct,
            "support_recall": judged.draft.as_ref().and_then(|draft| draft.support_recall),
            "decision": asked.decision,
            "responseType": asked.response_type,
            "confidence": asked.confidence,
            "logit": asked.logit,
            "draft": asked.draft,
            "cited": asked.cited,
            "ranked": asked.ranked,
            "features": asked.features,
            "total_ms": asked.total_ms,
        })
    })
}

fn write(path: &std::path::Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
