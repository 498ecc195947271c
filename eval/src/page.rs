//! `eval report`: a run as one page for people, as Markdown for a pull request and as JUnit for a build server.
//!
//! Everything that a page says is put together first, as text and numbers, each subject in its own file; the templates only
//! place it. Questions and drafts are strangers' text: `template` escapes all that is not marked as ours.

mod changed;
pub mod charts;
mod circumstances;
mod html;
mod junit;
mod markdown;
mod slices;
mod summary;
pub mod template;
mod worst;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use candor::config::Config;

use crate::compare::Comparison;
use crate::figures::DEFINITIONS;
use crate::history;
use crate::report::Report;
use crate::written;

/// Makes a page of a run, alone or against a baseline: for people, for a pull request, for a build server.
///
/// Ends with 0 whatever the figures are: `eval compare` and `eval gate` judge. A figure that was lost is a failure in the JUnit file.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval report report.json --html report.html
  eval report report.json --baseline datasets/tarnwheel/baseline.json --html report.html --markdown report.md
  eval report 20261121T101502Z-tarnwheel-1f0c2a --junit report.xml")]
pub struct ReportArguments {
    /// The report of a run, or its id in `eval history`.
    #[arg(value_name = "REPORT")]
    report: String,
    /// The same of an earlier run over the same questions, to compare with.
    #[arg(long, value_name = "REPORT")]
    baseline: Option<String>,
    /// Writes the page: one file that needs nothing else.
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// Writes the summary, short enough for a comment on a pull request.
    #[arg(long, value_name = "FILE.md")]
    markdown: Option<PathBuf>,
    /// Writes each figure as a test case.
    #[arg(long, value_name = "FILE.xml")]
    junit: Option<PathBuf>,
    /// How many of the worst questions the page shows with their traces.
    #[arg(long, value_name = "N", default_value_t = 20)]
    worst: usize,
    /// Where runs are kept [default: the setting CANDOR_EVAL_DIR, .eval].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// What a run is compared with.
pub struct Against<'a> {
    report: &'a Report,
    comparison: Comparison<'a>,
}

impl<'a> Against<'a> {
    fn of(baseline: &'a Report, report: &'a Report) -> Result<Self> {
        let names: Vec<&str> = DEFINITIONS.iter().map(|definition| definition.name).collect();
        let comparison = Comparison::of(baseline, report, &names, report.run.seed)?;
        Ok(Self { report: baseline, comparison })
    }
}

/// Runs the command.
///
/// # Errors
/// A sentence that says what cannot be read, compared or written; then nothing is overwritten.
pub fn run(config: &Config, arguments: &ReportArguments) -> Result<ExitCode> {
    let wanted = [&arguments.html, &arguments.markdown, &arguments.junit];
    if wanted.iter().all(|path| path.is_none()) {
        bail!("nothing is to be written: name a file with --html, --markdown or --junit");
    }
    let read = [Some(&arguments.report), arguments.baseline.as_ref()].into_iter().flatten().map(PathBuf::from);
    let read: Vec<PathBuf> = read.filter(|path| path.is_file()).collect();
    for path in wanted.into_iter().flatten() {
        written::check(path)?;
        for read in &read {
            written::check_different(&[read, path])?;
        }
    }
    written::check_different(&wanted.into_iter().flatten().collect::<Vec<_>>())?;
    let folder = arguments.folder.as_ref().unwrap_or(&config.eval_dir);
    let report = history::read(folder, &arguments.report)?;
    let baseline = arguments.baseline.as_ref().map(|name| history::read(folder, name)).transpose()?;
    let against = baseline.as_ref().map(|baseline| Against::of(baseline, &report)).transpose()?;

    let mut files: Vec<(&Path, String)> = Vec::new();
    if let Some(path) = &arguments.html {
        files.push((path, html::page(&report, against.as_ref(), arguments.worst)?));
    }
    if let Some(path) = &arguments.markdown {
        files.push((path, markdown::comment(&report, against.as_ref())?));
    }
    if let Some(path) = &arguments.junit {
        files.push((path, junit::suite(&report, against.as_ref())?));
    }
    for (path, text) in files {
        written::write(path, &text)?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use std::fs;

    fn arguments(report: &Path, folder: &Path) -> ReportArguments {
        ReportArguments {
            report: report.display().to_string(),
            baseline: None,
            html: Some(folder.join("page.html")),
            markdown: Some(folder.join("comment.md")),
            junit: Some(folder.join("suite.xml")),
            worst: 20,
            folder: None,
        }
    }

    fn written_report(folder: &Path, name: &str, questions_sha256: &str) -> PathBuf {
        let mut about = fixtures::about();
        about.data.questions_sha256 = questions_sha256.to_owned();
        let report = Report::of(about, vec![fixtures::outcome("q1", true), fixtures::outcome("q2", false)]);
        let path = folder.join(name);
        fs::write(&path, serde_json::to_string(&report).unwrap()).unwrap();
        path
    }

    #[test]
    fn all_files_are_written_and_none_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut arguments = arguments(&written_report(folder.path(), "one.json", "a"), folder.path());
        run(&Config::default(), &arguments).unwrap();
        for name in ["page.html", "comment.md", "suite.xml"] {
            assert!(folder.path().join(name).metadata().unwrap().len() > 500, "{name}");
        }
        (arguments.html, arguments.markdown, arguments.junit) = (None, None, None);
        assert!(run(&Config::default(), &arguments).unwrap_err().to_string().contains("--html, --markdown or --junit"));
    }

    #[test]
    fn a_baseline_of_other_questions_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut arguments = arguments(&written_report(folder.path(), "one.json", "a"), folder.path());
        arguments.baseline = Some(written_report(folder.path(), "two.json", "b").display().to_string());
        fs::write(folder.path().join("page.html"), "as before").unwrap();
        let refusal = run(&Config::default(), &arguments).unwrap_err().to_string();
        assert!(refusal.contains("not over the same questions"), "{refusal}");
        assert_eq!(fs::read_to_string(folder.path().join("page.html")).unwrap(), "as before");
        assert!(!folder.path().join("comment.md").exists());
    }
}
