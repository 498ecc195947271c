//! What to do with a draft: by code, from typed values, never by a model's words.

use crate::answer::extractive::Draft;

/// What happens to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The draft is sent.
    Answered,
    /// A person is brought in.
    Escalated(Reason),
}

/// Why a person is brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The customer opened the ticket.
    CustomerRequest,
    /// No article says anything about it.
    NoEvidence,
    /// The draft is too likely to be wrong.
    LowConfidence,
}

impl Decision {
    /// All decisions that there are, for metrics.
    pub const ALL: [Self; 3] =
        [Self::Answered, Self::Escalated(Reason::NoEvidence), Self::Escalated(Reason::LowConfidence)];

    /// Its name on the wire and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Escalated(_) => "escalated",
        }
    }
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::CustomerRequest, Self::NoEvidence, Self::LowConfidence];

    /// Its name on the wire, in SQL and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomerRequest => "customer_request",
            Self::NoEvidence => "no_evidence",
            Self::LowConfidence => "low_confidence",
        }
    }
}

/// Sends a draft that is at least as likely to be right as `threshold` asks.
#[must_use]
pub fn decide(draft: &Draft, confidence: f64, threshold: f64) -> Decision {
    if draft.citations.is_empty() {
        Decision::Escalated(Reason::NoEvidence)
    } else if confidence < threshold {
        Decision::Escalated(Reason::LowConfidence)
    } else {
        Decision::Answered
    }
}
