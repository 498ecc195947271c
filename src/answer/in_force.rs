//! Which calibration an answer is judged by: the workspace's own where it was made for answers like these, else the one that ships.

use std::collections::HashSet;
use std::sync::Arc;

use crate::answer::confidence::Calibration;
use crate::answer::settings::AnswerSettings;
use crate::answer::store;
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
pub struct OwnCalibrations(Vec<Arc<Hashed>>);

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
        for sha256 in store::calibrations(engine.database(), workspace).await? {
            let read = async { store::calibration(engine.database(), workspace, &sha256).await };
            let hashed = engine.own_calibrations().get_or_insert_async(&sha256, async {
                let calibration = read.await?.and_then(|json| Calibration::parse(&json).ok());
                Ok::<_, DatabaseError>(calibration.map(|calibration| Arc::new(Hashed::of(calibration))))
            });
            own.push(hashed.await?);
        }
        // One that another version of the program wrote is as one that was made for other answers.
        Ok(Self(own.into_iter().flatten().collect()))
    }

    /// The one that drafts of `generator` are judged by.
    #[must_use]
    pub fn in_force<'a>(&'a self, engine: &'a Engine, generator: &str) -> InForce<'a> {
        let wanted = answering_hash(engine, generator);
        let own = self.0.iter().find(|own| own.calibration.answering_hash == wanted);
        match own {
            Some(own) => InForce { hashed: own, rests_on: RestsOn::Workspace },
            None if self.0.is_empty() => InForce { hashed: engine.shipped(), rests_on: RestsOn::Default },
            None => InForce { hashed: engine.shipped(), rests_on: RestsOn::Outdated },
        }
    }
}

/// How many workspaces' thresholds rest on what, in the order of [`RestsOn::ALL`].
///
/// # Errors
/// As the database.
pub async fn count(engine: &Engine) -> Result<[usize; RestsOn::ALL.len()], DatabaseError> {
    let workspaces = people::workspace_ids(engine.database()).await?;
    let stored = store::all_calibrations(engine.database()).await?;
    let with_own: HashSet<&str> = stored.iter().map(|own| own.workspace_id.as_str()).collect();
    let mut counts = [0; RestsOn::ALL.len()];
    for workspace in workspaces {
        let rests_on = if with_own.contains(workspace.to_string().as_str()) {
            let settings = AnswerSettings::load(engine, workspace).await?;
            settings.in_force(engine, &settings.generator(engine)).rests_on
        } else {
            RestsOn::Default
        };
        counts[rests_on as usize] += 1;
    }
    Ok(counts)
}
