//! Routes of whoever tunes the answers.

use axum::Json;
use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::conversation::{Conversation, Said};
use crate::answer::{AnswerSettings, Question, Rehearsal, rehearse};
use crate::chat::Sender;
use crate::engine::Engine;
use crate::http::body::Body;
use crate::http::caller::{Keyed, TryAnswers};
use crate::http::chat::Citation;
use crate::http::problem::{Problem, ProblemBody};
use crate::search::PASSAGES_MAX;

/// Messages before a question at most.
const HISTORY_MAX: usize = 50;
/// Characters of each.
const HISTORY_CHARS_MAX: usize = 10_000;

/// A question to try out.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TestQuestion {
    /// What a customer might say.
    #[garde(skip)]
    #[schema(example = "How do I return my bike?")]
    message: String,
    /// What was said before it, oldest first.
    #[garde(length(max = HISTORY_MAX), dive)]
    #[serde(default)]
    history: Vec<SaidBefore>,
    /// The articles of how many passages are ranked, 1–50.
    #[garde(range(min = 1, max = PASSAGES_MAX))]
    #[serde(default = "passages")]
    #[schema(default = 50)]
    passages: usize,
}

/// A message of a conversation.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct SaidBefore {
    /// Who said it.
    #[garde(skip)]
    sender: Speaker,
    /// What was said.
    #[garde(length(chars, min = 1, max = HISTORY_CHARS_MAX))]
    text: String,
}

/// Who speaks in a conversation that is tried out.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Speaker {
    /// The customer.
    User,
    /// Candor, with an answer.
    Bot,
}

impl From<SaidBefore> for Said {
    fn from(SaidBefore { sender, text }: SaidBefore) -> Self {
        let sender = match sender {
            Speaker::User => Sender::User,
            Speaker::Bot => Sender::Bot,
        };
        Self { sender, text, is_answer: sender == Sender::Bot, offered: None }
    }
}

fn passages() -> usize {
    PASSAGES_MAX
}

/// What would be said, and why.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestReply {
    /// `answered`, `clarify`, `smalltalk` or `escalated`.
    decision: &'static str,
    /// Why it would be escalated.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The two things of which the customer would be asked which one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<[String; 2]>,
    /// How the draft was made.
    response_type: &'static str,
    /// The probability that the draft is right; 0 to 1.
    confidence: f64,
    /// What would be said, also when the decision is not to say it.
    draft: String,
    /// What the draft stands on.
    citations: Vec<SourcedCitation>,
    /// The articles by their best passage, best first.
    ranking: Vec<RankedArticle>,
    /// Everything that led to the decision: stages with times, passages and features with scores, versions.
    #[schema(value_type = Object)]
    trace: Value,
    /// From the question to the decision, in milliseconds.
    latency_ms: f64,
}

/// A place in an article, with the file that the article came from.
#[derive(Serialize, ToSchema)]
pub(super) struct SourcedCitation {
    /// The article's path below the ingested folder.
    source: String,
    #[serde(flatten)]
    citation: Citation,
}

/// An article with its rank.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RankedArticle {
    /// The article.
    article_id: Uuid,
    /// Its path below the ingested folder.
    source: String,
    /// Its title.
    title: String,
    /// The score of its best passage.
    score: f32,
}

/// Answers a question as a customer's would be, stores nothing, and says why.
#[utoipa::path(
    post, path = "/ai/test", operation_id = "aiTest", tag = "operations", request_body = TestQuestion,
    security(("apiKey" = [])),
    responses(
        (status = 200, description = "What would be said, with its whole trace", body = TestReply),
        (status = 400, description = "body_not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body_too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "body_not_declared", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "body_invalid, message_empty, message_too_long", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "overloaded, dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn test(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<TryAnswers>,
    Body(asked): Body<TestQuestion>,
) -> Result<Json<TestReply>, Problem> {
    let question = Question::parse(&asked.message, engine.config().message_chars_max)?;
    let settings = AnswerSettings::load(&engine, caller.workspace).await?;
    let conversation = Conversation::of(asked.history.into_iter().map(Said::from).collect(), settings.language);
    let rehearsal = rehearse(&engine, caller.workspace, &settings, &question, &conversation, asked.passages).await?;
    Ok(Json(TestReply::from(rehearsal)))
}

impl From<Rehearsal> for TestReply {
    fn from(Rehearsal { answer, answer_ms, ranking }: Rehearsal) -> Self {
        let ranked = |article: crate::answer::RankedArticle| RankedArticle {
            article_id: article.article.as_uuid(),
            source: article.source,
            title: article.title,
            score: article.score,
        };
        Self {
            decision: answer.decision.name(),
            reason: answer.reason().map(crate::answer::decide::Reason::name),
            options: answer.options,
            response_type: answer.response_type.name(),
            confidence: answer.confidence,
            // A trace is made of plain fields, which are always JSON.
            trace: serde_json::to_value(&answer.trace).unwrap_or_default(),
            draft: answer.draft.text,
            citations: answer
                .draft
                .citations
                .into_iter()
                .map(|citation| SourcedCitation { source: citation.source.clone(), citation: citation.into() })
                .collect(),
            ranking: ranking.into_iter().map(ranked).collect(),
            latency_ms: answer_ms,
        }
    }
}
