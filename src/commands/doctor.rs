//! `candor doctor`.

use std::process::ExitCode;

use anyhow::Result;
use candor::config::Config;
use candor::doctor::{Finding, Verdict, examine};
use candor::telemetry;
use serde_json::json;

use super::print;

/// Exit code 1 when something is wrong, else 2 when something could not be looked at.
pub async fn doctor(flags: &[(&str, String)], json: bool) -> Result<ExitCode> {
    let config = Config::load(flags)?.quiet();
    telemetry::start_log(&config);
    let report = examine(&config).await;
    let lines: Vec<String> = report.checks.iter().map(line).collect();
    print(json, &json!(report), &lines.join("\n"))?;
    Ok(match (report.is_wrong(), report.is_incomplete()) {
        (true, _) => ExitCode::from(1),
        (false, true) => ExitCode::from(2),
        (false, false) => ExitCode::SUCCESS,
    })
}

fn line(Finding { check, verdict }: &Finding) -> String {
    let (mark, what) = match verdict {
        Verdict::Well { found } => ("ok", found.clone()),
        Verdict::Wrong { cause, remedy } => ("WRONG", format!("{cause}\n{:27}→ {remedy}", "")),
        Verdict::Unknown { cause, remedy } => ("unknown", format!("{cause}\n{:27}→ {remedy}", "")),
    };
    format!("{mark:8} {check:17} {what}")
}
