//! Tickets of a workspace.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::chat::{self, Admission, SessionError};
use crate::clock::rfc3339;
use crate::desk::{self, store};
use crate::engine::Engine;
use crate::http::body::Body;
use crate::http::caller::{Keyed, OpenTickets, ReadTickets, SessionToken};
use crate::http::chat::session_name;
use crate::http::problem::{Code, Problem, ProblemBody};

/// A ticket to open.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewTicket {
    /// What it is about, in a line.
    #[garde(length(chars, max = 200), custom(not_blank))]
    #[schema(example = "My bike was not collected")]
    title: String,
    /// What happened.
    #[garde(length(chars, max = 20_000), custom(not_blank))]
    description: String,
    /// How to reach whoever asks.
    #[garde(inner(email))]
    #[schema(example = "mia@example.com")]
    email: Option<String>,
    /// The session that it belongs to.
    #[garde(skip)]
    session_id: Option<String>,
}

/// A ticket that was opened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenedTicket {
    /// The ticket.
    ticket_id: Uuid,
}

/// Opens a ticket. For a session that has an open one already, the description is added to that.
#[utoipa::path(
    post, path = "/tickets", operation_id = "createTicket", tag = "tickets", request_body = NewTicket,
    security(("apiKey" = [])),
    params(("X-Session-Token" = Option<String>, Header, description = "Needed with a session and a publishable key")),
    responses(
        (status = 201, description = "The ticket", body = OpenedTicket),
        (status = 400, description = "body_not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "key_missing, key_invalid, session_token_needed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "session_not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body_too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "body_not_declared", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "body_invalid, session_id_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
        (status = 507, description = "storage_full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<OpenTickets>,
    SessionToken(token): SessionToken,
    Body(ticket): Body<NewTicket>,
) -> Result<(StatusCode, Json<OpenedTicket>), Problem> {
    let session = match &ticket.session_id {
        None => None,
        Some(name) => match chat::admit(&engine, &caller, session_name(name)?, token.as_deref()).await? {
            Admission::Open(session) => Some(session.id),
            Admission::New(_) => return Err(SessionError::NotFound.into()),
        },
    };
    let (title, description) = (without_nul(&ticket.title), without_nul(&ticket.description));
    let opened = desk::open(&engine, caller.workspace, session, &title, &description, ticket.email.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(OpenedTicket { ticket_id: opened.as_uuid() })))
}

/// A ticket with what whoever takes it needs to see.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ticket {
    /// Its id.
    id: Uuid,
    /// What it is about.
    title: String,
    /// What was asked, or what happened.
    description: String,
    /// `open`, `in_progress`, `waiting`, `resolved` or `closed`.
    status: String,
    /// Why it was opened.
    reason: String,
    /// The session that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    /// How to reach whoever asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// What was said until it was opened, oldest first.
    transcript: Vec<TranscriptLine>,
    /// What was found for the question, best first.
    passages: Vec<TicketPassage>,
    /// What the customer added since.
    messages: Vec<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

/// A line of a transcript.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TranscriptLine {
    /// `user`, `bot` or `agent`.
    sender: &'static str,
    /// What was said.
    text: String,
}

/// A passage that was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TicketPassage {
    /// Its article.
    article_id: Uuid,
    /// The article's title.
    title: String,
    /// What it says.
    text: String,
    /// What it was ranked by.
    score: f32,
}

/// A ticket of the key's workspace; with a secret key only.
#[utoipa::path(
    get, path = "/tickets/{id}", operation_id = "getTicket", tag = "tickets",
    security(("apiKey" = [])),
    params(("id" = Uuid, Path, description = "The ticket")),
    responses(
        (status = 200, description = "The ticket", body = Ticket),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "ticket_not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<ReadTickets>,
    Path(id): Path<String>,
) -> Result<Json<Ticket>, Problem> {
    let missing = || Problem::new(Code::TicketNotFound);
    let id = id.parse().map_err(|_| missing())?;
    let (database, vault) = (engine.database(), engine.vault());
    let ticket = store::ticket(database, vault, caller.workspace, id).await?.ok_or_else(missing)?;
    let messages = store::messages(database, vault, caller.workspace, id).await?;
    let evidence = ticket.evidence.unwrap_or_default();
    let line = |line: desk::Line| TranscriptLine { sender: line.sender.name(), text: line.text };
    let passage = |passage: crate::answer::TracedPassage| TicketPassage {
        article_id: passage.article.as_uuid(),
        title: passage.title,
        text: passage.text,
        score: passage.score,
    };
    Ok(Json(Ticket {
        id: ticket.id.as_uuid(),
        title: ticket.title,
        description: ticket.description,
        status: ticket.status,
        reason: ticket.reason,
        session_id: ticket.session_name,
        email: ticket.contact,
        transcript: evidence.transcript.into_iter().map(line).collect(),
        passages: evidence.passages.into_iter().map(passage).collect(),
        messages,
        created_at: rfc3339(ticket.created_at_ms),
        updated_at: rfc3339(ticket.updated_at_ms),
    }))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
fn not_blank(text: &str, _context: &()) -> garde::Result {
    if text.chars().any(char::is_alphanumeric) { Ok(()) } else { Err(garde::Error::new("is empty")) }
}

/// PostgreSQL stores no U+0000.
fn without_nul(text: &str) -> String {
    text.replace('\0', "")
}
