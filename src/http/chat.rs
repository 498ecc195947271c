//! Routes of the widget: ask, search, read one's own session.

use std::time::Instant;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use garde::Validate;
use metrics::{counter, histogram};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::answer::language::Language;
use crate::answer::{self, Answer, AnswerSettings, Question};
use crate::chat::store::{self, StoredMessage};
use crate::chat::{self, Admission, SessionError, SessionName, Visitor};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::http::body::Body;
use crate::http::caller::{Chat, Keyed, SessionToken};
use crate::http::problem::{Code, Problem, ProblemBody};
use crate::search::{self, Passage, SearchQuery};
use crate::telemetry::{self, Stages};

/// Passages of a search at most.
const SEARCH_LIMIT_MAX: usize = 50;
/// Messages of one page at most.
const PAGE_LIMIT_MAX: i64 = 100;
/// Pages of a list at most; a longer history is read by its cursor.
const PAGE_MAX: i64 = 10_000;
/// Entries of a list that are counted at most.
const COUNTED_MAX: i64 = 10_000;
/// What a site may tell about its customer, in bytes of JSON.
const USER_META_BYTES_MAX: usize = 8_192;

/// A customer's message.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChatQuery {
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
pub(super) struct ChatReply {
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

/// A place in an article.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Citation {
    /// The article.
    article_id: Uuid,
    /// The version of it that `start` and `end` count in.
    article_version_id: Uuid,
    /// The article's title.
    title: String,
    /// The headings above the quote.
    heading: String,
    /// Where a customer can read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The article's own words.
    quote: String,
    /// The quote's first code point in the version's plain text.
    start: usize,
    /// One after its last.
    end: usize,
}

