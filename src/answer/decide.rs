//! What to do with a draft: by code, from typed values, never by a model's words.

use crate::answer::Draft;

/// What happens to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The draft is sent.
    Answered,
    /// A friendly word is said, or one about the conversation; nothing was asked of the articles.
    SmallTalk,
    /// A person has the conversation: nothing is drafted, and what was said goes to them.
    WithAgent,
    /// A person is brought in.
    Escalated(Reason),
}

/// Why a person is brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The customer asked for a person, or opened the ticket.
    CustomerRequest,
    /// No article says anything about it.
    NoEvidence,
    /// The draft is too likely to be wrong.
    LowConfidence,
    /// The language model says that the articles do not answer it, or nothing of what it wrote stands on one.
    InsufficientEvidence,
    /// It is asked in another language than what was found is written in, and what was found does not answer it.
    OtherLanguage,
    /// The language model's provider will not speak about it.
    Blocked,
    /// The workspace wants a person to answer.
    Policy,
}

impl Decision {
    /// All decisions that there are, for metrics.
    pub const ALL: [Self; 10] = [
        Self::Answered,
        Self::SmallTalk,
        Self::WithAgent,
        Self::Escalated(Reason::CustomerRequest),
        Self::Escalated(Reason::NoEvidence),
        Self::Escalated(Reason::LowConfidence),
        Self::Escalated(Reason::InsufficientEvidence),
        Self::Escalated(Reason::OtherLanguage),
        Self::Escalated(Reason::Blocked),
        Self::Escalated(Reason::Policy),
    ];

    /// Its name on the wire and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::SmallTalk => "smalltalk",
            Self::WithAgent => "with_agent",
            Self::Escalated(_) => "escalated",
        }
    }
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::CustomerRequest,
        Self::NoEvidence,
        Self::LowConfidence,
        Self::InsufficientEvidence,
        Self::OtherLanguage,
        Self::Blocked,
        Self::Policy,
    ];

    /// Its name on the wire, in SQL and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomerRequest => "customer_request",
            Self::NoEvidence => "no_evidence",
            Self::LowConfidence => "low_confidence",
            Self::InsufficientEvidence => "insufficient_evidence",
            Self::OtherLanguage => "other_language",
            Self::Blocked => "blocked",
            Self::Policy => "policy",
        }
    }
}

/// Sends a draft that is at least as likely to be right as `threshold` asks, unless a person is needed anyway.
#[must_use]
pub fn decide(draft: &Draft, needs_person: Option<Reason>, confidence: f64, threshold: f64) -> Decision {
    if let Some(reason) = needs_person {
        Decision::Escalated(reason)
    } else if draft.citations.is_empty() {
        Decision::Escalated(Reason::NoEvidence)
    } else if confidence < threshold {
        Decision::Escalated(Reason::LowConfidence)
    } else {
        Decision::Answered
    }
}
