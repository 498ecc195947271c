//! SQL of tickets and their messages.

use crate::answer::decide::Reason;
use crate::chat::Sender;
use crate::database::{Database, DatabaseError, Transaction};
use crate::desk::Evidence;
use crate::ids::{MessageId, SessionId, TicketId, WorkspaceId};
use crate::vault::{Place, Sealed, Vault};
use crate::{execute, read, run};

/// A ticket that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewTicket<'a> {
    pub id: TicketId,
    pub session: Option<SessionId>,
    pub reason: Reason,
    pub title: &'a str,
    pub description: &'a str,
    pub contact: Option<&'a str>,
    pub evidence: Option<&'a Evidence>,
}

/// A ticket as it was stored.
#[derive(Clone, Debug)]
pub struct StoredTicket {
    pub id: TicketId,
    /// The client's name of the session that it came from.
    pub session_name: Option<String>,
    pub reason: String,
    pub status: String,
    pub title: String,
    pub description: String,
    pub contact: Option<String>,
    pub evidence: Option<Evidence>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// Stores a ticket unless one is open for the same session and reason; says whether it did.
pub async fn insert_if_none_open(
    transaction: &mut Transaction,
    vault: &Vault,
    workspace: WorkspaceId,
    ticket: &NewTicket<'_>,
    at_ms: i64,
) -> Result<bool, DatabaseError> {
    const SQL: &str = "
        insert into tickets
            (id, workspace_id, session_id, reason, status, title_sealed, description_sealed, evidence_sealed, contact_sealed,
             related_skills, revision, created_at_ms, updated_at_ms)
        values ($1, $2, $3, $4, 'open', $5, $6, $7, $8, '[]', 1, $9, $9)
        on conflict do nothing";
    let row = ticket.id.to_string();
    let place = |column| Place { column, row: &row };
    let title = vault.seal(place("tickets.title_sealed"), ticket.title)?;
    let description = vault.seal(place("tickets.description_sealed"), ticket.description)?;
    let evidence =
        ticket.evidence.map(|evidence| vault.seal(place("tickets.evidence_sealed"), evidence)).transpose()?;
    let contact = ticket.contact.map(|contact| vault.seal(place("tickets.contact_sealed"), contact)).transpose()?;
    let inserted = execute!(
        transaction,
        sqlx::query(SQL)
            .bind(&row)
            .bind(workspace.to_string())
            .bind(ticket.session.map(|session| session.to_string()))
            .bind(ticket.reason.name())
            .bind(&title)
            .bind(&description)
            .bind(&evidence)
            .bind(&contact)
            .bind(at_ms)
    )?;
    Ok(inserted > 0)
}

/// The open ticket of a session for a reason.
pub async fn open_ticket(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    session: Option<SessionId>,
    reason: Reason,
) -> Result<TicketId, DatabaseError> {
    const SQL: &str = "
        select id
        from tickets
        where workspace_id = $1 and session_id = $2 and reason = $3 and status in ('open', 'in_progress', 'waiting')";
    let id: String = run!(transaction, |connection: D| sqlx::query_scalar(SQL)
        .bind(workspace.to_string())
        .bind(session.map(|session| session.to_string()))
        .bind(reason.name())
        .fetch_one(connection))?;
    id.parse().map_err(DatabaseError::internal)
}

/// The open ticket of a session that its customer asked for a person with, else the newest open one.
pub async fn latest_open_ticket(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    session: SessionId,
) -> Result<Option<TicketId>, DatabaseError> {
    const SQL: &str = "
        select id
        from tickets
        where workspace_id = $1 and session_id = $2 and status in ('open', 'in_progress', 'waiting')
        order by case when reason = 'customer_request' then 0 else 1 end, created_at_ms desc, id desc
        limit 1";
    let id: Option<String> = run!(transaction, |connection: D| sqlx::query_scalar(SQL)
        .bind(workspace.to_string())
        .bind(session.to_string())
        .fetch_optional(connection))?;
    id.map(|id| id.parse().map_err(DatabaseError::internal)).transpose()
}

/// Adds what a customer said to a ticket.
#[expect(clippy::too_many_arguments, reason = "one row, one argument a column")]
pub async fn insert_message(
    transaction: &mut Transaction,
    vault: &Vault,
    workspace: WorkspaceId,
    ticket: TicketId,
    id: MessageId,
    sender: Sender,
    text: &str,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into ticket_messages (id, workspace_id, ticket_id, sender, visibility, text_sealed, created_at_ms)
        values ($1, $2, $3, $4, 'public', $5, $6)";
    let row = id.to_string();
    let text = vault.seal(Place { column: "ticket_messages.text_sealed", row: &row }, text)?;
    execute!(
        transaction,
        sqlx::query(SQL)
            .bind(&row)
            .bind(workspace.to_string())
            .bind(ticket.to_string())
            .bind(sender.name())
            .bind(&text)
            .bind(at_ms)
    )
    .map(drop)
}

/// Something was added to a ticket, perhaps also how to reach the customer.
pub async fn touch(
    transaction: &mut Transaction,
    vault: &Vault,
    workspace: WorkspaceId,
    ticket: TicketId,
    contact: Option<&str>,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        update tickets
        set contact_sealed = coalesce($3, contact_sealed), revision = revision + 1, updated_at_ms = $4
        where workspace_id = $1 and id = $2";
    let row = ticket.to_string();
    let place = Place { column: "tickets.contact_sealed", row: &row };
    let contact = contact.map(|contact| vault.seal(place, contact)).transpose()?;
    execute!(transaction, sqlx::query(SQL).bind(workspace.to_string()).bind(&row).bind(&contact).bind(at_ms)).map(drop)
}

/// Finds a ticket of `workspace`.
pub async fn ticket(
    database: &Database,
    vault: &Vault,
    workspace: WorkspaceId,
    id: TicketId,
) -> Result<Option<StoredTicket>, DatabaseError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        session_name: Option<String>,
        reason: String,
        status: String,
        title_sealed: Sealed,
        description_sealed: Sealed,
        evidence_sealed: Option<Sealed>,
        contact_sealed: Option<Sealed>,
        created_at_ms: i64,
        updated_at_ms: i64,
    }
    const SQL: &str = "
        select s.name as session_name, t.reason, t.status, t.title_sealed, t.description_sealed, t.evidence_sealed,
            t.contact_sealed, t.created_at_ms, t.updated_at_ms
        from tickets t
        left join sessions s on s.id = t.session_id
        where t.workspace_id = $1 and t.id = $2";
    let row_id = id.to_string();
    let row: Option<Row> =
        read!(database, |pool: D| sqlx::query_as(SQL).bind(workspace.to_string()).bind(&row_id).fetch_optional(pool))?;
    let Some(row) = row else { return Ok(None) };
    let place = |column| Place { column, row: &row_id };
    Ok(Some(StoredTicket {
        id,
        session_name: row.session_name,
        reason: row.reason,
        status: row.status,
        title: vault.open(place("tickets.title_sealed"), &row.title_sealed)?,
        description: vault.open(place("tickets.description_sealed"), &row.description_sealed)?,
        contact: row
            .contact_sealed
            .as_ref()
            .map(|sealed| vault.open(place("tickets.contact_sealed"), sealed))
            .transpose()?,
        evidence: row
            .evidence_sealed
            .as_ref()
            .map(|sealed| vault.open(place("tickets.evidence_sealed"), sealed))
            .transpose()?,
        created_at_ms: row.created_at_ms,
        updated_at_ms: row.updated_at_ms,
    }))
}

/// What customers added to a ticket, oldest first.
pub async fn messages(
    database: &Database,
    vault: &Vault,
    workspace: WorkspaceId,
    ticket: TicketId,
) -> Result<Vec<String>, DatabaseError> {
    const SQL: &str =
        "select id, text_sealed from ticket_messages where workspace_id = $1 and ticket_id = $2 order by id";
    let rows: Vec<(String, Sealed)> = read!(database, |pool: D| sqlx::query_as(SQL)
        .bind(workspace.to_string())
        .bind(ticket.to_string())
        .fetch_all(pool))?;
    rows.iter().map(|(row, text)| Ok(vault.open(Place { column: "ticket_messages.text_sealed", row }, text)?)).collect()
}
