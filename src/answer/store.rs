//! SQL of the workspaces' answering settings.

pub mod calibrations;

use crate::answer::in_force::OwnCalibrations;
use crate::answer::language::Language;
use crate::answer::settings::{AnswerSettings, Changed, Drafter};
use crate::database::{Database, DatabaseError, Transaction};
use crate::ids::WorkspaceId;
use crate::{execute, read, run};

const SETTINGS: &str = "
    select version, enabled, provider, model, temperature, tokens_max, system_prompt, language, threshold, updated_by,
        updated_at_ms
    from answer_settings
    where workspace_id = $1";

#[derive(sqlx::FromRow)]
struct Row {
    version: i64,
    enabled: bool,
    provider: Option<String>,
    model: Option<String>,
    temperature: Option<f64>,
    tokens_max: Option<i64>,
    system_prompt: Option<String>,
    language: Option<String>,
    threshold: Option<f64>,
    updated_by: String,
    updated_at_ms: i64,
}

/// The settings of `workspace`; the defaults where nothing is stored.
pub async fn settings(database: &Database, workspace: WorkspaceId) -> Result<AnswerSettings, DatabaseError> {
    let row: Option<Row> =
        read!(database, |pool: D| sqlx::query_as(SETTINGS).bind(workspace.to_string()).fetch_optional(pool))?;
    row.map_or_else(|| Ok(AnswerSettings::default()), AnswerSettings::try_from)
}

/// The same inside of a transaction.
pub async fn settings_in(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
) -> Result<AnswerSettings, DatabaseError> {
    let row: Option<Row> = run!(transaction, |connection: D| sqlx::query_as(SETTINGS)
        .bind(workspace.to_string())
        .fetch_optional(connection))?;
    row.map_or_else(|| Ok(AnswerSettings::default()), AnswerSettings::try_from)
}

/// Stores the settings of `workspace` in the place of those that it had.
pub async fn put_settings(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    settings: &AnswerSettings,
    changed: Changed,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into answer_settings
            (workspace_id, version, enabled, provider, model, temperature, tokens_max, system_prompt, language, threshold,
             updated_by, updated_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        on conflict (workspace_id) do update
        set version = excluded.version, enabled = excluded.enabled, provider = excluded.provider, model = excluded.model,
            temperature = excluded.temperature, tokens_max = excluded.tokens_max, system_prompt = excluded.system_prompt,
            language = excluded.language, threshold = excluded.threshold, updated_by = excluded.updated_by,
            updated_at_ms = excluded.updated_at_ms";
    execute!(
        transaction,
        sqlx::query(SQL)
            .bind(workspace.to_string())
            .bind(settings.version)
            .bind(settings.enabled)
            .bind(settings.provider.map(Drafter::name))
            .bind(&settings.model)
            .bind(settings.temperature)
            .bind(settings.tokens_max.map(i64::from))
            .bind(&settings.system_prompt)
            .bind(settings.language.map(Language::code))
            .bind(settings.threshold)
            .bind(changed.by.to_string())
            .bind(changed.at_ms)
    )
    .map(drop)
}

/// How many workspaces have set a threshold.
pub async fn count_thresholds(database: &Database) -> Result<i64, DatabaseError> {
    const SQL: &str = "select count(*) from answer_settings where threshold is not null";
    read!(database, |pool: D| sqlx::query_scalar(SQL).fetch_one(pool))
}

impl TryFrom<Row> for AnswerSettings {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        // A provider or a language that only another version of the program knows is as none.
        Ok(Self {
            version: row.version,
            enabled: row.enabled,
            provider: row.provider.as_deref().and_then(Drafter::of_name),
            model: row.model,
            temperature: row.temperature,
            tokens_max: row.tokens_max.map(u32::try_from).transpose().map_err(DatabaseError::internal)?,
            system_prompt: row.system_prompt,
            language: row.language.as_deref().and_then(Language::of_tag),
            threshold: row.threshold,
            changed: Some(Changed {
                by: row.updated_by.parse().map_err(DatabaseError::internal)?,
                at_ms: row.updated_at_ms,
            }),
            own_calibrations: OwnCalibrations::default(),
        })
    }
}
