//! A turn of a session: what the customer says is answered and kept, with its trace and, when a person is needed, its ticket.

use std::time::Instant;

use metrics::{counter, histogram};
use secrecy::SecretString;
use serde_json::json;

use crate::answer::decide::{Decision, Reason};
use crate::answer::language::Language;
use crate::answer::listener::Listener;
use crate::answer::{self, Answer, AnswerSettings, Citation, Question, ResponseType, clarify};
use crate::chat::{
    Admission, Sender, SessionError, SessionName, Visitor, admit, conversation, said_before, store, with_agent,
};
use crate::database::DatabaseError;
use crate::desk;
use crate::engine::Engine;
use crate::ids::{AccuracyId, MessageId, SessionId, TicketId, WorkspaceId};
use crate::people::{Caller, KeyKind, key};
use crate::search::SearchError;
use crate::{insight, telemetry};

/// What a customer says, in a session that they may speak in.
#[derive(Debug)]
pub struct Incoming {
    /// The session.
    pub admission: Admission,
    /// What is said.
    pub question: Question,
    /// Who says it.
    pub visitor: Visitor,
    /// When it came.
    pub began: Instant,
}

/// What came of it, as the customer is told.
#[derive(Debug)]
pub struct Given {
    /// The session's name.
    pub session: SessionName,
    /// What was done.
    pub decision: Decision,
    /// The probability that the draft is right; 0 where nothing was drafted from articles.
    pub confidence: f64,
    /// How it was made.
    pub response_type: ResponseType,
    /// The two things of which the customer is asked which one is meant, where the decision is so.
    pub options: Option<[String; 2]>,
    /// What was stored.
    pub turn: Turn,
    /// How long it took, in milliseconds.
    pub latency_ms: i64,
}

/// A turn as it was stored.
#[derive(Debug)]
pub struct Turn {
    /// The bot's message; the customer's own where nothing is said.
    pub message: MessageId,
    /// What the customer is told.
    pub text: String,
    /// What it stands on; empty when the question went to a person.
    pub citations: Vec<Citation>,
    /// The ticket, when there is one.
    pub ticket: Option<TicketId>,
    /// Only for a session that this turn made: shown once.
    pub session_token: Option<SecretString>,
}

/// Why a turn was not taken: nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// Nothing can be known, and no person can be asked either.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The session, or the database.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// It took longer than a request may.
    #[error("the turn took too long")]
    Timeout,
    /// It ended in a way that nobody has thought of.
    #[error("the turn was lost")]
    Lost,
}

impl From<DatabaseError> for TurnError {
    fn from(error: DatabaseError) -> Self {
        Self::Session(error.into())
    }
}

/// Answers what a customer says, or brings in a person, and keeps both. The `listener` hears the answer while it is made.
///
/// # Errors
/// [`TurnError`]; then nothing is stored.
pub async fn take(
    engine: &Engine,
    caller: &Caller,
    incoming: Incoming,
    listener: &Listener,
) -> Result<Given, TurnError> {
    let Incoming { admission, question, visitor, began } = incoming;
    let (session, workspace) = (admission.name().clone(), caller.workspace);
    let settings = AnswerSettings::load(engine, workspace).await?;
    let language = visitor.language.as_deref().and_then(Language::of_tag).or(settings.language);
    let conversation = conversation(engine, workspace, &admission, language).await?;
    let answer = if admission.is_with_agent() {
        Answer::with_agent(engine, &settings, &question, &conversation)
    } else {
        answer::reply(engine, workspace, &settings, &question, &conversation, listener).await?
    };
    let latency_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let turn = record(engine, caller, admission, &visitor, &question, &answer, latency_ms).await?;
    count(&answer, began);
    let Answer { decision, confidence, response_type, options, .. } = answer;
    Ok(Given { session, decision, confidence, response_type, options, turn, latency_ms })
}

fn count(answer: &Answer, began: Instant) {
    let reason = answer.reason().map_or("none", Reason::name);
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
        if answer.trace.cached.is_none_or(|cached| cached.searched_again) {
            telemetry::count_retrieval(answer.trace.passages.first().map(|passage| passage.score));
        }
    }
}

/// Stores the customer's message, the reply, the draft with its trace and, when the decision is so, the ticket: all or nothing. Where
/// a person has the conversation, the message goes to them instead.
///
/// # Errors
/// [`SessionError::TokenNeeded`] when somebody else made the session in the meantime; else the database's.
async fn record(
    engine: &Engine,
    caller: &Caller,
    admission: Admission,
    visitor: &Visitor,
    question: &Question,
    answer: &Answer,
    latency_ms: i64,
) -> Result<Turn, SessionError> {
    if let (Decision::WithAgent, Admission::Open(session)) = (answer.decision, &admission) {
        return Ok(with_agent::record(engine, caller.workspace, session, visitor, question, answer).await?);
    }
    let new = match &admission {
        Admission::New(name) => Some(name.clone()),
        Admission::Open(_) => None,
    };
    match (store_all(engine, caller.workspace, admission, visitor, question, answer, latency_ms).await, new) {
        // Two first messages at once: whoever speaks for the company may speak in the session that the other made.
        (Err(SessionError::TokenNeeded), Some(name)) if caller.kind == KeyKind::Secret => {
            let admission = admit(engine, caller, name, None).await?;
            store_all(engine, caller.workspace, admission, visitor, question, answer, latency_ms).await
        }
        (stored, _) => stored,
    }
}

