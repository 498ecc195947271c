//! SQL of sessions, their messages and their events.

use serde_json::Value;

use crate::chat::{Sender, SessionName, Visitor};
use crate::database::{Database, DatabaseError, Transaction};
use crate::engine::Engine;
use crate::ids::{MessageId, SessionId, WorkspaceId};
use crate::vault::{Place, Sealed, Vault};
use crate::{execute, read, run};

/// A session as it is stored.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub name: SessionName,
    pub token_sha256: Vec<u8>,
    pub status: String,
    /// Whether a person was asked for or has joined, and the session has not been handed back: then Candor is silent.
    pub is_with_agent: bool,
}

/// A message that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    pub id: MessageId,
    pub sender: Sender,
    pub sequence: i64,
    pub text: &'a str,
    pub metadata: Option<&'a Value>,
    pub confidence: Option<f64>,
}

/// A message as it was stored.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    pub id: MessageId,
    pub sequence: i64,
    pub sender: Sender,
    pub text: String,
    pub metadata: Option<Value>,
    pub confidence: Option<f64>,
    pub read_at_ms: Option<i64>,
    pub created_at_ms: i64,
}

/// Finds a session of `workspace` by the client's name for it.
pub async fn session_by_name(
    database: &Database,
    workspace: WorkspaceId,
    name: &SessionName,
) -> Result<Option<Session>, DatabaseError> {
    // Who asked for a person waits for one only while the ticket of it is open: nobody would answer after that.
    const SQL: &str = "
        select s.id, s.token_sha256, s.status,
            s.status = 'agent_assigned' or (s.person_asked_at_ms is not null and exists (
                select 1
                from tickets t
                where t.session_id = s.id and t.reason = 'customer_request'
                    and t.status in ('open', 'in_progress', 'waiting'))) as is_with_agent
        from sessions s
        where s.workspace_id = $1 and s.name = $2";
    let row: Option<(String, Vec<u8>, String, bool)> = read!(database, |pool: D| sqlx::query_as(SQL)
        .bind(workspace.to_string())
        .bind(name.as_str())
        .fetch_optional(pool))?;
    row.map(|(id, token_sha256, status, is_with_agent)| {
        let id = id.parse().map_err(DatabaseError::internal)?;
        Ok(Session { id, name: name.clone(), token_sha256, status, is_with_agent })
    })
    .transpose()
}

/// Makes a session. [`DatabaseError::Conflict`] when the name is taken.
#[expect(clippy::too_many_arguments, reason = "one row, one argument a column")]
pub async fn insert_session(
    transaction: &mut Transaction,
    vault: &Vault,
    workspace: WorkspaceId,
    id: SessionId,
    name: &SessionName,
    token_sha256: &[u8],
    visitor: &Visitor,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into sessions
            (id, workspace_id, name, token_sha256, status, language, user_meta_sealed, user_agent_sealed,
             next_sequence, last_active_at_ms, created_at_ms, updated_at_ms)
        values ($1, $2, $3, $4, 'active', $5, $6, $7, 1, $8, $8, $8)";
    let row = id.to_string();
    let place = |column| Place { column, row: &row };
    let user_meta =
        visitor.user_meta.as_ref().map(|meta| vault.seal(place("sessions.user_meta_sealed"), meta)).transpose()?;
    let user_agent =
        visitor.user_agent.as_ref().map(|agent| vault.seal(place("sessions.user_agent_sealed"), agent)).transpose()?;
    execute!(
        transaction,
        sqlx::query(SQL)
            .bind(&row)
            .bind(workspace.to_string())
            .bind(name.as_str())
            .bind(token_sha256)
            .bind(&visitor.language)
            .bind(&user_meta)
            .bind(&user_agent)
            .bind(at_ms)
    )
    .map(drop)
}

/// Keeps what the site knows about its customer now, where it says anything.
pub async fn update_visitor(
    transaction: &mut Transaction,
    vault: &Vault,
    workspace: WorkspaceId,
    session: SessionId,
    visitor: &Visitor,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        update sessions
        set language = coalesce($3, language), user_meta_sealed = coalesce($4, user_meta_sealed)
        where workspace_id = $1 and id = $2";
    if visitor.language.is_none() && visitor.user_meta.is_none() {
        return Ok(());
    }
    let row = session.to_string();
    let place = Place { column: "sessions.user_meta_sealed", row: &row };
    let user_meta = visitor.user_meta.as_ref().map(|meta| vault.seal(place, meta)).transpose()?;
    execute!(
        transaction,
        sqlx::query(SQL).bind(workspace.to_string()).bind(&row).bind(&visitor.language).bind(&user_meta)
    )
    .map(drop)
}

