//! A turn of a session that a person has: the customer's message is kept for them, and Candor says once that it has arrived.

use serde_json::json;

use crate::answer::decide::Decision;
use crate::answer::{Answer, Question};
use crate::chat::store::{self, NewMessage, Session};
use crate::chat::turn::Turn;
use crate::chat::{Sender, Visitor};
use crate::database::DatabaseError;
use crate::desk;
use crate::engine::Engine;
use crate::ids::{MessageId, WorkspaceId};

/// Stores the message and adds it to the open ticket of the session. What is said comes back with it: a sentence in answer to the
/// first message, nothing to those after it, whose own message the turn names then.
pub(super) async fn record(
    engine: &Engine,
    workspace: WorkspaceId,
    session: &Session,
    visitor: &Visitor,
    question: &Question,
    answer: &Answer,
) -> Result<Turn, DatabaseError> {
    let (ids, vault, at_ms) = (engine.ids(), engine.vault(), engine.clock().now_ms());
    // Before the transaction: whoever holds one connection must not wait for a second.
    let last = store::last_message_of(engine.database(), vault, workspace, session.id, Sender::Bot).await?;
    let decision = Decision::WithAgent.name();
    let is_told = last.and_then(|last| last.metadata).is_some_and(|metadata| metadata["decision"] == decision);
    let mut transaction = engine.database().begin().await?;
    store::update_visitor(&mut transaction, vault, workspace, session.id, visitor).await?;
    let numbers = if is_told { 1 } else { 2 };
    let first = store::take_sequence(&mut transaction, workspace, session.id, numbers, at_ms).await?;
    let said = NewMessage {
        id: MessageId::new(ids, at_ms),
        sender: Sender::User,
        sequence: first,
        text: question.as_str(),
        metadata: None,
        confidence: None,
    };
    store::insert_message(&mut transaction, vault, workspace, session.id, &said, at_ms).await?;
    let ticket = desk::add(&mut transaction, engine, workspace, session.id, question.as_str()).await?;
    let metadata = json!({ "decision": decision, "citations": [] });
    let (message, text) = if is_told {
        (said.id, "")
    } else {
        let replied = NewMessage {
            id: MessageId::new(ids, at_ms),
            sender: Sender::Bot,
            sequence: first + 1,
            text: desk::handed_over::with_agent(answer.language),
            metadata: Some(&metadata),
            confidence: None,
        };
        store::insert_message(&mut transaction, vault, workspace, session.id, &replied, at_ms).await?;
        (replied.id, replied.text)
    };
    transaction.commit().await?;
    Ok(Turn { message, text: text.to_owned(), citations: Vec::new(), ticket, session_token: None })
}
