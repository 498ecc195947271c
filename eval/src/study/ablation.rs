//! `eval ablate`: what each signal is worth, and how signals are best joined.

use std::process::ExitCode;

use anyhow::Result;
use candor::config::Config;
use candor::index::Signal;
use candor::knowledge::chunk::Chunking;
use candor::search::fuse::{WEIGHTS, mean};
use comfy_table::{Table, presets};

use crate::study::ranked::{Quality, by};
use crate::study::{Candidates, Sets};

/// Ranks the candidates of each question without each signal in turn, by each alone, and joined in other ways.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval ablate --dataset datasets/tarnwheel
  eval ablate --dataset squad2-dev --dataset wixqa-expert --limit 500
  eval ablate --dataset wixqa-expert --distractors helpcentre/docs

All questions are searched for once; the rows differ in the order of what was found.")]
pub struct AblateArguments {
    #[command(flatten)]
    sets: Sets,
}

/// Runs the command.
///
/// # Errors
/// A sentence that says what could not be done.
pub async fn run(config: &Config, arguments: &AblateArguments) -> Result<ExitCode> {
    let mut asked = Vec::new();
    for root in &arguments.sets.dataset {
        asked.push(arguments.sets.asked(config, root, Chunking::SHIPPED).await?);
    }
    let mut table = Table::new();
    let heading = asked.iter().map(|set| format!("{} ({} questions)", set.name, set.questions.len()));
    table.load_style(presets::ASCII_MARKDOWN).set_header(std::iter::once(Quality::HEADING.to_owned()).chain(heading));
    for (name, score) in rows() {
        let cells = asked.iter().map(|set| Quality::of(set, &score).to_string());
        table.add_row(std::iter::once(name).chain(cells));
    }
    println!("{table}");
    Ok(ExitCode::SUCCESS)
}

type Score = Box<dyn Fn(&Candidates) -> Vec<f32>>;

/// Each row's name and the scores that it ranks by.
fn rows() -> Vec<(String, Score)> {
    let weighted = |weights: Vec<(Signal, f32)>| -> Score {
        Box::new(move |candidates| by(candidates, |passage| mean(&passage.signals.scores(), &weights)))
    };
    let of = |kept: &dyn Fn(Signal) -> bool| WEIGHTS.into_iter().filter(|(signal, _)| kept(*signal)).collect();
    let both = |signal: Signal| matches!(signal, Signal::Meaning | Signal::Words);
    let mut rows: Vec<(String, Score)> = vec![("all signals".to_owned(), weighted(of(&|_| true)))];
    for left_out in Signal::ALL {
        rows.push((format!("without {}", name(left_out)), weighted(of(&|signal| signal != left_out))));
    }
    for alone in Signal::ALL {
        rows.push((format!("{} alone", name(alone)), weighted(of(&|signal| signal == alone))));
    }
    rows.push(("meaning and words, added".to_owned(), weighted(of(&both))));
    rows.push(("meaning and words, by distribution (DBSF)".to_owned(), joined(both, by_distribution)));
    rows.push(("meaning and words, by rank (RRF, k = 60)".to_owned(), joined(both, by_rank)));
    rows.push(("all signals, by rank (RRF, k = 60)".to_owned(), joined(|_| true, by_rank)));
    rows
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Meaning => "meaning",
        Signal::Words => "words (BM25)",
        Signal::Tokens => "tokens (late interaction)",
        Signal::Sentences => "sentences",
        Signal::Title => "title",
        Signal::TitleWords => "title words",
    }
}

/// The sum of what `rescaled` makes of the scores of each signal that is `kept`.
fn joined(kept: impl Fn(Signal) -> bool + 'static, rescaled: fn(&[f32]) -> Vec<f32>) -> Score {
    Box::new(move |candidates| {
        let mut sum = vec![0.0; candidates.passages.len()];
        for signal in Signal::ALL.into_iter().filter(|signal| kept(*signal)) {
            let scores = by(candidates, |passage| passage.signals.scores()[signal]);
            for (sum, score) in sum.iter_mut().zip(rescaled(&scores)) {
                *sum += score;
            }
        }
        sum
    })
}

/// 1 / (60 + rank), ranks from 1. Source: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion", 2009.
fn by_rank(scores: &[f32]) -> Vec<f32> {
    scores
        .iter()
        .map(|score| {
            let better = scores.iter().filter(|other| *other > score).count();
            1.0 / (61.0 + better as f32)
        })
        .collect()
}

/// Where the score lies between three standard deviations below and above the mean, as Qdrant's DBSF does it.
fn by_distribution(scores: &[f32]) -> Vec<f32> {
    let count = scores.len().max(1) as f32;
    let mean = scores.iter().sum::<f32>() / count;
    let deviation = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f32>() / count).sqrt();
    let range = (6.0 * deviation).max(f32::EPSILON);
    scores.iter().map(|score| (score - mean + range / 2.0) / range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_have_one_rank() {
        let ranks = by_rank(&[0.5, 0.9, 0.5]);
        assert_eq!(ranks, [1.0 / 62.0, 1.0 / 61.0, 1.0 / 62.0]);
    }

    #[test]
    fn a_distribution_keeps_the_order_and_knows_no_scale() {
        let one = by_distribution(&[1.0, 2.0, 4.0]);
        let other = by_distribution(&[10.0, 20.0, 40.0]);
        assert!(one[0] < one[1] && one[1] < one[2]);
        assert!(one.iter().zip(&other).all(|(one, other)| (one - other).abs() < 1e-6));
        assert!(by_distribution(&[3.0, 3.0]).iter().all(|score| (score - 0.5).abs() < 1e-6));
    }
}
