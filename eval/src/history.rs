//! `eval history`: every run is kept, and its figures stand below those of the run before.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use candor::config::Config;
use candor::insight::figures::LastFigures;
use comfy_table::Cell;
use serde::{Deserialize, Serialize};

use crate::figures;
use crate::report::Report;
use crate::table;
use crate::written;

/// Figures that the list shows; all are in the reports.
const SHOWN: [&str; 6] = [
    "retrieval.hit_at_1",
    "retrieval.recall_at_5",
    "retrieval.ndcg_at_10",
    "answers.accuracy",
    "abstention.auroc_correct",
    "abstention.risk",
];

/// Lists the runs that were kept, the newest last.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval history
  eval history --dataset tarnwheel --last 5
  eval compare 20261121T101502Z-tarnwheel-1f0c2a 20261121T143010Z-tarnwheel-9be771")]
pub struct HistoryArguments {
    /// Only runs over the set of this name.
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Only this many, the newest.
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
    /// Where runs are kept [default: the setting CANDOR_EVAL_DIR, .eval].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// A run in a line.
#[derive(Serialize, Deserialize)]
struct Entry {
    id: String,
    dataset: String,
    started_at: String,
    program: String,
    target: String,
    config_hash: String,
    questions_sha256: String,
    articles_sha256: Option<String>,
    queries: usize,
    limit: Option<u64>,
    figures: BTreeMap<String, f64>,
}

/// Keeps a run: its report, its line in the history, and its figures for a server to show.
///
/// # Errors
/// When something cannot be written.
pub fn keep(folder: &Path, report: &Report) -> Result<()> {
    let runs = folder.join("runs");
    fs::create_dir_all(&runs).with_context(|| format!("the folder {} cannot be made", runs.display()))?;
    written::write(&path_of(folder, &report.run.id), &written::json(report)?)?;
    let entry = Entry {
        id: report.run.id.clone(),
        dataset: report.dataset.clone(),
        started_at: report.run.started_at.clone(),
        program: report.run.program.clone(),
        target: report.run.target.clone(),
        config_hash: report.config_hash.clone(),
        questions_sha256: report.run.data.questions_sha256.clone(),
        articles_sha256: report.run.data.articles_sha256.clone(),
        queries: report.queries,
        limit: report.run.limit,
        figures: report.values(),
    };
    let path = runs.join(LIST);
    let unwritten = || format!("{} cannot be written", path.display());
    let mut list = OpenOptions::new().create(true).append(true).open(&path).with_context(unwritten)?;
    // In one write, so that two runs that end together do not share a line.
    list.write_all((serde_json::to_string(&entry)? + "\n").as_bytes()).with_context(unwritten)?;
    show(folder, report)
}

/// A part of a set says little about it, and a server's figures are another's than this program's: only whole sets that the
/// library was asked are shown on dashboards.
fn show(folder: &Path, report: &Report) -> Result<()> {
    if report.run.limit.is_some() || report.run.data.articles.is_none() {
        return Ok(());
    }
    // What is not readable is made anew: it holds nothing that the runs do not.
    let mut figures = LastFigures::read(folder).unwrap_or_default();
    let with = if report.run.data.distractors.is_empty() { "" } else { "+distractors" };
    figures.0.insert(format!("{}{with}", report.dataset), report.values());
    written::write(&LastFigures::path(folder), &(serde_json::to_string_pretty(&figures)? + "\n"))
}

/// The list of runs, one a line.
const LIST: &str = "history.jsonl";

fn path_of(folder: &Path, id: &str) -> PathBuf {
    folder.join("runs").join(format!("{id}.json"))
}

/// Reads the report that `name` means: a file, or the id of a run that was kept in `folder`.
///
/// # Errors
/// A sentence that says what there is.
pub fn read(folder: &Path, name: &str) -> Result<Report> {
    let path = Path::new(name);
    if path.is_file() {
        return Report::read(path);
    }
    let kept = path_of(folder, name);
    if name.contains(std::path::is_separator) || !kept.is_file() {
        bail!("{name} is neither a report nor a run in {}; `eval history` lists the runs", folder.display());
    }
    Report::read(&kept)
}

/// Runs the command.
///
/// # Errors
/// A list that cannot be read.
pub fn run(config: &Config, arguments: &HistoryArguments) -> Result<ExitCode> {
    let folder = arguments.folder.as_ref().unwrap_or(&config.eval_dir);
    let mut entries = entries(folder)?;
    if let Some(dataset) = &arguments.dataset {
        entries.retain(|entry| entry.dataset == *dataset);
    }
    if entries.is_empty() {
        println!("no run is kept in {}; `eval run --dataset DIR` makes one", folder.display());
        return Ok(ExitCode::SUCCESS);
    }
    let from = entries.len().saturating_sub(arguments.last);
    println!("{}", list(&entries[from..]));
    Ok(ExitCode::SUCCESS)
}

fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let path = folder.join("runs").join(LIST);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    let entry = |(line, text): (usize, &str)| {
        let entry = serde_json::from_str(text);
        if entry.is_err() {
            // Half a line of a disk that was full; the run's own file may be whole.
            eprintln!("{}, line {}: it is no run and is left out", path.display(), line + 1);
        }
        entry.ok()
    };
    Ok(text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).filter_map(entry).collect())
}

fn list(entries: &[Entry]) -> comfy_table::Table {
    let labels = SHOWN.iter().filter_map(|name| Some(figures::definition(name)?.label));
    let headings: Vec<&str> = ["run", "questions", "configuration", "target"].into_iter().chain(labels).collect();
    let mut table = table::empty(&headings);
    for entry in entries {
        let questions = entry.limit.map_or_else(|| entry.queries.to_string(), |_| format!("{} drawn", entry.queries));
        let figure = |name: &&str| {
            table::number(entry.figures.get(*name).map_or_else(|| "–".to_owned(), |value| format!("{value:.3}")))
        };
        let configuration = entry.config_hash.get(..8).unwrap_or_default();
        let mut cells = vec![
            Cell::new(&entry.id),
            table::number(questions),
            table::number(configuration.to_owned()),
            table::number(entry.target.clone()),
        ];
        cells.extend(SHOWN.iter().map(figure));
        table.add_row(cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn report(id: &str, limit: Option<u64>) -> Report {
        let mut about = fixtures::about();
        about.id = id.to_owned();
        about.limit = limit;
        Report::of(about, vec![fixtures::outcome("q1", true), fixtures::outcome("q2", false)])
    }

    #[test]
    fn a_run_is_listed_found_by_its_id_and_shown_to_servers() {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), &report("one", None)).unwrap();
        keep(folder.path(), &report("two", Some(1))).unwrap();
        let listed = list(&entries(folder.path()).unwrap()).to_string();
        assert!(listed.contains("one") && listed.contains("2 drawn") && listed.contains("hit@1"), "{listed}");
        assert_eq!(read(folder.path(), "two").unwrap().run.id, "two");
        let wrong = read(folder.path(), "three").unwrap_err().to_string();
        assert!(wrong.contains("three is neither"), "{wrong}");
        assert!(read(folder.path(), "../runs/one").is_err());
        let shown = LastFigures::read(folder.path()).unwrap();
        assert!((shown.0["set"]["retrieval.hit_at_1"] - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_drawn_part_of_a_set_is_not_shown_as_the_set() {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), &report("one", Some(1))).unwrap();
        assert!(LastFigures::read(folder.path()).unwrap().0.is_empty());
    }

    #[test]
    fn a_folder_without_runs_has_none() {
        assert!(entries(tempfile::tempdir().unwrap().path()).unwrap().is_empty());
    }
}
