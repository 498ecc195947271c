//! `eval confidence`: what the confidence is worth beside one signal alone, which of its features it needs, and whether what
//! is promised with it is kept.

mod basis;
mod groups;
mod picture;
mod promises;
mod unseen;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use candor::config::Config;
use comfy_table::{Table, presets};

use crate::drafts::Drafts;
use crate::interval::Figure;
use crate::measure::Asking;
use crate::{promise, table, written};

/// Compares the confidence with one signal alone, leaves out its features by group, and tries its promise on random splits.
///
/// Nothing is written but the picture: what ships is made by `calibrate`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval confidence --dataset datasets/tarnwheel
  eval confidence --dataset squad2-dev --dataset office-support-qa --dataset wixqa-abstain --picture confidence.svg
  eval confidence --dataset DIR --risk 5% --risk 10% --splits 1000

All questions are asked once; the tables differ in what is made of the answers. A set without short gold answers has only the
figures of answerable questions, by models of the other sets.")]
pub struct ConfidenceArguments {
    #[command(flatten)]
    asking: Asking,
    /// Draws whether the confidence is right as often as it says, and what sending more costs.
    #[arg(long, value_name = "FILE.svg")]
    picture: Option<PathBuf>,
    /// Random splits that each promise is tried on, drawn with the seed.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    splits: u32,
    /// A risk that is promised, such as 20% or 0.2; may be given several times.
    #[arg(long, value_name = "SHARE", value_parser = promise::risk, default_values = ["10%", "20%", "30%", "40%", "50%"])]
    risk: Vec<f64>,
}

/// Runs the command.
///
/// # Errors
/// A sentence that says what could not be done.
pub async fn run(config: &Config, arguments: &ConfidenceArguments) -> Result<ExitCode> {
    let ConfidenceArguments { asking, picture, splits, risk } = arguments;
    if let Some(path) = picture {
        if asking.dataset.len() > picture::SETS_MAX {
            bail!("a picture of more than {} sets cannot be read: leave --picture or some sets out", picture::SETS_MAX);
        }
        written::check(path)?;
    }
    let drafts = Drafts::read(config, asking).await?;

    println!(
        "Confidences of unseen drafts, by five folds by group of their own set and by models of the other sets:\n"
    );
    let rankings = basis::rankings(&drafts, asking.seed);
    println!("{}\n", basis::table_of(&drafts.names, &rankings, asking.seed));

    println!("AUROC, with its change against all features and the 95 % interval of that:\n");
    println!("{}\n", groups::ablation(&drafts, asking.seed));

    println!("Promises that are made with a random half of the groups and tried on the other, one question a group:\n");
    println!("{}", promises::tried(&drafts, risk, *splits, asking.seed));

    if let Some(path) = picture {
        written::write(path, picture::svg(&drafts.names, &rankings)?)?;
        println!("\n{} is written", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// A table that can be pasted into a page.
fn markdown(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(headings.to_vec());
    table
}

/// What stands where a set has no such figure.
const NONE: &str = "–";

/// The figure and its 95 % interval.
fn with_interval(figure: Option<Figure>) -> String {
    figure.map_or_else(
        || NONE.to_owned(),
        |Figure { value, ci95: [low, high] }| format!("{} ({low:.2}–{high:.2})", table::digits(value)),
    )
}

fn value(figure: Option<Figure>) -> String {
    figure.map_or_else(|| NONE.to_owned(), |figure| table::digits(figure.value))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
