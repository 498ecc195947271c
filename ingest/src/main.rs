//! Brings a folder of articles into a workspace: argv in, a summary and an exit code out.

mod report;
mod run;
mod target;

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use candor::ids::WorkspaceId;
use clap::Parser;

/// Brings a folder of articles into a workspace.
///
/// Only what is new or has changed is done; a second run over the same folder has nothing to do. It works in the same way
/// while the server is running and while it is not.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  ingest docs/ --workspace 0192f3a4-…            add and update articles
  ingest docs/ --workspace 0192f3a4-… --dry-run  show what would be done
  ingest docs/ --workspace 0192f3a4-… --prune    also remove articles whose file has gone
  ingest docs/faq.md --workspace 0192f3a4-…      one article

Exit codes: 0 all files are in, 1 some could not be ingested, 2 it stopped before the end.
Files: .md, .markdown, .mdx and .txt; hidden ones are left out."
)]
struct Arguments {
    /// Folders or files of articles.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The workspace, as `candor workspace list` shows it.
    #[arg(long, value_name = "ID")]
    workspace: WorkspaceId,
    /// Shows what would be done and does nothing.
    #[arg(long)]
    dry_run: bool,
    /// Removes articles that came from files which are not below PATH any more.
    #[arg(long)]
    prune: bool,
    /// Prints the summary as JSON.
    #[arg(long)]
    json: bool,
    /// The folder of the database and the index.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    match run::run(arguments).await {
        Ok(summary) => {
            let text = if json { format!("{:#}", summary.json()) } else { summary.text() };
            match writeln!(std::io::stdout().lock(), "{text}") {
                // A reader that has seen enough and closed the pipe, as `head` does, changes nothing of what was done.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    eprintln!("ingest: everything was done, but the summary cannot be written: {error}");
                    ExitCode::from(2)
                }
                _ => ExitCode::from(u8::from(!summary.failed.is_empty())),
            }
        }
        Err(error) => {
            eprintln!("ingest: {error:#}");
            ExitCode::from(2)
        }
    }
}
