//! What to do with a draft: by code, from typed values, never by a model's words.

use crate::answer::Draft;

/// What happens to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The draft is sent.
    Answered,
    /// The customer is asked which of two things is meant.
    Clarify,
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
    /// The language model says that the articles do not answer it.
    InsufficientEvidence,
    /// Less than half of what the language model wrote stands on an article.
    UnsupportedAnswer,
    /// It is asked in another language than what was found is written in, and what was found does not answer it.
    OtherLanguage,
    /// Two articles say the opposite of each other about it.
    Contradiction,
    /// The language model failed, and the quoted sentences that took its place are too likely to be wrong.
    ProviderFailure,
    /// The same, because what the provider allows in a minute or a day was used up.
    Quota,
    /// The language model's provider will not speak about it.
    BlockedByProvider,
    /// The workspace wants a person to answer.
    Policy,
    /// The articles cannot be searched at the moment.
    SearchFailure,
}

impl Decision {
    /// All decisions that there are, for metrics.
    pub const ALL: [Self; 16] = [
        Self::Answered,
        Self::Clarify,
        Self::SmallTalk,
        Self::WithAgent,
        Self::Escalated(Reason::CustomerRequest),
        Self::Escalated(Reason::NoEvidence),
        Self::Escalated(Reason::LowConfidence),
        Self::Escalated(Reason::InsufficientEvidence),
        Self::Escalated(Reason::UnsupportedAnswer),
        Self::Escalated(Reason::OtherLanguage),
        Self::Escalated(Reason::Contradiction),
        Self::Escalated(Reason::ProviderFailure),
        Self::Escalated(Reason::Quota),
        Self::Escalated(Reason::BlockedByProvider),
        Self::Escalated(Reason::Policy),
        Self::Escalated(Reason::SearchFailure),
    ];

    /// Its name on the wire and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Clarify => "clarify",
            Self::SmallTalk => "smalltalk",
            Self::WithAgent => "with_agent",
            Self::Escalated(_) => "escalated",
        }
    }
}

impl Decision {
    /// Why a person is brought in; `None` where none is.
    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Answered | Self::Clarify | Self::SmallTalk | Self::WithAgent => None,
            Self::Escalated(reason) => Some(reason),
        }
    }
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 12] = [
        Self::CustomerRequest,
        Self::NoEvidence,
        Self::LowConfidence,
        Self::InsufficientEvidence,
        Self::UnsupportedAnswer,
        Self::OtherLanguage,
        Self::Contradiction,
        Self::ProviderFailure,
        Self::Quota,
        Self::BlockedByProvider,
        Self::Policy,
        Self::SearchFailure,
    ];

    /// Its name on the wire, in SQL and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomerRequest => "customer_request",
            Self::NoEvidence => "no_evidence",
            Self::LowConfidence => "low_confidence",
            Self::InsufficientEvidence => "insufficient_evidence",
            Self::UnsupportedAnswer => "unsupported_answer",
            Self::ProviderFailure => "provider_failure",
            Self::OtherLanguage => "other_language",
            Self::Contradiction => "contradiction",
            Self::Quota => "quota",
            Self::BlockedByProvider => "blocked_by_provider",
            Self::Policy => "policy",
            Self::SearchFailure => "search_failure",
        }
    }
}

/// What speaks for a person, whatever the draft says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubts {
    /// Why a person is needed whatever the confidence.
    pub needs_person: Option<Reason>,
    /// What a person is needed for when the draft is too likely to be wrong.
    pub when_unsure: Reason,
}

/// Sends a draft that is at least as likely to be right as `threshold` asks, unless a person is needed anyway.
#[must_use]
pub fn decide(draft: &Draft, doubts: Doubts, confidence: f64, threshold: f64) -> Decision {
    if let Some(reason) = doubts.needs_person {
        Decision::Escalated(reason)
    } else if draft.citations.is_empty() {
        Decision::Escalated(Reason::NoEvidence)
    } else if confidence < threshold {
        Decision::Escalated(doubts.when_unsure)
    } else {
        Decision::Answered
    }
}
