//! `eval compare` and `eval gate`: two runs side by side.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use candor::config::Config;
use comfy_table::{Cell, ContentArrangement, Table, presets};

use crate::compare::{Change, Comparison, Side, Verdict};
use crate::figures::DEFINITIONS;
use crate::history;
use crate::measure::{self, Asking, Measured};
use crate::outcome::Outcome;
use crate::report::Report;
use crate::run::Generator;
use crate::table;
use crate::written;

/// The figures that a change must not lose. Few, because every further one makes each harder to lose: the articles are found,
/// the drafts are right, the confidence tells them apart, what is sent is right, and what is right is sent.
const GATED: [&str; 6] = [
    "retrieval.ndcg_at_10",
    "retrieval.recall_at_5",
    "answers.accuracy",
    "abstention.auroc_correct",
    "abstention.risk",
    "abstention.right_sent",
];

/// Parts of a trace that are shown of a question that changed.
const RANKED_SHOWN: usize = 3;
const FEATURES_SHOWN: usize = 4;

/// Compares two runs over the same questions, figure by figure and question by question.
///
/// Ends with 1 when a figure was lost by more than chance: a paired bootstrap over groups, all figures looked at together.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval compare before.json after.json
  eval compare 20261121T101502Z-tarnwheel-1f0c2a after.json --show 20")]
