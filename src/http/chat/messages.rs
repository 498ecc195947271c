//! What was said in a session, for who may speak in it.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::answer;
use crate::chat::store::{self, StoredMessage};
use crate::chat::{self, Admission, SessionError};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::http::caller::{Chat, Keyed, SessionToken};
use crate::http::chat::{Citation, session_name};
use crate::http::page::{COUNTED_MAX, Page};
use crate::http::problem::{Code, Problem, ProblemBody};

/// Which messages of a session.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct MessagesPage {
    /// How many at most, 1–100.
    #[param(default = 50)]
    limit: Option<i64>,
    /// Which page, from 1.
    #[param(default = 1)]
    page: Option<i64>,
    /// Instead of a page: only messages after this one, as the page before gave it.
    cursor: Option<i64>,
}

/// A page of messages, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct MessagesReply {
    /// The messages.
    items: Vec<Message>,
    /// Which page it is; with a cursor always 1.
    page: i64,
    /// How many a page has at most.
    limit: i64,
    /// How many there are in all, counted to 10,000.
    total: i64,
    /// There when there are more than were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_is_at_least: Option<bool>,
    /// Send it as `cursor` for the next page; missing on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<i64>,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Message {
    /// Its id.
    id: Uuid,
    /// The session's name.
    session_id: String,
    /// Its number in the session, which only goes up.
    sequence: i64,
    /// `user`, `bot` or `agent`.
    sender: &'static str,
    /// What it says.
    text: String,
    /// What an answer stands on, and its decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    /// For an answer: the probability that the draft was right.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    /// When it was read, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<String>,
    /// When it was written, RFC 3339.
    created_at: String,
}

/// The messages of a session, oldest first.
#[utoipa::path(
    get, path = "/chat/sessions/{session_id}/messages", operation_id = "listSessionMessages", tag = "chat",
    security(("apiKey" = [])),
    params(
        ("session_id" = String, Path, description = "The session's name"),
        MessagesPage,
        ("X-Session-Token" = Option<String>, Header, description = "Needed with a publishable key"),
    ),
    responses(
        (status = 200, description = "The messages", body = MessagesReply),
        (status = 401, description = "key_missing, key_invalid, session_token_needed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "session_not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "session_id_invalid, parameter_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn messages(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<Chat>,
    SessionToken(token): SessionToken,
    Path(session_id): Path<String>,
    page: Result<Query<MessagesPage>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<MessagesReply>, Problem> {
    let Query(page) = page.map_err(|rejection| Problem::new(Code::ParameterInvalid).because(rejection.body_text()))?;
    if page.page.is_some() && page.cursor.is_some() {
        return Err(Problem::new(Code::ParameterInvalid).at_field("page", "must not stand beside a cursor"));
    }
    let Page { number: page_number, limit } = Page::of(page.page, page.limit)?;
    let name = session_name(&session_id)?;
    let Admission::Open(session) = chat::admit(&engine, &caller, name, token.as_deref()).await? else {
        return Err(SessionError::NotFound.into());
    };
    let (database, vault) = (engine.database(), engine.vault());
    let after = store::After { sequence: page.cursor.unwrap_or(0), skipped: (page_number - 1) * limit };
    let mut found = store::messages_after(database, vault, caller.workspace, session.id, after, limit + 1).await?;
    let counted = store::count_messages(database, caller.workspace, session.id, COUNTED_MAX + 1).await?;
    let wanted = usize::try_from(limit).unwrap_or_default();
    let has_more = found.len() > wanted;
    found.truncate(wanted);
    let next_cursor = found.last().filter(|_| has_more).map(|message| message.sequence);
    let items = found.into_iter().map(|message| Message::of(&session_id, message)).collect();
    Ok(Json(MessagesReply {
        items,
        page: page_number,
        limit,
        total: counted.min(COUNTED_MAX),
        total_is_at_least: (counted > COUNTED_MAX).then_some(true),
        next_cursor,
    }))
}

impl Message {
    fn of(session_id: &str, message: StoredMessage) -> Self {
        Self {
            id: message.id.as_uuid(),
            session_id: session_id.to_owned(),
            sequence: message.sequence,
            sender: message.sender.name(),
            text: message.text,
            metadata: message.metadata.map(with_citations_as_answered),
            confidence: message.confidence,
            read_at: message.read_at_ms.map(rfc3339),
            created_at: rfc3339(message.created_at_ms),
        }
    }
}

/// A stored message's metadata with its citations as `/chat/query` gives them.
fn with_citations_as_answered(mut metadata: Value) -> Value {
    if let Some(citations) = metadata.get_mut("citations") {
        let stored: Vec<answer::Citation> = serde_json::from_value(citations.take()).unwrap_or_default();
        let answered: Vec<Citation> = stored.into_iter().map(Citation::from).collect();
        *citations = serde_json::to_value(answered).unwrap_or_default();
    }
    metadata
}
