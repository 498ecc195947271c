//! SQL of the calibrations that were made from workspaces' own labelled questions.

use sha2::{Digest, Sha256};

use crate::answer::confidence::Calibration;
use crate::database::{Database, DatabaseError, Transaction};
use crate::ids::WorkspaceId;
use crate::{execute, read};

/// A calibration as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredCalibration {
    /// Whose it is.
    pub workspace_id: String,
    /// What the drafts were made with that it judges.
    pub generator: String,
    /// Of those drafts.
    pub answering_hash: String,
    /// Of the artefact, in hexadecimal.
    pub sha256: String,
    /// When it was put there.
    pub stored_at_ms: i64,
}

/// The calibrations of `workspace`, without the artefacts.
pub async fn of_workspace(
    database: &Database,
    workspace: WorkspaceId,
) -> Result<Vec<StoredCalibration>, DatabaseError> {
    const SQL: &str = "
        select workspace_id, generator, answering_hash, sha256, stored_at_ms from calibrations
        where workspace_id = $1 order by generator";
    read!(database, |pool: D| sqlx::query_as(SQL).bind(workspace.to_string()).fetch_all(pool))
}

/// The artefact of one of them, as `eval calibrate` wrote it.
pub async fn artefact(
    database: &Database,
    workspace: WorkspaceId,
    sha256: &str,
) -> Result<Option<String>, DatabaseError> {
    const SQL: &str = "select artefact from calibrations where workspace_id = $1 and sha256 = $2";
    read!(database, |pool: D| sqlx::query_scalar(SQL).bind(workspace.to_string()).bind(sha256).fetch_optional(pool))
}

/// The calibrations of all workspaces.
pub async fn all(database: &Database) -> Result<Vec<StoredCalibration>, DatabaseError> {
    const SQL: &str = "
        select workspace_id, generator, answering_hash, sha256, stored_at_ms from calibrations
        order by workspace_id, generator";
    read!(database, |pool: D| sqlx::query_as(SQL).fetch_all(pool))
}

/// Stores `calibration`, which `artefact` was read as, in the place of the one that `workspace` had for the same generator.
pub async fn put(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    calibration: &Calibration,
    artefact: &str,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into calibrations (workspace_id, generator, answering_hash, sha256, artefact, stored_at_ms)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (workspace_id, generator) do update
        set answering_hash = excluded.answering_hash, sha256 = excluded.sha256, artefact = excluded.artefact, stored_at_ms = excluded.stored_at_ms";
    execute!(
        transaction,
        sqlx::query(SQL)
            .bind(workspace.to_string())
            .bind(&calibration.generator)
            .bind(&calibration.answering_hash)
            .bind(hex::encode(Sha256::digest(artefact)))
            .bind(artefact)
            .bind(at_ms)
    )
    .map(drop)
}

/// Removes the calibrations of `workspace`; gives how many there were.
pub async fn remove(transaction: &mut Transaction, workspace: WorkspaceId) -> Result<u64, DatabaseError> {
    const SQL: &str = "delete from calibrations where workspace_id = $1";
    execute!(transaction, sqlx::query(SQL).bind(workspace.to_string()))
}
