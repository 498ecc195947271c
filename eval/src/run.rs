//! `eval run`: asks a set's questions and reports how good search, drafts and abstention are.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use candor::answer::settings::Drafter;
use candor::config::Config;
use candor::inference::Generators;

use crate::history;
use crate::measure::{self, Asking, Measured};
use crate::report::Report;
use crate::table;
use crate::written;

/// Measures search, drafts and abstention over one or more sets.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval run --dataset datasets/tarnwheel
  eval run --dataset datasets/tarnwheel --out report.json
  eval run --dataset datasets/tarnwheel --limit 50 --seed 7
  eval run --dataset wixqa --distractors helpcentre/docs
  EVAL_KEY=sk_… eval run --dataset datasets/tarnwheel --url https://support.example.com
  CANDOR_EMBEDDING_PRECISION=fp32 eval run --dataset datasets/tarnwheel

Each run is kept: `eval history` lists them, `eval compare` tells two apart and `eval report` makes a page of one. A run that
is cut off goes on where it was when the same command is given again.")]
pub struct RunArguments {
    #[command(flatten)]
    asking: Asking,
    /// Who drafts the answers. `model` needs a language model in the settings, such as GEMINI_API_KEY or OLLAMA_MODEL.
    #[arg(long, value_enum, default_value = "extractive", conflicts_with = "url")]
    generator: Generator,
    /// Writes the report as JSON: one object for one set, a list of them for several.
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
}

/// Who drafts the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Generator {
    /// The articles' own sentences.
    Extractive,
    /// The language model of the settings.
    Model,
}

impl Generator {
    /// The settings with this generator: a model that happens to be set up must not change the figures.
    ///
    /// # Errors
    /// Where a model is needed and none is set up.
    pub fn settings(self, config: &Config) -> Result<Config> {
        match self {
            Self::Extractive => Ok(extractive(config)),
            Self::Model if Generators::of(config)?.first().is_none() => {
                bail!("--generator model needs a language model: set GEMINI_API_KEY, or another provider's")
            }
            Self::Model => Ok(config.clone()),
        }
    }
}

/// The settings with the articles' own sentences for answers, whatever models are set up.
#[must_use]
pub fn extractive(config: &Config) -> Config {
    Config { provider: Some(Drafter::Extractive.name().to_owned()), ..config.clone() }
}

/// Runs the command.
///
/// # Errors
/// A sentence that says what could not be done; then no report is written.
pub async fn run(config: &Config, arguments: &RunArguments) -> Result<ExitCode> {
    if let Some(path) = &arguments.out {
        written::check(path)?;
    }
    let config = arguments.generator.settings(config)?;
    measure::check(&arguments.asking)?;
    let mut reports = Vec::new();
    for root in &arguments.asking.dataset {
        let Measured { about, outcomes, journal } = measure::set(&config, root, &arguments.asking).await?;
        let report = Report::of(about, outcomes);
        println!("{}", table::whole(&report));
        history::keep(&measure::folder(&config, &arguments.asking), &report)?;
        journal.finish()?;
        reports.push(report);
    }
    if let Some(path) = &arguments.out {
        let json = match reports.as_slice() {
            [report] => written::json(report)?,
            reports => written::json(reports)?,
        };
        written::write(path, &json)?;
    }
    Ok(ExitCode::SUCCESS)
}
