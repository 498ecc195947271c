//! `candor calibration`: workspaces' own calibrations, made by `eval calibrate --risk`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use candor::answer::confidence::Calibration;
use candor::answer::store::calibrations;
use candor::clock::Clock;
use candor::config::Config;
use candor::engine::open_database;
use candor::ids::WorkspaceId;
use candor::people;
use clap::Subcommand;
use serde_json::json;

use super::print;

/// The largest artefact: the hashes of some hundred thousand questions.
const ARTEFACT_BYTES_MAX: u64 = 4 * 1024 * 1024;

#[derive(Subcommand)]
pub enum CalibrationCommand {
    /// Judges a workspace's answers by what its own labelled questions say, from the next question on.
    Install {
        /// What `eval calibrate --risk … --out FILE` wrote.
        file: PathBuf,
        /// Whose questions it was made from.
        #[arg(long)]
        workspace: WorkspaceId,
    },
    /// Lists the workspaces' own calibrations.
    List {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Judges a workspace's answers by what ships again.
    Remove {
        /// Whose it is.
        #[arg(long)]
        workspace: WorkspaceId,
    },
}

pub async fn calibration(flags: &[(&str, String)], command: CalibrationCommand) -> Result<()> {
    let database = open_database(&Config::load(flags)?).await?;
    match command {
        CalibrationCommand::Install { file, workspace } => {
            let shown = file.display();
            let size = std::fs::metadata(&file).with_context(|| format!("{shown} cannot be read"))?.len();
            if size > ARTEFACT_BYTES_MAX {
                bail!("{shown} is larger than {} MiB: it is no calibration", ARTEFACT_BYTES_MAX / 1024 / 1024);
            }
            let json = std::fs::read_to_string(&file).with_context(|| format!("{shown} cannot be read"))?;
            let calibration = Calibration::parse(&json).with_context(|| format!("{shown} cannot be used"))?;
            if calibration.promise.is_none() {
                bail!(
                    "{shown} promises nothing, as what ships does not either; make one with `eval calibrate --risk 10% --out {shown}`"
                );
            }
            if !people::store::workspace_ids(&database).await?.contains(&workspace) {
                bail!("there is no workspace {workspace}; `candor workspace list` shows those that there are");
            }
            let at_ms = Clock::System.now_ms();
            let mut transaction = database.begin().await?;
            calibrations::put(&mut transaction, workspace, &calibration, &json, at_ms).await?;
            transaction.commit().await?;
            println!("{}", calibration.guarantee);
            println!(
                "It counts as long as answers are made by {} in the same way; /ai/config says whether it does.",
                calibration.generator
            );
        }
        CalibrationCommand::List { json } => {
            let all = calibrations::all(&database).await?;
            if all.is_empty() {
                eprintln!("there is none: all answers are judged by what ships");
            }
            let lines: Vec<String> = all
                .iter()
                .map(|one| format!("{}  {}  {}", one.workspace_id, &one.sha256[..12], one.generator))
                .collect();
            print(json, &json!(all), &lines.join("\n"))?;
        }
        CalibrationCommand::Remove { workspace } => {
            let mut transaction = database.begin().await?;
            let removed = calibrations::remove(&mut transaction, workspace).await?;
            transaction.commit().await?;
            if removed == 0 {
                bail!("workspace {workspace} has no calibration of its own");
            }
        }
    }
    database.close().await;
    Ok(())
}