/// Takes the next `count` numbers of a session and returns the first of them. The row stays taken until the commit, so the
/// numbers of a session have no gaps when all that were taken are used, and no two writers get the same.
pub async fn take_sequence(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    session: SessionId,
    count: i64,
    at_ms: i64,
) -> Result<i64, DatabaseError> {
    const SQL: &str = "
        update sessions
        set next_sequence = next_sequence + $3, last_active_at_ms = $4, updated_at_ms = $4
        where workspace_id = $1 and id = $2
        returning next_sequence - $3";
    run!(transaction, |connection: D| sqlx::query_scalar(SQL)
        .bind(workspace.to_string())
        .bind(session.to_string())
        .bind(count)
        .bind(at_ms)
        .fetch_one(connection))
}

/// A person is needed in this session.
pub async fn mark_needs_human(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    session: SessionId,
) -> Result<(), DatabaseError> {
    const SQL: &str =
        "update sessions set status = 'needs_human' where workspace_id = $1 and id = $2 and status = 'active'";
    execute!(transaction, sqlx::query(SQL).bind(workspace.to_string()).bind(session.to_string())).map(drop)
}

/// The customer of this session has asked for a person: from now on they are spoken to by one.
pub async fn mark_person_asked(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    session: SessionId,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "update sessions set person_asked_at_ms = $3 where workspace_id = $1 and id = $2";
    execute!(transaction, sqlx::query(SQL).bind(workspace.to_string()).bind(session.to_string()).bind(at_ms)).map(drop)
}

/// Gives a session back to Candor, which answers its next question again; `false` when there is none, or it is closed.
pub async fn hand_back(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    session: SessionId,
    at_ms: i64,
) -> Result<bool, DatabaseError> {
    const SQL: &str = "
        update sessions
        set status = 'active', assigned_agent_id = null, person_asked_at_ms = null, updated_at_ms = $3
        where workspace_id = $1 and id = $2 and status <> 'closed'";
    let changed =
        execute!(transaction, sqlx::query(SQL).bind(workspace.to_string()).bind(session.to_string()).bind(at_ms))?;
    Ok(changed > 0)
}

