//! A run: look, plan, publish what is new, remove what has gone.

use std::io::{ErrorKind, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use candor::config::Config;
use candor::ids::WorkspaceId;
use candor::knowledge::source::{self, Scan};
use candor::knowledge::sync::{self, Manifest, Plan};
use candor::telemetry;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;
use tokio::task::JoinSet;

use crate::Arguments;
use crate::report::Summary;
use crate::target::{self, Failure, Target};

/// Articles that are on their way at once: enough that the model's threads never wait for the next one.
const IN_FLIGHT: usize = 8;

/// Articles that --prune removes for a folder none of whose files is known; more look like the wrong folder.
const PRUNED_BY_STRANGERS_MAX: usize = 10;

pub async fn run(arguments: Arguments) -> Result<Summary> {
    let began = Instant::now();
    let mut flags: Vec<(&str, String)> = Vec::new();
    flags.extend(arguments.data_dir.clone().map(|folder| ("data_dir", folder)));
    let config = Config::load(&flags)?.quiet();
    telemetry::start_log(&config);
    let article_bytes_max = config.article_bytes_max;
    if arguments.prune && arguments.paths.iter().any(|path| path.is_file()) {
        bail!("--prune removes what is not below PATH, so PATH must be the whole folder and not a single file");
    }
    let mut scan = source::scan(&arguments.paths)?;
    if scan.files.is_empty() {
        bail!("there is no article (.md, .markdown, .mdx or .txt) in the given paths");
    }
    let found = target::find(config).await?;
    let (mut manifest, mut unreadable) = manifest(&scan, article_bytes_max);
    let known = found.known(arguments.workspace).await?;
    let (prefix, is_certain) = sync::folder_in_workspace(&manifest, &scan.folder(), &known);
    if !prefix.is_empty() {
        say(&format!("the workspace has this folder as {prefix}"));
        scan = scan.below(&prefix);
        manifest =
            manifest.into_iter().map(|file| Manifest { source: prefix.clone() + &file.source, ..file }).collect();
        unreadable = unreadable.into_iter().map(|(file, why)| (prefix.clone() + &file, why)).collect();
    }
    let mut plan = sync::plan(&manifest, &known);
    // What lies elsewhere was not looked for. Of a single file nothing can be missing.
    plan.missing.retain(|source| source.starts_with(&prefix) && !arguments.paths.iter().all(|path| path.is_file()));
    if arguments.prune && !plan.missing.is_empty() && !is_certain {
        bail!(
            "some of these files are in the workspace as a part of a larger folder, so it is not clear what --prune should remove: \
             give the whole folder, or leave --prune out"
        );
    }
    let none_is_known = plan.unchanged + plan.changed.len() == 0;
    if arguments.prune && plan.missing.len() > PRUNED_BY_STRANGERS_MAX && none_is_known {
        bail!(
            "none of these files is in the workspace and --prune would remove all of its {} articles: is it the right folder? \
             Ingest it without --prune first",
            plan.missing.len()
        );
    }
    let mut summary = Summary {
        dry_run: arguments.dry_run,
        unchanged: plan.unchanged,
        failed: scan.failed.iter().cloned().chain(unreadable).collect(),
        passed_over: scan.passed_over.clone(),
        ..Summary::default()
    };
    // A file that is there but cannot be read has not gone.
    let unread: Vec<&String> = summary.failed.iter().map(|(file, _)| file).collect();
    let missing: Vec<String> = plan.missing.iter().filter(|source| !unread.contains(source)).cloned().collect();
    // Nor has what lies in a folder that cannot be looked into.
    let may_remove = arguments.prune && scan.failed.is_empty();
    let (removed, kept) = if may_remove { (missing, Vec::new()) } else { (Vec::new(), missing) };
    (summary.removed, summary.missing) = (removed, kept);
    if arguments.prune && !may_remove && !summary.missing.is_empty() {
        say("ingest: nothing is removed, because a part of the folder could not be looked at");
    }
    if arguments.dry_run {
        let waiting = [(plan.added, &mut summary.added), (plan.changed, &mut summary.changed)];
        for (files, would) in waiting {
            for (source, why) in checked(&scan, files, article_bytes_max) {
                match why {
                    None => would.push(source),
                    Some(why) => summary.failed.push((source, why)),
                }
            }
        }
    } else if !(plan.added.is_empty() && plan.changed.is_empty() && summary.removed.is_empty()) {
        let target = found.open().await?;
        if !summary.removed.is_empty() {
            target.withdraw(arguments.workspace, &summary.removed).await?;
        }
        let waiting = Waiting { plan, scan: &scan, article_bytes_max };
        publish_all(&target, arguments.workspace, waiting, &mut summary).await?;
        target.settle().await?;
    }
    summary.took = began.elapsed();
    Ok(summary)
}

/// Every file's digest, read in parallel; and those that cannot be read, with why.
fn manifest(scan: &Scan, article_bytes_max: usize) -> (Vec<Manifest>, Vec<(String, String)>) {
    let read = |(source, located): (&String, &source::Located)| match located.read(source, article_bytes_max) {
        Ok(file) => Ok(Manifest { source: source.clone(), digest: file.digest() }),
        Err(error) => Err((source.clone(), unread(&error))),
    };
    let (read, unread): (Vec<_>, Vec<_>) = scan.files.par_iter().map(read).partition(Result::is_ok);
    (read.into_iter().filter_map(Result::ok).collect(), unread.into_iter().filter_map(Result::err).collect())
}

/// Reads and parses files as publishing would: each with why it would fail, if it would.
fn checked(scan: &Scan, files: Vec<String>, article_bytes_max: usize) -> Vec<(String, Option<String>)> {
    let check = |source: String| {
        let read = scan.files.get(&source).map(|located| located.read(&source, article_bytes_max));
        let why = match read {
            Some(Ok(file)) => sync::check(&file, article_bytes_max).err().map(|error| error.to_string()),
            Some(Err(error)) => Some(unread(&error)),
            None => Some("is not there any more".into()),
        };
        (source, why)
    };
    files.into_par_iter().map(check).collect()
}

/// Tells whoever looks on. Nobody may; the summary says it again.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Why a file was not read, for whoever owns it.
fn unread(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::FileTooLarge => error.to_string(),
        _ => format!("cannot be read: {error}"),
    }
}

