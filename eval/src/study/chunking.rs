//! `eval chunking`: ways to cut articles, side by side.

use std::process::ExitCode;

use anyhow::Result;
use candor::config::Config;
use candor::knowledge::chunk::Chunking;
use comfy_table::{Table, presets};

use crate::study::Sets;
use crate::study::ranked::{Quality, by};

/// Cuts the articles of each set in several ways, searches for its questions in each, and shows which way finds most.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval chunking --dataset datasets/tarnwheel
  eval chunking --dataset squad2-dev --dataset wixqa-expert --limit 500

Each way gets a data folder of its own, which is kept: the first run embeds all articles as often as there are rows.")]
pub struct ChunkingArguments {
    #[command(flatten)]
    sets: Sets,
}

/// Runs the command.
///
/// # Errors
/// A sentence that says what could not be done.
pub async fn run(config: &Config, arguments: &ChunkingArguments) -> Result<ExitCode> {
    let ways = ways();
    let mut columns = Vec::new();
    for root in &arguments.sets.dataset {
        let mut cells = Vec::new();
        let mut heading = String::new();
        for (_, chunking) in &ways {
            let asked = arguments.sets.asked(config, root, *chunking).await?;
            let quality = Quality::of(&asked, |candidates| by(candidates, |passage| passage.score));
            cells.push(format!("{quality} ({} chunks)", asked.chunks));
            heading.clone_from(&asked.name);
        }
        columns.push((heading, cells));
    }
    let mut table = Table::new();
    let heading = columns.iter().map(|(heading, _)| heading.clone());
    table.load_style(presets::ASCII_MARKDOWN).set_header(std::iter::once(Quality::HEADING.to_owned()).chain(heading));
    for (row, (name, _)) in ways.iter().enumerate() {
        let cells = columns.iter().map(|(_, cells)| cells[row].clone());
        table.add_row(std::iter::once((*name).to_owned()).chain(cells));
    }
    println!("{table}");
    Ok(ExitCode::SUCCESS)
}

/// What ships, and each of its parts changed.
fn ways() -> Vec<(&'static str, Chunking)> {
    let shipped = Chunking::SHIPPED;
    vec![
        ("what ships: at most 200 tokens, short sections joined, headings told", shipped),
        ("at most 80 tokens", Chunking { tokens_max: 80, ..shipped }),
        ("at most 120 tokens", Chunking { tokens_max: 120, ..shipped }),
        ("at most 160 tokens", Chunking { tokens_max: 160, ..shipped }),
        ("at most 240 tokens", Chunking { tokens_max: 240, ..shipped }),
        ("40 tokens told twice", Chunking { overlap_tokens: 40, ..shipped }),
        ("short sections stay alone", Chunking { section_tokens_min: 0, ..shipped }),
        ("sections below 60 tokens joined", Chunking { section_tokens_min: 60, ..shipped }),
        ("sections below 100 tokens joined", Chunking { section_tokens_min: 100, ..shipped }),
        ("headings not told", Chunking { headings: false, ..shipped }),
    ]
}