async fn store_all(
    engine: &Engine,
    workspace: WorkspaceId,
    admission: Admission,
    visitor: &Visitor,
    question: &Question,
    answer: &Answer,
    latency_ms: i64,
) -> Result<Turn, SessionError> {
    let (ids, vault, at_ms) = (engine.ids(), engine.vault(), engine.clock().now_ms());
    // Before the transaction: whoever holds one connection must not wait for a second.
    let before = match (&admission, answer.decision) {
        (Admission::Open(session), Decision::Escalated(_)) => said_before(engine, workspace, session.id).await?,
        (Admission::New(_), _)
        | (_, Decision::Answered | Decision::Clarify | Decision::SmallTalk | Decision::WithAgent) => Vec::new(),
    };
    let mut transaction = engine.database().begin().await?;
    let (session, session_token) = match admission {
        Admission::Open(session) => {
            store::update_visitor(&mut transaction, vault, workspace, session.id, visitor).await?;
            (session.id, None)
        }
        Admission::New(name) => {
            let (token, token_sha256) = key::new_session_token(ids);
            let id = SessionId::new(ids, at_ms);
            let made =
                store::insert_session(&mut transaction, vault, workspace, id, &name, &token_sha256, visitor, at_ms)
                    .await;
            match made {
                Err(DatabaseError::Conflict(_)) => return Err(SessionError::TokenNeeded),
                made => made?,
            }
            (id, Some(token))
        }
    };
    // Two messages, and an event when there is a ticket.
    let numbers = if matches!(answer.decision, Decision::Escalated(_)) { 3 } else { 2 };
    let first = store::take_sequence(&mut transaction, workspace, session, numbers, at_ms).await?;
    let asked = store::NewMessage {
        id: MessageId::new(ids, at_ms),
        sender: Sender::User,
        sequence: first,
        text: question.as_str(),
        metadata: None,
        confidence: None,
    };
    store::insert_message(&mut transaction, vault, workspace, session, &asked, at_ms).await?;

    let escalation = match answer.decision {
        Decision::Answered | Decision::Clarify | Decision::SmallTalk | Decision::WithAgent => None,
        Decision::Escalated(reason) => {
            let evidence =
                desk::Evidence { transcript: transcript(before, question), passages: answer.trace.passages.clone() };
            let escalation =
                desk::escalate(&mut transaction, engine, workspace, session, reason, question.as_str(), &evidence)
                    .await?;
            Some(escalation)
        }
    };
    let (text, citations) = match &escalation {
        None => match &answer.options {
            Some(options) => (clarify::text(options, answer.language), Vec::new()),
            None => (answer.draft.text.clone(), answer.draft.citations.clone()),
        },
        Some(escalation) => {
            // What was heard was said, and stands.
            match &answer.heard {
                Some(heard) => {
                    let behind = desk::handed_over::text_behind_answer(escalation, answer.language);
                    (format!("{}\n\n{behind}", heard.text), heard.citations.clone())
                }
                None => (desk::handed_over::text(escalation, answer.language), Vec::new()),
            }
        }
    };
    let mut metadata = json!({ "decision": answer.decision.name(), "citations": citations });
    if let Some(options) = &answer.options {
        metadata["options"] = json!(options);
        metadata["question"] = json!(answer.trace.searched_for);
    }
    let replied = store::NewMessage {
        id: MessageId::new(ids, at_ms),
        sender: Sender::Bot,
        sequence: first + 1,
        text: &text,
        metadata: Some(&metadata),
        // What was not drafted from articles has none.
        confidence: answer.trace.searched_for.as_ref().map(|_| answer.confidence),
    };
    store::insert_message(&mut transaction, vault, workspace, session, &replied, at_ms).await?;
    if let Some(escalation) = &escalation {
        store::mark_needs_human(&mut transaction, workspace, session).await?;
        if escalation.reason == Reason::CustomerRequest {
            store::mark_person_asked(&mut transaction, workspace, session, at_ms).await?;
        }
        let payload = json!({ "ticketId": escalation.ticket, "reason": escalation.reason });
        store::insert_event(&mut transaction, engine, workspace, session, first + 2, "ticket_created", &payload, at_ms)
            .await?;
    }
    let record =
        insight::AccuracyRecord { id: AccuracyId::new(ids, at_ms), session, message: replied.id, answer, latency_ms };
    insight::store::insert_accuracy(&mut transaction, vault, workspace, &record, at_ms).await?;
    transaction.commit().await?;
    Ok(Turn {
        message: replied.id,
        text,
        citations,
        ticket: escalation.map(|escalation| escalation.ticket),
        session_token,
    })
}

/// What was said before, and the question.
fn transcript(mut before: Vec<desk::Line>, question: &Question) -> Vec<desk::Line> {
    before.push(desk::Line { sender: Sender::User, text: question.as_str().to_owned() });
    before
}
