//! Tickets: where a question goes that the articles do not answer.

pub mod handed_over;
pub mod store;

use metrics::counter;

use crate::answer::TracedPassage;
use crate::answer::decide::Reason;
use crate::chat::{self, Sender};
use crate::database::{DatabaseError, Transaction};
use crate::engine::Engine;
use crate::ids::{MessageId, SessionId, TicketId, WorkspaceId};
use crate::telemetry;

/// Characters of a question that make a ticket's title.
const TITLE_CHARS_MAX: usize = 120;

/// A line of a transcript.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Line {
    /// Who said it.
    pub sender: Sender,
    /// What was said.
    pub text: String,
}

/// What whoever takes the ticket needs to see first.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Evidence {
    /// What was said, oldest first.
    pub transcript: Vec<Line>,
    /// What was found, best first.
    pub passages: Vec<TracedPassage>,
}

/// A question that was handed to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// Its ticket.
    pub ticket: TicketId,
    /// Why.
    pub reason: Reason,
    /// Whether the ticket was open already: a session has one open ticket a reason.
    pub was_open: bool,
}

/// Opens a ticket for a question, or adds the question to the one that is open for the same session and reason.
///
/// # Errors
/// As the database; nothing is stored before the caller commits.
pub async fn escalate(
    transaction: &mut Transaction,
    engine: &Engine,
    workspace: WorkspaceId,
    session: SessionId,
    reason: Reason,
    question: &str,
    evidence: &Evidence,
) -> Result<Escalation, DatabaseError> {
    let at_ms = engine.clock().now_ms();
    let ticket = store::NewTicket {
        id: TicketId::new(engine.ids(), at_ms),
        session: Some(session),
        reason,
        title: &title(question),
        description: question,
        contact: None,
        evidence: Some(evidence),
    };
    let (ticket, was_open) = open_or_add(transaction, engine, workspace, &ticket, question, at_ms).await?;
    Ok(Escalation { ticket, reason, was_open })
}

/// Opens a ticket that a customer asked for, or adds to the one that is open for the session.
///
/// # Errors
/// As the database.
pub async fn open(
    engine: &Engine,
    workspace: WorkspaceId,
    session: Option<SessionId>,
    title: &str,
    description: &str,
    contact: Option<&str>,
) -> Result<TicketId, DatabaseError> {
    let at_ms = engine.clock().now_ms();
    let transcript = match session {
        None => Vec::new(),
        Some(session) => chat::said_before(engine, workspace, session).await?,
    };
    let evidence = Evidence { transcript, passages: Vec::new() };
    let ticket = store::NewTicket {
        id: TicketId::new(engine.ids(), at_ms),
        session,
        reason: Reason::CustomerRequest,
        title,
        description,
        contact,
        evidence: Some(&evidence),
    };
    let mut transaction = engine.database().begin().await?;
    let added = format!("{title}\n\n{description}");
    let (opened, _) = open_or_add(&mut transaction, engine, workspace, &ticket, &added, at_ms).await?;
    transaction.commit().await?;
    Ok(opened)
}

/// Stores the ticket; or, when one is open for the same session and reason, adds `said` and the contact to that one. Says which
/// ticket it is and whether it was open.
async fn open_or_add(
    transaction: &mut Transaction,
    engine: &Engine,
    workspace: WorkspaceId,
    ticket: &store::NewTicket<'_>,
    said: &str,
    at_ms: i64,
) -> Result<(TicketId, bool), DatabaseError> {
    let vault = engine.vault();
    if store::insert_if_none_open(transaction, vault, workspace, ticket, at_ms).await? {
        counter!(telemetry::TICKETS, "reason" => ticket.reason.name()).increment(1);
        return Ok((ticket.id, false));
    }
    let open = store::open_ticket(transaction, workspace, ticket.session, ticket.reason).await?;
    let message = MessageId::new(engine.ids(), at_ms);
    store::insert_message(transaction, vault, workspace, open, message, Sender::User, said, at_ms).await?;
    store::touch(transaction, vault, workspace, open, ticket.contact, at_ms).await?;
    Ok((open, true))
}

/// Adds what a customer said to the open ticket of their session, and says which that is: the one that they asked for a person
/// with, else the newest. `None` where none is open; no new one is made, because a person has the conversation already.
///
/// # Errors
/// As the database; nothing is stored before the caller commits.
pub async fn add(
    transaction: &mut Transaction,
    engine: &Engine,
    workspace: WorkspaceId,
    session: SessionId,
    said: &str,
) -> Result<Option<TicketId>, DatabaseError> {
    let Some(open) = store::latest_open_ticket(transaction, workspace, session).await? else { return Ok(None) };
    let (vault, at_ms) = (engine.vault(), engine.clock().now_ms());
    let message = MessageId::new(engine.ids(), at_ms);
    store::insert_message(transaction, vault, workspace, open, message, Sender::User, said, at_ms).await?;
    store::touch(transaction, vault, workspace, open, None, at_ms).await?;
    Ok(Some(open))
}

/// The first line of a question, cut at a word.
fn title(question: &str) -> String {
    let line = question.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("Question");
    if line.chars().count() <= TITLE_CHARS_MAX {
        return line.to_owned();
    }
    let cut: String = line.chars().take(TITLE_CHARS_MAX - 1).collect();
    let whole_words = cut.rfind(char::is_whitespace).map_or(cut.as_str(), |space| &cut[..space]);
    format!("{}…", whole_words.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_and_ends_at_a_word() {
        assert_eq!(title("\n  My lock is stuck \nsince yesterday"), "My lock is stuck");
        let long = title(&"word ".repeat(60));
        assert!(long.ends_with("word…") && long.chars().count() <= TITLE_CHARS_MAX);
        assert!(title(&"x".repeat(500)).chars().count() <= TITLE_CHARS_MAX);
    }
}
