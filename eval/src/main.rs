//! Measures how well Candor finds, answers and abstains: argv in, exit code out.

mod about;
mod abstention;
mod ask;
mod calibrate;
mod calibration_error;
mod changes;
mod compare;
mod confidence;
mod corpus;
mod dataset;
mod deciles;
mod digits;
mod drafts;
mod figures;
mod fit;
#[cfg(test)]
mod fixtures;
mod folds;
mod grounding;
mod hardware;
mod history;
mod intents;
mod interval;
mod isotonic;
mod journal;
mod judge;
mod labelled;
mod latency;
mod library;
mod logistic;
mod manufacture;
mod matching;
mod measure;
mod outcome;
mod page;
mod progress;
mod promise;
mod ranking;
mod read;
mod recipe;
mod report;
mod risk_control;
mod run;
mod server;
#[cfg(test)]
mod simulation;
mod study;
mod table;
mod target;
mod written;

use std::process::ExitCode;

use candor::config::Config;
use clap::{Parser, Subcommand};

/// Measures how well Candor finds, answers and abstains.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  eval run --dataset datasets/tarnwheel --out report.json
  eval gate --dataset datasets/tarnwheel --baseline datasets/tarnwheel/baseline.json
  eval report report.json --html report.html
  eval compare before.json after.json
  eval calibrate --dataset DIR --risk 10% --out calibration.json
  eval confidence --dataset datasets/tarnwheel --picture confidence.svg
  eval intents datasets/intents/held-out.jsonl --wrong
  eval dataset check datasets/tarnwheel

Each set gets a data folder of its own below .eval; the product's is never
touched. The model and all other settings come from candor.toml and the
environment, as everywhere. It ends with 0 when everything was done and nothing
was lost, with 1 when a comparison, a gate or a calibration says no, and with 2
when it could not be done."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::RunArguments),
    Compare(changes::CompareArguments),
    Gate(changes::GateArguments),
    Calibrate(calibrate::CalibrateArguments),
    Confidence(study::confidence::ConfidenceArguments),
    Grounding(grounding::GroundingArguments),
    History(history::HistoryArguments),
    Ablate(study::ablation::AblateArguments),
    Chunking(study::chunking::ChunkingArguments),
    Tokens(study::tokens::TokensArguments),
    Intents(intents::IntentsArguments),
    Report(page::ReportArguments),
    Read(read::ReadArguments),
    /// Looks at data sets themselves, and makes some.
    #[command(subcommand)]
    Dataset(DatasetCommand),
}

#[derive(Subcommand)]
enum DatasetCommand {
    Check(dataset::check::CheckArguments),
    Articles(dataset::articles::ArticlesArguments),
    Make(manufacture::MakeArguments),
    Answers(labelled::AnswersArguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(arguments.command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("eval: {}", in_a_sentence(&error));
            ExitCode::from(2)
        }
    }
}

async fn execute(command: Command) -> anyhow::Result<ExitCode> {
    let config = Config::load(&[])?;
    match command {
        Command::Run(arguments) => run::run(&config, &arguments).await,
        Command::Compare(arguments) => changes::compare(&config, &arguments),
        Command::Gate(arguments) => changes::gate(&config, &arguments).await,
        Command::Grounding(arguments) => grounding::run(&config, &arguments).await,
        Command::History(arguments) => history::run(&config, &arguments),
        Command::Intents(arguments) => intents::run(&arguments),
        Command::Confidence(arguments) => study::confidence::run(&config, &arguments).await,
        Command::Ablate(arguments) => study::ablation::run(&config, &arguments).await,
        Command::Chunking(arguments) => study::chunking::run(&config, &arguments).await,
        Command::Tokens(arguments) => study::tokens::run(&config, &arguments).await,
        Command::Report(arguments) => page::run(&config, &arguments),
        Command::Read(arguments) => read::run(&config, &arguments),
        Command::Dataset(DatasetCommand::Check(arguments)) => {
            dataset::check::run(&config, &arguments).map(|()| ExitCode::SUCCESS)
        }
        Command::Dataset(DatasetCommand::Articles(arguments)) => dataset::articles::run(&arguments),
        Command::Dataset(DatasetCommand::Answers(arguments)) => labelled::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&config, &arguments).await,
        Command::Dataset(DatasetCommand::Make(arguments)) => {
            manufacture::run(&config, &arguments).await.map(|()| ExitCode::SUCCESS)
        }
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
        assert!(Arguments::try_parse_from("eval dataset check a b.json".split(' ')).is_ok());
        assert!(Arguments::try_parse_from(["eval", "dataset", "check"]).is_err());
        assert!(Arguments::try_parse_from("eval calibrate --dataset a --risk 10%".split(' ')).is_ok());
        assert!(Arguments::try_parse_from("eval calibrate --dataset a --risk 10".split(' ')).is_err());
        assert!(Arguments::try_parse_from("eval calibrate --dataset a".split(' ')).is_err());
        let line = "eval confidence --dataset a --dataset b --risk 10% --risk 0.2 --splits 50 --picture c.svg";
        assert!(Arguments::try_parse_from(line.split(' ')).is_ok());
        assert!(Arguments::try_parse_from("eval confidence --dataset a --splits 0".split(' ')).is_err());
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