/// Answers a customer's message from the workspace's articles, or opens a ticket.
#[utoipa::path(
    post, path = "/chat/query", operation_id = "chatQuery", tag = "chat", request_body = ChatQuery,
    security(("apiKey" = [])),
    params(("X-Session-Token" = Option<String>, Header, description = "Needed for a session that exists, with a publishable key")),
    responses(
        (status = 200, description = "The answer, or the ticket", body = ChatReply),
        (status = 400, description = "body_not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "key_missing, key_invalid, session_token_needed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body_too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "body_not_declared", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "body_invalid, message_empty, message_too_long, session_id_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "overloaded, dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
        (status = 507, description = "storage_full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn query(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<Chat>,
    SessionToken(token): SessionToken,
    headers: HeaderMap,
    Body(query): Body<ChatQuery>,
) -> Result<Json<ChatReply>, Problem> {
    let began = Instant::now();
    let name = session_name(&query.session_id)?;
    let question = Question::parse(&query.message, engine.config().message_chars_max)?;
    let admission = chat::admit(&engine, &caller, name.clone(), token.as_deref()).await?;
    let settings = AnswerSettings::load(&engine, caller.workspace).await?;
    let language = query.language.as_deref().and_then(Language::of_tag).or(settings.language);
    let conversation = chat::conversation(&engine, caller.workspace, &admission, language).await?;
    let answer = if admission.is_with_agent() {
        Answer::with_agent(&engine, &settings, &question, &conversation)
    } else {
        answer::reply(&engine, caller.workspace, &settings, &question, &conversation).await?
    };
    let latency_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let visitor = Visitor { user_meta: query.user_meta, language: query.language, user_agent: user_agent(&headers) };
    let turn = chat::record_turn(&engine, &caller, admission, &visitor, &question, &answer, latency_ms).await?;
    count(&answer, began);
    Ok(Json(ChatReply {
        answer: turn.text,
        citations: turn.citations.into_iter().map(Citation::from).collect(),
        confidence: answer.confidence,
        decision: answer.decision.name(),
        reason: answer.reason().map(super::super::answer::decide::Reason::name),
        response_type: answer.response_type.name(),
        options: answer.options,
        ticket_id: turn.ticket.map(|ticket| ticket.as_uuid()),
        session_id: name.as_str().to_owned(),
        session_token: turn.session_token.map(|token| token.expose_secret().to_owned()),
        message_id: turn.message.as_uuid(),
        latency_ms,
    }))
}

fn count(answer: &Answer, began: Instant) {
    let reason = answer.reason().map_or("none", |reason| reason.name());
    counter!(
        telemetry::ANSWERS,
        "decision" => answer.decision.name(), "reason" => reason, "response_type" => answer.response_type.name()
    )
    .increment(1);
    histogram!(telemetry::ANSWER_DURATION).record(began.elapsed().as_secs_f64());
    if answer.trace.searched_for.is_some() {
        histogram!(telemetry::ANSWER_CONFIDENCE).record(answer.confidence);
        if let Some(place) = answer.trace.place {
            let decile = place.decile.to_string();
            counter!(telemetry::ANSWER_CONFIDENCE_DECILES, "calibration" => place.rests_on.name(), "decile" => decile)
                .increment(1);
        }
        count_retrieval(answer.trace.passages.first().map(|passage| passage.score));
    }
}

fn count_retrieval(top_score: Option<f32>) {
    let result = if top_score.is_some() { "hit" } else { "empty" };
    counter!(telemetry::RETRIEVAL_QUERIES, "result" => result).increment(1);
    if let Some(score) = top_score {
        histogram!(telemetry::RETRIEVAL_TOP_SCORE).record(f64::from(score));
    }
}

/// What to search for.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SearchRequest {
    /// The words or the question to search for.
    #[garde(skip)]
    #[schema(example = "battery does not charge")]
    query: String,
    /// How many passages at most, 1–50.
    #[garde(range(min = 1, max = SEARCH_LIMIT_MAX))]
    #[serde(default = "search_limit")]
    #[schema(default = 10)]
    limit: usize,
    /// Only articles with one of these tags.
    #[garde(length(max = 20), inner(length(max = 100)))]
    #[serde(default)]
    tags: Vec<String>,
}

fn search_limit() -> usize {
    10
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SearchReply {
    /// Best first.
    passages: Vec<ScoredPassage>,
}

/// A passage with its scores.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScoredPassage {
    /// The article.
    article_id: Uuid,
    /// The version of it that `start` and `end` count in.
    article_version_id: Uuid,
    /// The article's title.
    title: String,
    /// The headings above the passage.
    heading: String,
    /// Where a customer can read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// What it says.
    text: String,
    /// Its first code point in the version's plain text.
    start: usize,
    /// One after its last.
    end: usize,
    /// What passages are ranked by: the weighted mean of the six that follow, or what the cross-encoder says where one is set.
    score: f32,
    /// Likeness of meaning, -1 to 1.
    cosine: f32,
    /// Likeness of words, 0 to 1.
    bm25: f32,
    /// Likeness of the question's words, each with the passage's nearest word in its context, -1 to 1.
    tokens: f32,
    /// Likeness of meaning of the passage's nearest sentence, -1 to 1.
    sentence_cosine: f32,
    /// Likeness of meaning of the article's title, -1 to 1.
    title_cosine: f32,
    /// Likeness of words of the article's title, 0 to 1.
    title_words: f32,
}

/// Finds the passages that say most about a query.
#[utoipa::path(
    post, path = "/chat/search", operation_id = "chatSearch", tag = "chat", request_body = SearchRequest,
    security(("apiKey" = [])),
    responses(
        (status = 200, description = "What was found", body = SearchReply),
        (status = 400, description = "body_not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body_too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "body_not_declared", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "body_invalid, message_empty, message_too_long", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "overloaded, dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn search(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<Chat>,
    Body(request): Body<SearchRequest>,
) -> Result<Json<SearchReply>, Problem> {
    let question = Question::parse(&request.query, engine.config().message_chars_max)
        .map_err(|error| Problem::of_question(error, "query"))?;
    let query = SearchQuery { tags: &request.tags, ..SearchQuery::new(question.as_str(), request.limit) };
    let found = search::search(&engine, caller.workspace, &query, &mut Stages::default()).await?;
    count_retrieval(found.passages.first().map(|passage| passage.score));
    Ok(Json(SearchReply { passages: found.passages.into_iter().map(ScoredPassage::from).collect() }))
}

/// Which messages of a session.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MessagesPage {
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
pub(super) struct MessagesReply {
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
pub(super) struct Message {
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
pub(super) async fn messages(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<Chat>,
    SessionToken(token): SessionToken,
    Path(session_id): Path<String>,
    page: Result<Query<MessagesPage>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<MessagesReply>, Problem> {
    let Query(page) = page.map_err(|rejection| Problem::new(Code::ParameterInvalid).because(rejection.body_text()))?;
    let limit = page.limit.unwrap_or(50);
    if !(1..=PAGE_LIMIT_MAX).contains(&limit) {
        let problem = Problem::new(Code::ParameterInvalid);
        return Err(problem.at_field("limit", format!("must be between 1 and {PAGE_LIMIT_MAX}")));
    }
    let page_number = page.page.unwrap_or(1);
    if !(1..=PAGE_MAX).contains(&page_number) || (page.page.is_some() && page.cursor.is_some()) {
        let problem = Problem::new(Code::ParameterInvalid);
        return Err(problem.at_field("page", format!("must be between 1 and {PAGE_MAX}, and not beside a cursor")));
    }
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

impl From<answer::Citation> for Citation {
    fn from(citation: answer::Citation) -> Self {
        Self {
            article_id: citation.article.as_uuid(),
            article_version_id: citation.version.as_uuid(),
            title: citation.title,
            heading: citation.heading_path.join(" > "),
            url: citation.url,
            quote: citation.quote,
            start: citation.start_char,
            end: citation.end_char,
        }
    }
}

impl From<Passage> for ScoredPassage {
    fn from(passage: Passage) -> Self {
        Self {
            article_id: passage.article.as_uuid(),
            article_version_id: passage.version.as_uuid(),
            title: passage.title,
            heading: passage.heading_path.join(" > "),
            url: passage.url,
            text: passage.text,
            start: passage.start_char,
            end: passage.end_char,
            score: passage.score,
            cosine: passage.signals.cosine,
            bm25: passage.signals.bm25,
            tokens: passage.signals.tokens,
            sentence_cosine: passage.signals.sentence_cosine,
            title_cosine: passage.signals.title_cosine,
            title_words: passage.signals.title_words,
        }
    }
}

pub(super) fn session_name(name: &str) -> Result<SessionName, Problem> {
    name.parse().map_err(|error: chat::BadSessionName| {
        Problem::new(Code::SessionIdInvalid).because(error.to_string()).at_field("sessionId", error.to_string())
    })
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
fn language_tag(tag: &str, _context: &()) -> garde::Result {
    let is_tag = tag.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if is_tag { Ok(()) } else { Err(garde::Error::new("is not a language tag such as en or de-AT")) }
}
