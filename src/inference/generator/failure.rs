//! What a caller can do about a language model that did not answer.

use std::time::Duration;

use reqwest::StatusCode;

use crate::inference::generator::model::Quirk;

/// Why there is no answer from a language model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// The provider will not speak about it: a person should look.
    #[error("the provider blocked it: {0}")]
    Blocked(String),
    /// The limit of tokens ended the answer, or the thoughts before it.
    #[error("the answer did not fit into CANDOR_GENERATION_TOKENS_MAX tokens")]
    Truncated,
    /// What came back is not what was asked for.
    #[error("the answer cannot be used: {0}")]
    Invalid(String),
    /// Down or slow: later it may work.
    #[error("the model cannot be reached: {0}")]
    Unavailable(String),
    /// What the provider allows in a minute or a day is used up.
    #[error("the provider's quota is used up: {0}")]
    Quota(String),
    /// The key, the model's name or the request is wrong: an operator must change something.
    #[error("the provider refuses the request: {0}")]
    Refused(String),
}

impl GenerateError {
    /// All results that a call can have, for metrics.
    pub const RESULTS: [&str; 7] = ["ok", "blocked", "truncated", "invalid", "unavailable", "quota", "refused"];

    /// Its name in metrics and traces.
    #[must_use]
    pub fn result(&self) -> &'static str {
        match self {
            Self::Blocked(_) => "blocked",
            Self::Truncated => "truncated",
            Self::Invalid(_) => "invalid",
            Self::Unavailable(_) => "unavailable",
            Self::Quota(_) => "quota",
            Self::Refused(_) => "refused",
        }
    }
}

/// A call that failed, with what its repetition depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub error: GenerateError,
    pub repeat: Repeat,
}

/// Whether the same call is worth repeating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It would fail again.
    Never,
    /// It would fail for that long.
    NotFor(Duration),
    /// Soon.
    Soon,
    /// After that.
    After(Duration),
    /// At once, without what this model does not know.
    Without(Quirk),
}

/// How long a quota of a day is left alone before somebody tries again: nobody says when the day ends.
pub(super) const DAY_QUOTA_ALONE: Duration = Duration::from_secs(3_600);

impl Failure {
    pub fn never(error: GenerateError) -> Self {
        Self { error, repeat: Repeat::Never }
    }

    /// A connection that was not made, or broke.
    pub fn transport(error: reqwest::Error) -> Self {
        // The address is the operator's own; still, what is logged should not depend on how it was written.
        let error = error.without_url();
        Self { error: GenerateError::Unavailable(error.to_string()), repeat: Repeat::Soon }
    }

    /// An answer with an error's status, of which nothing more is known than what was `said`.
    pub fn status(status: StatusCode, said: String) -> Self {
        match status.as_u16() {
            408 | 500 | 502 | 503 | 504 => Self { error: GenerateError::Unavailable(said), repeat: Repeat::Soon },
            429 => Self { error: GenerateError::Quota(said), repeat: Repeat::Soon },
            _ => Self::never(GenerateError::Refused(said)),
        }
    }
}
