//! `candor doctor`: what is wrong with an installation, why, and what to do about it.
//!
//! Everything is looked at once ([`Seen`]), and each check makes one line of what was seen. A new check is a function in
//! `checks.rs` with its line in [`CHECKS`](checks::CHECKS), and a field of [`Seen`] where nobody has looked yet.

mod checks;
mod seen;

use crate::config::Config;
use crate::knowledge::health::Health;

pub use seen::{Model, Seen, Trouble, User};

/// What a check has found out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Verdict {
    /// All is well.
    Well {
        /// What was found.
        found: String,
    },
    /// Something is wrong.
    Wrong {
        /// What.
        cause: String,
        /// What to do about it.
        remedy: String,
    },
    /// It could not be looked at.
    Unknown {
        /// Why.
        cause: String,
        /// What to do to see it.
        remedy: String,
    },
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// What was found out.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// How an installation is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    /// Each check's finding, in the order in which they depend on each other.
    pub checks: Vec<Finding>,
    /// The index against SQL in each workspace; `None` when it could not be seen.
    pub index: Option<Health>,
}

impl Report {
    /// Whether something is wrong.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.checks.iter().any(|finding| matches!(finding.verdict, Verdict::Wrong { .. }))
    }

    /// Whether something could not be looked at.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.checks.iter().any(|finding| matches!(finding.verdict, Verdict::Unknown { .. }))
    }
}

/// Looks at the installation that `config` names, and changes nothing. While a server has the data folder, that server is asked
/// for what only it can see.
pub async fn examine(config: &Config) -> Report {
    let seen = Seen::look(config).await;
    Report { checks: findings(&seen), index: seen.index.ok() }
}

/// What the checks say of what was seen.
#[must_use]
pub fn findings(seen: &Seen) -> Vec<Finding> {
    checks::CHECKS.iter().map(|(check, judge)| Finding { check, verdict: judge(seen) }).collect()
}
