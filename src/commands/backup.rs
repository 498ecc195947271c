//! `candor backup` and `candor restore`.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use candor::backup::restore::{self, Made, Progress, Restored};
use candor::backup::verify::{Verified, verify};
use candor::backup::{self, manifest::Manifest};
use candor::clock::Clock;
use candor::config::Config;
use candor::ids::Ids;
use candor::knowledge::store;
use candor::telemetry;
use serde_json::json;

use super::print;

/// A megabyte, in bytes.
const MEGABYTE: f64 = 1e6;

pub async fn backup(flags: &[(&str, String)], folder: &Path, json: bool) -> Result<()> {
    let config = Config::load(flags)?.quiet();
    telemetry::start_log(&config);
    let began = Instant::now();
    let made = backup::backup(&config, &Clock::System, folder, |bytes| {
        say(&format!("{:.1} MB written", megabytes(bytes)), "");
    })
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    let folder = made.folder.display().to_string();
    let (rows, bytes) = (made.manifest.content.rows.values().sum::<i64>(), made.manifest.database.bytes);
    if !json {
        say(&format!("{rows} rows, {:.1} MB, {seconds:.1} s", megabytes(bytes)), "\n");
    }
    let shown =
        json!({ "folder": folder, "rows": rows, "bytes": bytes, "seconds": seconds, "manifest": made.manifest });
    print(json, &shown, &folder)
}

/// Exit code 1 when the installation is not what it was.
pub async fn restore(flags: &[(&str, String)], folder: &Path, is_verified: bool, json: bool) -> Result<ExitCode> {
    let config = Config::load(flags)?.quiet();
    telemetry::start_log(&config);
    let began = Instant::now();
    let restored = restore::restore(config, Clock::System, Ids::Random, folder, |progress| match progress {
        Progress::Checking => say("reading the backup", ""),
        Progress::Rows => say("restoring the rows", ""),
        Progress::Points(done, total) => count(done, total, "points"),
        Progress::Articles(done, total) => count(done, total, "articles"),
    })
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    let verified = if is_verified { Some(verify(&restored.engine).await?) } else { None };
    let Restored { engine, manifest, rows, index } = restored;
    let faults = faults(&manifest, &rows, verified.as_ref());
    let articles = store::count_published(engine.database()).await?;
    let generation = engine.generation();
    let points = generation.index.total().await?;
    engine.database().close().await;

    let shown = json!({
        "backup": folder,
        "createdAt": manifest.created_at,
        "rows": rows,
        "articles": articles,
        "points": points,
        "generation": generation.row,
        "index": index,
        "seconds": seconds,
        "verified": verified,
        "faults": faults,
    });
    let mut lines = vec![format!(
        "restored {} rows of {} tables, {articles} articles and {points} points from the backup of {} in {seconds:.1} s",
        rows.values().sum::<i64>(),
        rows.len(),
        manifest.created_at
    )];
    if index == Made::Rebuilt {
        let from = manifest.content.generation.map(|row| row.embedding).unwrap_or_default();
        lines.push(format!(
            "the articles were embedded anew: the backup is of {from}, the settings name {}",
            generation.row.embedding
        ));
    }
    if let Some(verified) = verified.filter(|_| faults.is_empty()) {
        lines.push(format!(
            "verified: each table has the rows that it had, each passage is in the index, and {} of {} passages that were asked \
             for were found",
            verified.asked, verified.asked
        ));
    }
    for fault in &faults {
        lines.push(format!("not as it was: {fault}"));
    }
    print(json, &shown, &lines.join("\n"))?;
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What is not as it was, a sentence each.
fn faults(manifest: &Manifest, rows: &BTreeMap<String, i64>, verified: Option<&Verified>) -> Vec<String> {
    let mut faults = Vec::new();
    for (table, expected) in &manifest.content.rows {
        let found = rows.get(table).copied().unwrap_or_default();
        if found != *expected {
            faults.push(format!("table {table} has {found} rows, the backup {expected}"));
        }
    }
    let Some(verified) = verified else { return faults };
    let differences = verified.differences;
    if differences.restored + differences.swept > 0 {
        faults.push(format!(
            "{} passages were missing in the index and {} were too many",
            differences.restored, differences.swept
        ));
    }
    if verified.asked == 0 && rows.get("chunks").is_some_and(|chunks| *chunks > 0) {
        faults.push("the backup has passages and none could be asked for".to_owned());
    }
    faults.extend(verified.lost.iter().map(|source| format!("{source} is not found by its own words")));
    faults
}

fn count(done: usize, total: usize, what: &str) {
    say(&format!("{done} of {total} {what}"), if done == total { "\n" } else { "" });
}

/// What is being done, on a line that the next one is written over, where somebody looks at it.
fn say(what: &str, end: &str) {
    let mut errors = std::io::stderr();
    if errors.is_terminal() {
        // What was there may have been longer. Nobody may look on any more.
        let _ = write!(errors, "\r{what:<40}{end}");
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MEGABYTE
}
