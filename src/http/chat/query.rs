//! A customer's message and its answer, whole or as it is made.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use garde::Validate;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::Question;
use crate::answer::decide::Reason;
use crate::answer::listener::Listener;
use crate::chat::turn::{self, Given, Incoming};
use crate::chat::{self, Visitor};
use crate::engine::Engine;
use crate::http::body::Body;
use crate::http::caller::{Chat, Keyed, SessionToken};
use crate::http::chat::{Citation, session_name, stream};
use crate::http::problem::{Problem, ProblemBody};

/// What a site may tell about its customer, in bytes of JSON.
const USER_META_BYTES_MAX: usize = 8_192;

/// A customer's message.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct ChatQuery {
    /// The client's name of the conversation, 1–128 of `A-Z a-z 0-9 . _ : -`.
    #[garde(skip)]
    #[schema(example = "visitor-123")]
    session_id: String,
    /// What the customer says.
    #[garde(skip)]
    #[schema(example = "How do I return my bike?")]
    message: String,
    /// What the site knows about the customer; for the person who takes over.
    #[garde(custom(small_enough))]
    user_meta: Option<Value>,
    /// The language that the customer reads, as in `en` or `de-AT`.
    #[garde(length(min = 2, max = 35), inner(custom(language_tag)))]
    language: Option<String>,
}

/// The answer to a message. Without `Debug`, because of its token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ChatReply {
    /// What to show the customer; empty where a person has the conversation and Candor has said so.
    answer: String,
    /// What it stands on; nothing in small talk.
    citations: Vec<Citation>,
    /// The probability that the draft is right, 0 to 1; 0 where nothing was drafted from articles: in small talk, and where
    /// a person was asked for.
    confidence: f64,
    /// `answered`; `clarify`: the answer asks which of two things is meant; `smalltalk`; `escalated`; or `with_agent`: a person has the
    /// conversation and gets the message.
    decision: &'static str,
    /// Why it was escalated.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// With `clarify` the two things, to be shown as choices: what is chosen is sent as the next message.
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<[String; 2]>,
    /// How the answer was made.
    response_type: &'static str,
    /// The ticket that a person will take.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_id: Option<Uuid>,
    /// The session's name again.
    session_id: String,
    /// Only in the first answer of a session: send it as `X-Session-Token` with each later request of this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<String>,
    /// The answer's message; the customer's own where nothing is said.
    message_id: Uuid,
    /// From the question to the answer, in milliseconds.
    latency_ms: i64,
}

/// Answers a customer's message from the workspace's articles, or opens a ticket.
///
/// With `Accept: text/event-stream` the answer comes as it is made: sentences are checked, and the decision to answer is made, before the
/// first is sent, and nothing is taken back.
#[utoipa::path(
    post, path = "/chat/query", operation_id = "chatQuery", tag = "chat", request_body = ChatQuery,
    security(("apiKey" = [])),
    params(
        ("X-Session-Token" = Option<String>, Header, description = "Needed for a session that exists, with a publishable key"),
        ("Last-Event-ID" = Option<String>, Header, description = "With the same body as before: goes on behind this event of a stream that broke off"),
    ),
    responses(
        (status = 200, description = "The answer, or the ticket. As a stream: `thinking` {stage}, `citation` {index, …}, `token` {text}, and at the end `final` with what the answer in one piece is, or `error` with a problem. The texts of all tokens together are the answer.",
            content((ChatReply = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "body_not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "key_missing, key_invalid, session_token_needed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "stream_gone", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body_too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "body_not_declared", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "body_invalid, message_empty, message_too_long, session_id_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "overloaded, dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
        (status = 507, description = "storage_full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn query(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<Chat>,
    SessionToken(token): SessionToken,
    headers: HeaderMap,
    Body(query): Body<ChatQuery>,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let name = session_name(&query.session_id)?;
    let question = Question::parse(&query.message, engine.config().message_chars_max)?;
    let is_stream = stream::is_wanted(&headers);
    if is_stream && let Some(place) = stream::last_event(&headers) {
        // Who knows the place has begun the turn; a session that it made has told its token to nobody yet.
        let followed = engine.live().resume(caller.workspace, &name, question.as_str(), place?);
        return followed.map(|followed| stream::response(followed, &headers)).ok_or_else(stream::gone);
    }
    let admission = chat::admit(&engine, &caller, name, token.as_deref()).await?;
    let visitor = Visitor { user_meta: query.user_meta, language: query.language, user_agent: user_agent(&headers) };
    let incoming = Incoming { admission, question, visitor, began };
    if is_stream {
        return Ok(stream::response(engine.live().begin(&engine, caller, incoming)?, &headers));
    }
    let given =
        turn::take(&engine, &caller, incoming, &Listener::default()).await.map_err(|error| Problem::from(&error))?;
    Ok(Json(ChatReply::from(&given)).into_response())
}

impl From<&Given> for ChatReply {
    fn from(given: &Given) -> Self {
        let Given { session, decision, confidence, response_type, options, turn, latency_ms } = given;
        Self {
            answer: turn.text.clone(),
            citations: turn.citations.iter().cloned().map(Citation::from).collect(),
            confidence: *confidence,
            decision: decision.name(),
            reason: decision.reason().map(Reason::name),
            response_type: response_type.name(),
            options: options.clone(),
            ticket_id: turn.ticket.map(|ticket| ticket.as_uuid()),
            session_id: session.as_str().to_owned(),
            session_token: turn.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
            message_id: turn.message.as_uuid(),
            latency_ms: *latency_ms,
        }
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    const CHARS_MAX: usize = 512;
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(agent.chars().take(CHARS_MAX).collect())
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::ref_option,
    reason = "garde passes what the field is, by reference"
)]
fn small_enough(meta: &Option<Value>, _context: &()) -> garde::Result {
    let bytes = meta.as_ref().map_or(0, |meta| meta.to_string().len());
    if bytes <= USER_META_BYTES_MAX {
        Ok(())
    } else {
        Err(garde::Error::new(format!("has {bytes} bytes; the limit is {USER_META_BYTES_MAX}")))
    }
}

/// Whether a text has the form of a language tag.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
pub(in crate::http) fn language_tag(tag: &str, _context: &()) -> garde::Result {
    let is_tag = tag.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if is_tag { Ok(()) } else { Err(garde::Error::new("is not a language tag such as en or de-AT")) }
}