pub struct CompareArguments {
    /// The report of a run, or its id in `eval history`.
    #[arg(value_name = "BEFORE")]
    before: String,
    /// The same of the later run.
    #[arg(value_name = "AFTER")]
    after: String,
    /// How many of the questions that changed are shown with both traces.
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: usize,
    /// Decides the resamples.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where runs are kept [default: the setting CANDOR_EVAL_DIR, .eval].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Runs a set again and refuses a change that makes it worse than its baseline.
///
/// Ends with 1 when the articles are found less often, fewer drafts are right, the confidence tells less, more of what is sent
/// is wrong, or less of what is right is sent, by more than chance. A new baseline is what `eval run --out` writes.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval run --dataset datasets/tarnwheel --out datasets/tarnwheel/baseline.json
  eval gate --dataset datasets/tarnwheel --baseline datasets/tarnwheel/baseline.json")]
pub struct GateArguments {
    #[command(flatten)]
    asking: Asking,
    /// The report to compare with, of the same questions.
    #[arg(long, value_name = "FILE.json")]
    baseline: PathBuf,
    /// Who drafts the answers.
    #[arg(long, value_enum, default_value = "extractive", conflicts_with = "url")]
    generator: Generator,
    /// How many of the questions that changed are shown with both traces.
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: usize,
    /// Writes the new report.
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
}

/// Runs `eval compare`.
///
/// # Errors
/// Reports that cannot be read or are not over the same questions.
pub fn compare(config: &Config, arguments: &CompareArguments) -> Result<ExitCode> {
    let folder = arguments.folder.as_ref().unwrap_or(&config.eval_dir);
    let before = history::read(folder, &arguments.before)?;
    let after = history::read(folder, &arguments.after)?;
    let names: Vec<&str> = DEFINITIONS.iter().map(|definition| definition.name).collect();
    judge(&before, &after, &names, arguments.seed, arguments.show)
}

/// Runs `eval gate`.
///
/// # Errors
/// As `eval run`, and a baseline that cannot be read or is of other questions.
pub async fn gate(config: &Config, arguments: &GateArguments) -> Result<ExitCode> {
    if let Some(path) = &arguments.out {
        written::check(path)?;
        // A baseline that a loss replaces would let the next one through.
        written::check_different(&[path, &arguments.baseline])?;
    }
    let config = arguments.generator.settings(config)?;
    let baseline = Report::read(&arguments.baseline)?;
    let [root] = &arguments.asking.dataset[..] else {
        anyhow::bail!("a baseline is of one set; give --dataset once");
    };
    same_questions(&baseline, root)?;
    let Measured { about, outcomes, journal } = measure::set(&config, root, &arguments.asking).await?;
    let report = Report::of(about, outcomes);
    history::keep(&measure::folder(&config, &arguments.asking), &report)?;
    journal.finish()?;
    if let Some(path) = &arguments.out {
        written::write(path, &written::json(&report)?)?;
    }
    judge(&baseline, &report, &GATED, arguments.asking.seed, arguments.show)
}

/// Refuses a baseline of other questions before anything is asked.
fn same_questions(baseline: &Report, root: &Path) -> Result<()> {
    let set = crate::dataset::Dataset::read(root)?;
    if set.questions_sha256 != baseline.run.data.questions_sha256 {
        anyhow::bail!(
            "the baseline is of other questions ({}, {}) than {}: make a new one with `eval run --dataset {} --out FILE.json`",
            baseline.dataset,
            baseline.run.id,
            set.name,
            root.display()
        );
    }
    Ok(())
}

/// Prints the comparison; 1 when something was lost.
fn judge(before: &Report, after: &Report, names: &[&str], seed: u64, show: usize) -> Result<ExitCode> {
    let comparison = Comparison::of(before, after, names, seed)?;
    println!("{}", heading(before, after, &comparison));
    println!("{}\n", changes_table(&comparison.changes));
    print_sides(&comparison, show);
    let lost: Vec<&str> = comparison.losses().map(|change| change.definition.label).collect();
    if lost.is_empty() {
        println!("Nothing was lost by more than chance.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("Lost by more than chance: {}.", lost.join(", "));
    Ok(ExitCode::FAILURE)
}

fn heading(before: &Report, after: &Report, comparison: &Comparison<'_>) -> String {
    let pairs = comparison.pairs.len();
    let asked = match comparison.unpaired {
        0 => format!("{pairs} questions"),
        unpaired => format!("{pairs} questions that both asked, {unpaired} that only one did"),
    };
    let articles = |report: &Report| report.run.data.articles_sha256.clone().unwrap_or(report.run.target.clone());
    let same = |is_same: bool| if is_same { "the same" } else { "another" };
    format!(
        "{} → {}: {asked}, {} configuration, {} articles",
        before.run.id,
        after.run.id,
        same(before.config_hash == after.config_hash),
        if articles(before) == articles(after) { "the same" } else { "other" },
    )
}

/// The figures side by side.
#[must_use]
pub fn changes_table(changes: &[Change]) -> Table {
    let mut table = table::empty(&["", "before", "after", "difference", "95 % interval", ""]);
    for change in changes {
        let (difference, interval) = change.difference.map_or_else(
            || ("–".to_owned(), String::new()),
            |difference| {
                let [low, high] = difference.ci95.map(|value| format!("{value:+.3}"));
                (format!("{:+.3}", difference.value), format!("{low} – {high}"))
            },
        );
        let verdict = match change.verdict {
            Verdict::WithinChance => "",
            Verdict::Gain => "gain",
            Verdict::Loss => "LOSS",
        };
        table.add_row([
            Cell::new(change.definition.label),
            table::number(table::digits(change.before)),
            table::number(change.after.map_or_else(|| "–".to_owned(), table::digits)),
            table::number(difference),
            table::number(interval),
            Cell::new(verdict),
        ]);
    }
    table
}

fn print_sides(comparison: &Comparison<'_>, show: usize) {
    let mut left = show;
    for side in Side::ALL {
        let changed: Vec<&(&Outcome, &Outcome)> =
            comparison.pairs.iter().filter(|(before, after)| Side::of(before, after) == Some(side)).collect();
        if changed.is_empty() {
            continue;
        }
        println!("{}: {}", side.label(), changed.len());
        for (before, after) in changed.iter().take(left) {
            println!("{}\n", traces(before, after));
        }
        left -= left.min(changed.len());
    }
}

/// Both traces of a question, side by side.
fn traces(before: &Outcome, after: &Outcome) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    let question = &after.question;
    table.set_header(vec![
        Cell::new(&question.id),
        Cell::new(format!("before — {}", question.text)),
        Cell::new(format!("after — gold: {}", question.gold.join(", "))),
    ]);
    let mut row = |name: &str, of: &dyn Fn(&Outcome) -> String| {
        table.add_row([name.to_owned(), of(before), of(after)]);
    };
    row("decision", &|outcome| {
        let Outcome { asked, judged, .. } = outcome;
        let right = match judged.correct {
            Some(true) => "right",
            Some(false) => "wrong",
            None => "not judged",
        };
        let reason = asked.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        format!("{}{reason}, confidence {:.3}, {right}", asked.decision, asked.confidence)
    });
    row("draft", &|outcome| outcome.asked.draft.clone());
    row("cited", &|outcome| outcome.asked.cited.join("\n"));
    row("ranking", &|outcome| outcome.asked.ranked.iter().take(RANKED_SHOWN).cloned().collect::<Vec<_>>().join("\n"));
    let moved = moved_features(before, after);
    row("features", &|outcome| {
        let share = |name: &String| {
            let feature = outcome.asked.features.iter().find(|feature| feature.name == *name)?;
            Some(format!("{name} {:.3} ({:+.2})", feature.value, feature.share))
        };
        moved.iter().filter_map(share).collect::<Vec<_>>().join("\n")
    });
    table
}

/// The names of the features whose part of the logit changed most.
fn moved_features(before: &Outcome, after: &Outcome) -> Vec<String> {
    let share = |outcome: &Outcome, name: &str| {
        outcome.asked.features.iter().find(|feature| feature.name == name).map_or(0.0, |feature| feature.share)
    };
    let mut moved: Vec<(f64, &str)> = after
        .asked
        .features
        .iter()
        .map(|feature| ((feature.share - share(before, &feature.name)).abs(), feature.name.as_str()))
        .collect();
    moved.sort_by(|one, other| other.0.total_cmp(&one.0));
    moved.into_iter().take(FEATURES_SHOWN).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures;
    use crate::fixtures;
    use crate::outcome::Feature;

    #[test]
    fn every_gated_figure_can_be_lost() {
        for name in GATED {
            assert_ne!(figures::definition(name).unwrap().better, figures::Better::Neither, "{name}");
        }
    }

    #[test]
    fn both_traces_stand_side_by_side() {
        let before = fixtures::outcome("q1", true);
        let mut after = before.clone();
        after.asked.draft = "Another draft.".into();
        after.asked.decision = "escalated".into();
        after.asked.reason = Some("low_confidence".into());
        after.asked.features = vec![Feature { name: "cosine".into(), value: 0.5, share: -1.0 }];
        let table = traces(&before, &after).to_string();
        for expected in ["A draft.", "Another draft.", "low_confidence", "cosine"] {
            assert!(table.contains(expected), "{expected} is not in\n{table}");
        }
    }
}
