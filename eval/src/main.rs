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
  eval calibrate --dataset datasets/tarnwheel --dataset ../squad2-dev --out src/answer/calibration.json

Each set gets a data folder of its own below .eval; the product's is never touched. The model and all other settings
come from candor.toml and the environment, as everywhere: CANDOR_EMBEDDING_PRECISION=fp32 eval run …
It ends with 0 when everything was measured, and with 2 when it was not."
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
            eprintln!("eval: {error:#}");
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
