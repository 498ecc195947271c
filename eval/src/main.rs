//! Measures how well Candor finds, answers and abstains: argv in, exit code out.

mod abstention;
mod ask;
mod calibrate;
mod calibration_error;
mod confidence;
mod corpus;
mod dataset;
mod fit;
#[cfg(test)]
mod fixtures;
mod folds;
mod interval;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "a workspace's own calibration will choose by its number of examples")
)]
mod isotonic;
mod judge;
mod latency;
mod library;
mod logistic;
mod matching;
mod measure;
mod progress;
mod ranking;
mod report;
mod run;
mod table;

use std::process::ExitCode;

use candor::config::Config;
use clap::{Parser, Subcommand};

/// Measures how well Candor finds, answers and abstains.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  eval run --dataset datasets/tarnwheel
  eval run --dataset datasets/tarnwheel --out report.json --answers answers.jsonl
  CANDOR_EMBEDDING_PRECISION=fp32 eval run --dataset datasets/tarnwheel
  eval calibrate --dataset datasets/tarnwheel --out calibration.json

Each set gets a data folder of its own below .eval; the product's is never
touched. The model and all other settings come from candor.toml and the
environment, as everywhere. It ends with 0 when everything was done, and with 2
when it was not."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::RunArguments),
    Calibrate(calibrate::CalibrateArguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(arguments.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("eval: {}", in_a_sentence(&error));
            ExitCode::from(2)
        }
    }
}

async fn execute(command: Command) -> anyhow::Result<()> {
    let config = Config::load(&[])?;
    match command {
        Command::Run(arguments) => run::run(&config, &arguments).await,
        Command::Calibrate(arguments) => calibrate::run(&config, &arguments).await,
    }
}

/// The error with its causes, without those that it tells already.
fn in_a_sentence(error: &anyhow::Error) -> String {
    let mut sentence = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !sentence.contains(&cause) {
            sentence.push_str(": ");
            sentence.push_str(&cause);
        }
    }
    sentence
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_examples_and_the_flags_parse() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
        let line = "eval calibrate --dataset a --dataset b --out c.json --limit 5 --seed 2";
        assert!(Arguments::try_parse_from(line.split(' ')).is_ok());
        assert!(Arguments::try_parse_from(["eval", "run"]).is_err());
        assert!(Arguments::try_parse_from(["eval", "run", "--dataset", "a", "--limit", "0"]).is_err());
    }

    #[test]
    fn a_cause_is_told_once() {
        let file = std::fs::read("/nowhere/at/all").unwrap_err();
        let told = format!("a.json cannot be read: {file}");
        let error = anyhow::Error::new(file).context(told.clone());
        assert_eq!(in_a_sentence(&error), told);
        let error = Err::<(), _>(error).context("the set cannot be used").unwrap_err();
        assert_eq!(in_a_sentence(&error), format!("the set cannot be used: {told}"));
    }
}
