//! What was answered, and how well: accuracy records, and the last figures of `eval`.

pub mod figures;
pub mod store;

use crate::answer::Answer;
use crate::ids::{AccuracyId, MessageId, SessionId};

/// A draft with everything that led to it, sent or not: without those that were not sent, nobody could tell whether the
/// threshold is right.
#[derive(Debug)]
pub struct AccuracyRecord<'a> {
    /// Its id.
    pub id: AccuracyId,
    /// The session that it belongs to.
    pub session: SessionId,
    /// The bot's message.
    pub message: MessageId,
    /// The draft, the decision and the trace.
    pub answer: &'a Answer,
    /// From the question to the decision.
    pub latency_ms: i64,
}