/// Stores a message.
pub async fn insert_message(
    transaction: &mut Transaction,
    vault: &Vault,
    workspace: WorkspaceId,
    session: SessionId,
    message: &NewMessage<'_>,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into messages
            (id, workspace_id, session_id, sequence, sender, text_sealed, metadata_sealed, confidence, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let row = message.id.to_string();
    let text = vault.seal(Place { column: "messages.text_sealed", row: &row }, message.text)?;
    let metadata = message
        .metadata
        .map(|metadata| vault.seal(Place { column: "messages.metadata_sealed", row: &row }, metadata))
        .transpose()?;
    execute!(
        transaction,
        sqlx::query(SQL)
            .bind(&row)
            .bind(workspace.to_string())
            .bind(session.to_string())
            .bind(message.sequence)
            .bind(message.sender.name())
            .bind(&text)
            .bind(&metadata)
            .bind(message.confidence)
            .bind(at_ms)
    )
    .map(drop)
}

/// Stores what happened in a session beside its messages.
#[expect(clippy::too_many_arguments, reason = "one row, one argument a column")]
pub async fn insert_event(
    transaction: &mut Transaction,
    engine: &Engine,
    workspace: WorkspaceId,
    session: SessionId,
    sequence: i64,
    kind: &str,
    payload: &Value,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into session_events (id, workspace_id, session_id, sequence, kind, payload_sealed, created_at_ms)
        values ($1, $2, $3, $4, $5, $6, $7)";
    let row = MessageId::new(engine.ids(), at_ms).to_string();
    let payload = engine.vault().seal(Place { column: "session_events.payload_sealed", row: &row }, payload)?;
    execute!(
        transaction,
        sqlx::query(SQL)
            .bind(&row)
            .bind(workspace.to_string())
            .bind(session.to_string())
            .bind(sequence)
            .bind(kind)
            .bind(&payload)
            .bind(at_ms)
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct MessageRow {
    id: String,
    sequence: i64,
    sender: String,
    text_sealed: Sealed,
    metadata_sealed: Option<Sealed>,
    confidence: Option<f64>,
    read_at_ms: Option<i64>,
    created_at_ms: i64,
}

/// The last `limit` messages of a session, oldest first.
pub async fn last_messages(
    database: &Database,
    vault: &Vault,
    workspace: WorkspaceId,
    session: SessionId,
    limit: i64,
) -> Result<Vec<StoredMessage>, DatabaseError> {
    const SQL: &str = "
        select id, sequence, sender, text_sealed, metadata_sealed, confidence, read_at_ms, created_at_ms
        from messages
        where workspace_id = $1 and session_id = $2
        order by sequence desc
        limit $3";
    let rows: Vec<MessageRow> = read!(database, |pool: D| sqlx::query_as(SQL)
        .bind(workspace.to_string())
        .bind(session.to_string())
        .bind(limit)
        .fetch_all(pool))?;
    rows.iter().rev().map(|row| opened(vault, row)).collect()
}

/// The last message of a session that `sender` wrote.
pub async fn last_message_of(
    database: &Database,
    vault: &Vault,
    workspace: WorkspaceId,
    session: SessionId,
    sender: Sender,
) -> Result<Option<StoredMessage>, DatabaseError> {
    const SQL: &str = "
        select id, sequence, sender, text_sealed, metadata_sealed, confidence, read_at_ms, created_at_ms
        from messages
        where workspace_id = $1 and session_id = $2 and sender = $3
        order by sequence desc
        limit 1";
    let row: Option<MessageRow> = read!(database, |pool: D| sqlx::query_as(SQL)
        .bind(workspace.to_string())
        .bind(session.to_string())
        .bind(sender.name())
        .fetch_optional(pool))?;
    row.map(|row| opened(vault, &row)).transpose()
}

/// Where a page of messages begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct After {
    /// Behind the message with this number; 0 for the first.
    pub sequence: i64,
    /// And behind as many more.
    pub skipped: i64,
}

/// Messages of a session from `after` on, oldest first, at most `limit`.
pub async fn messages_after(
    database: &Database,
    vault: &Vault,
    workspace: WorkspaceId,
    session: SessionId,
    after: After,
    limit: i64,
) -> Result<Vec<StoredMessage>, DatabaseError> {
    const SQL: &str = "
        select id, sequence, sender, text_sealed, metadata_sealed, confidence, read_at_ms, created_at_ms
        from messages
        where workspace_id = $1 and session_id = $2 and sequence > $3
        order by sequence
        limit $4 offset $5";
    let rows: Vec<MessageRow> = read!(database, |pool: D| sqlx::query_as(SQL)
        .bind(workspace.to_string())
        .bind(session.to_string())
        .bind(after.sequence)
        .bind(limit)
        .bind(after.skipped)
        .fetch_all(pool))?;
    rows.iter().map(|row| opened(vault, row)).collect()
}

/// How many messages a session has, counted to `counted_max`.
pub async fn count_messages(
    database: &Database,
    workspace: WorkspaceId,
    session: SessionId,
    counted_max: i64,
) -> Result<i64, DatabaseError> {
    const SQL: &str = "
        select count(*)
        from (select 1 from messages where workspace_id = $1 and session_id = $2 limit $3) as counted";
    read!(database, |pool: D| sqlx::query_scalar(SQL)
        .bind(workspace.to_string())
        .bind(session.to_string())
        .bind(counted_max)
        .fetch_one(pool))
}

fn opened(vault: &Vault, row: &MessageRow) -> Result<StoredMessage, DatabaseError> {
    let place = |column| Place { column, row: &row.id };
    Ok(StoredMessage {
        id: row.id.parse().map_err(DatabaseError::internal)?,
        sequence: row.sequence,
        sender: match row.sender.as_str() {
            "user" => Sender::User,
            "agent" => Sender::Agent,
            _ => Sender::Bot,
        },
        text: vault.open(place("messages.text_sealed"), &row.text_sealed)?,
        metadata: row
            .metadata_sealed
            .as_ref()
            .map(|sealed| vault.open(place("messages.metadata_sealed"), sealed))
            .transpose()?,
        confidence: row.confidence,
        read_at_ms: row.read_at_ms,
        created_at_ms: row.created_at_ms,
    })
}

/// How many sessions there are in each state, in all workspaces, for the operator's figures.
pub async fn count_by_status(database: &Database) -> Result<Vec<(String, i64)>, DatabaseError> {
    const SQL: &str = "select status, count(*) from sessions group by status";
    read!(database, |pool: D| sqlx::query_as(SQL).fetch_all(pool))
}
