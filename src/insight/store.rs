//! SQL of accuracy records.

use crate::answer::decide::Decision;
use crate::database::{DatabaseError, Transaction};
use crate::execute;
use crate::ids::WorkspaceId;
use crate::insight::AccuracyRecord;
use crate::vault::{Place, Vault};

/// Stores an accuracy record.
pub async fn insert_accuracy(
    transaction: &mut Transaction,
    vault: &Vault,
    workspace: WorkspaceId,
    record: &AccuracyRecord<'_>,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into accuracy_records
            (id, workspace_id, session_id, message_id, ai_text_sealed, sent, decision, reason, response_type, confidence,
             tokens, latency_ms, trace_sealed, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let row = record.id.to_string();
    let answer = record.answer;
    let text = vault.seal(Place { column: "accuracy_records.ai_text_sealed", row: &row }, &answer.draft.text)?;
    let trace = vault.seal(Place { column: "accuracy_records.trace_sealed", row: &row }, &answer.trace)?;
    execute!(
        transaction,
        sqlx::query(SQL)
            .bind(&row)
            .bind(workspace.to_string())
            .bind(record.session.to_string())
            .bind(record.message.to_string())
            .bind(&text)
            .bind(!matches!(answer.decision, Decision::Escalated(_)))
            .bind(answer.decision.name())
            .bind(answer.reason().map(super::super::answer::decide::Reason::name))
            .bind(answer.response_type.name())
            .bind(answer.confidence)
            .bind(i64::try_from(answer.trace.tokens()).unwrap_or(i64::MAX))
            .bind(record.latency_ms)
            .bind(&trace)
            .bind(at_ms)
    )
    .map(drop)
}
