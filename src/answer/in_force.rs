//! Which calibration an answer is judged by: the workspace's own where it was made for answers like these, else the one that ships.

use std::sync::Arc;

use crate::answer::confidence::Calibration;
use crate::answer::store;
use crate::answer::store::calibrations::{self, StoredCalibration};
use crate::answer::trace::{answering_hash, calibration_hash};
use crate::database::DatabaseError;
use crate::engine::Engine;
use crate::ids::WorkspaceId;
use crate::people::store as people;

/// A calibration with its hash, which takes longer to make than an answer has time for.
#[derive(Clone, Debug, PartialEq)]
pub struct Hashed {
    /// The calibration.
    pub calibration: Calibration,
    /// Its SHA-256, in hexadecimal.
    pub hash: String,
}

impl Hashed {
    /// Hashes `calibration`.
    #[must_use]
    pub fn of(calibration: Calibration) -> Self {
        Self { hash: calibration_hash(&calibration), calibration }
    }
}

/// The calibrations that were made from a workspace's own labelled questions: one for each generator that they were made with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnCalibrations(Vec<(StoredCalibration, Option<Arc<Hashed>>)>);

/// What a threshold rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RestsOn {
    /// What ships, fitted on open data.
    Default,
    /// The workspace's own labelled questions.
    Workspace,
    /// What ships, because the workspace's own calibration was made for other answers.
    Outdated,
}

impl RestsOn {
    /// All of them, for metrics.
    pub const ALL: [Self; 3] = [Self::Default, Self::Workspace, Self::Outdated];

    /// Its name on the wire and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Workspace => "workspace",
            Self::Outdated => "outdated",
        }
    }
}

/// The calibration that counts.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'a> {
    /// The calibration, with its hash.
    pub hashed: &'a Hashed,
    /// Why it is this one.
    pub rests_on: RestsOn,
}

/// What is said where a workspace's own calibration does not count any more.
const OUTDATED: &str = "default operating point: the workspace's own calibration was made for other answers than are given now, so \
    it promises nothing; make it again with `eval calibrate`";

impl<'a> InForce<'a> {
    /// The calibration.
    #[must_use]
    pub fn calibration(self) -> &'a Calibration {
        &self.hashed.calibration
    }

    /// What may be claimed for its threshold.
    #[must_use]
    pub fn promise(self) -> &'a str {
        match self.rests_on {
            RestsOn::Default | RestsOn::Workspace => &self.hashed.calibration.guarantee,
            RestsOn::Outdated => OUTDATED,
        }
    }
}

impl OwnCalibrations {
    /// Those of `workspace`.
    ///
    /// # Errors
    /// As the database.
    pub async fn load(engine: &Engine, workspace: WorkspaceId) -> Result<Self, DatabaseError> {
        let mut own = Vec::new();
        for stored in calibrations::of_workspace(engine.database(), workspace).await? {
            let hashed = match engine.own_calibrations().get(&stored.sha256) {
                Some(known) => known,
                None => read(engine, workspace, &stored.sha256).await?,
            };
            own.push((stored, hashed));
        }
        Ok(Self(own))
    }

    /// The one that drafts of `generator` are judged by.
    #[must_use]
    pub fn in_force<'a>(&'a self, engine: &'a Engine, generator: &str) -> InForce<'a> {
        let rests_on = rests_on(engine, generator, self.0.iter().map(|(stored, _)| stored));
        let own = self.0.iter().find(|(stored, _)| stored.generator == generator);
        match (rests_on, own) {
            (RestsOn::Workspace, Some((_, Some(own)))) => InForce { hashed: own, rests_on },
            // This version of the program cannot read it.
            (RestsOn::Workspace, _) => InForce { hashed: engine.shipped(), rests_on: RestsOn::Outdated },
            _ => InForce { hashed: engine.shipped(), rests_on },
        }
    }
}

/// Reads an artefact and remembers it, also that it cannot be read; one that was removed in the meantime is not remembered.
async fn read(engine: &Engine, workspace: WorkspaceId, sha256: &str) -> Result<Option<Arc<Hashed>>, DatabaseError> {
    let Some(json) = calibrations::artefact(engine.database(), workspace, sha256).await? else { return Ok(None) };
    let hashed = Calibration::parse(&json).ok().map(|calibration| Arc::new(Hashed::of(calibration)));
    engine.own_calibrations().insert(sha256.to_owned(), hashed.clone());
    Ok(hashed)
}

/// What drafts of `generator` are judged by, of the calibrations that a workspace has. One for another generator says nothing about
/// these; one for the same that was made for other answers does not count any more.
fn rests_on<'a>(engine: &Engine, generator: &str, own: impl Iterator<Item = &'a StoredCalibration> + Clone) -> RestsOn {
    let mut own = own.filter(|own| are_of_one_kind(&own.generator, generator)).peekable();
    if own.peek().is_none() {
        return RestsOn::Default;
    }
    let wanted = answering_hash(engine, generator);
    if own.any(|own| own.generator == generator && own.answering_hash == wanted) {
        RestsOn::Workspace
    } else {
        RestsOn::Outdated
    }
}

/// Whether two names of generators differ by the version of the drafts or of the prompt only, as `extractive-3` and `extractive-4`, or
/// `gemini-3.8-flash, answer-3` and `gemini-3.8-flash, answer-4`.
fn are_of_one_kind(one: &str, other: &str) -> bool {
    let kind = |name: &str| name.rsplit_once('-').map_or_else(|| name.to_owned(), |(kind, _)| kind.to_owned());
    kind(one) == kind(other)
}

/// How many workspaces' thresholds rest on what, in the order of [`RestsOn::ALL`].
///
/// # Errors
/// As the database.
pub async fn count(engine: &Engine) -> Result<[usize; RestsOn::ALL.len()], DatabaseError> {
    let workspaces = people::workspace_ids(engine.database()).await?;
    let stored = calibrations::all(engine.database()).await?;
    let mut counts = [0; RestsOn::ALL.len()];
    for workspace in workspaces {
        let name = workspace.to_string();
        let own = stored.iter().filter(|own| own.workspace_id == name);
        let rests_on = if own.clone().next().is_some() {
            let settings = store::settings(engine.database(), workspace).await?;
            rests_on(engine, &settings.generator(engine), own)
        } else {
            RestsOn::Default
        };
        counts[rests_on as usize] += 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generators_of_one_kind_differ_by_their_version_only() {
        assert!(are_of_one_kind("extractive-3", "extractive-14"));
        assert!(are_of_one_kind("gemini-3.8-flash, answer-3", "gemini-3.8-flash, answer-4"));
        assert!(!are_of_one_kind("gemini-3.8-flash, answer-3", "gemini-3.9-flash, answer-3"));
        assert!(!are_of_one_kind("extractive-3", "gemini-3.8-flash, answer-3"));
    }
}
