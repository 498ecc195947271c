//! SQL of workspaces and API keys.

use crate::database::{Database, DatabaseError, Transaction};
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::people::key::ApiKey;
use crate::{execute, read};

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// What it is called.
    pub name: String,
}

/// Records a workspace.
pub async fn insert_workspace(
    transaction: &mut Transaction,
    workspace: &Workspace,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into workspaces (id, name, settings, knowledge_version, created_at_ms, updated_at_ms)
        values ($1, $2, '{}', 0, $3, $3)";
    execute!(transaction, sqlx::query(SQL).bind(workspace.id.to_string()).bind(&workspace.name).bind(at_ms)).map(drop)
}

/// All workspaces, oldest first.
pub async fn workspaces(database: &Database) -> Result<Vec<Workspace>, DatabaseError> {
    const SQL: &str = "select id, name from workspaces order by id";
    let rows: Vec<(String, String)> = read!(database, |pool: D| sqlx::query_as(SQL).fetch_all(pool))?;
    rows.into_iter()
        .map(|(id, name)| Ok(Workspace { id: id.parse().map_err(DatabaseError::internal)?, name }))
        .collect()
}

/// The ids of all workspaces, oldest first.
pub async fn workspace_ids(database: &Database) -> Result<Vec<WorkspaceId>, DatabaseError> {
    Ok(workspaces(database).await?.into_iter().map(|workspace| workspace.id).collect())
}

/// Something of a workspace is about to change. The row stays taken until the commit, so that another change waits for this one.
pub async fn touch_workspace(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "update workspaces set updated_at_ms = $2 where id = $1";
    execute!(transaction, sqlx::query(SQL).bind(workspace.to_string()).bind(at_ms)).map(drop)
}

/// Records a key.
pub async fn insert_key(transaction: &mut Transaction, key: &ApiKey, at_ms: i64) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into api_keys
            (id, workspace_id, name, kind, secret_sha256, scopes, allowed_origins, expires_at_ms, revoked_at_ms, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, '[]', $7, $8, $9)";
    let kind = serde_json::to_string(&key.kind).map_err(DatabaseError::internal)?;
    let scopes = serde_json::to_string(&key.scopes).map_err(DatabaseError::internal)?;
    execute!(
        transaction,
        sqlx::query(SQL)
            .bind(key.id.to_string())
            .bind(key.workspace.to_string())
            .bind(&key.name)
            .bind(&kind)
            .bind(&key.secret_sha256)
            .bind(&scopes)
            .bind(key.expires_at_ms)
            .bind(key.revoked_at_ms)
            .bind(at_ms)
    )
    .map(drop)
}

/// Finds a key by its id.
pub async fn key(database: &Database, id: ApiKeyId) -> Result<Option<ApiKey>, DatabaseError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        workspace_id: String,
        name: String,
        kind: String,
        secret_sha256: Vec<u8>,
        scopes: String,
        expires_at_ms: Option<i64>,
        revoked_at_ms: Option<i64>,
    }
    const SQL: &str = "
        select workspace_id, name, kind, secret_sha256, scopes, expires_at_ms, revoked_at_ms
        from api_keys
        where id = $1";
    let row: Option<Row> = read!(database, |pool: D| sqlx::query_as(SQL).bind(id.to_string()).fetch_optional(pool))?;
    row.map(|row| {
        Ok(ApiKey {
            id,
            workspace: row.workspace_id.parse().map_err(DatabaseError::internal)?,
            name: row.name,
            kind: serde_json::from_str(&row.kind).map_err(DatabaseError::internal)?,
            scopes: serde_json::from_str(&row.scopes).map_err(DatabaseError::internal)?,
            secret_sha256: row.secret_sha256,
            expires_at_ms: row.expires_at_ms,
            revoked_at_ms: row.revoked_at_ms,
        })
    })
    .transpose()
}

/// Refuses a key of `workspace` from now on; `false` when there is none, or it was revoked before.
pub async fn revoke_key(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    id: ApiKeyId,
    at_ms: i64,
) -> Result<bool, DatabaseError> {
    const SQL: &str =
        "update api_keys set revoked_at_ms = $3 where workspace_id = $1 and id = $2 and revoked_at_ms is null";
    let revoked = execute!(transaction, sqlx::query(SQL).bind(workspace.to_string()).bind(id.to_string()).bind(at_ms))?;
    Ok(revoked > 0)
}