/// What is to be published.
struct Waiting<'a> {
    plan: Plan,
    scan: &'a Scan,
    article_bytes_max: usize,
}

/// Publishes what is new and what has changed. One bad file does not stop the others; a failure that every file would meet does.
async fn publish_all(
    target: &Target,
    workspace: WorkspaceId,
    Waiting { plan, scan, article_bytes_max }: Waiting<'_>,
    summary: &mut Summary,
) -> Result<()> {
    let progress = progress(plan.added.len() + plan.changed.len());
    let mut waiting = plan
        .added
        .into_iter()
        .map(|source| (source, true))
        .chain(plan.changed.into_iter().map(|source| (source, false)));
    let mut on_their_way = JoinSet::new();
    loop {
        while on_their_way.len() < IN_FLIGHT {
            let Some((source, is_new)) = waiting.next() else { break };
            let (target, located) = (target.clone(), scan.files.get(&source).cloned());
            on_their_way.spawn(async move {
                // It was there a moment ago, or it would not be in the plan.
                let read = located.map(|located| located.read(&source, article_bytes_max));
                let outcome = match read {
                    Some(Ok(file)) => target.publish(workspace, file).await,
                    Some(Err(error)) => Err(Failure::File(unread(&error))),
                    None => Err(Failure::File("is not there any more".into())),
                };
                (source, is_new, outcome)
            });
        }
        let Some(done) = on_their_way.join_next().await else { break };
        let (source, is_new, outcome) = done?;
        match outcome {
            Ok(published) => {
                summary.chunks += published.chunks;
                if is_new { &mut summary.added } else { &mut summary.changed }.push(source);
            }
            Err(Failure::File(why)) => {
                summary.failed.push((source, why));
            }
            Err(Failure::Everything(error)) => {
                progress.abandon();
                return Err(
                    error.context(format!("stopped at {source}; what was done stays, run it again for the rest"))
                );
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    summary.added.sort_unstable();
    summary.changed.sort_unstable();
    Ok(())
}

/// A bar with the rate and the time left, where somebody looks at it.
fn progress(articles: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(articles as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} articles  {per_sec}  {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
