//! Search without an answer.

use axum::Json;
use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::Question;
use crate::engine::Engine;
use crate::http::body::Body;
use crate::http::caller::{Chat, Keyed};
use crate::http::problem::{Problem, ProblemBody};
use crate::search::{self, Passage, SearchQuery};
use crate::telemetry::{self, Stages};

/// Passages of a search at most.
const SEARCH_LIMIT_MAX: usize = 50;

/// What to search for.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct SearchRequest {
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
pub(in crate::http) struct SearchReply {
    /// Best first.
    passages: Vec<ScoredPassage>,
}

/// A passage with its scores.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ScoredPassage {
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
pub(in crate::http) async fn search(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<Chat>,
    Body(request): Body<SearchRequest>,
) -> Result<Json<SearchReply>, Problem> {
    let question = Question::parse(&request.query, engine.config().message_chars_max)
        .map_err(|error| Problem::of_question(error, "query"))?;
    let query = SearchQuery { tags: &request.tags, ..SearchQuery::new(question.as_str(), request.limit) };
    let found = search::search(&engine, caller.workspace, &query, &mut Stages::default()).await?;
    telemetry::count_retrieval(found.passages.first().map(|passage| passage.score));
    Ok(Json(SearchReply { passages: found.passages.into_iter().map(ScoredPassage::from).collect() }))
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
