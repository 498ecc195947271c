//! What a caller can do about a language model that did not answer.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use crate::inference::gemini::wire::ErrorBody;

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
    /// At once, without the setting for thinking, which this model does not know.
    WithoutThinking,
}

/// How long a quota of a day is left alone before somebody tries again: nobody says when the day ends.
const DAY_QUOTA_ALONE: Duration = Duration::from_secs(3_600);

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

    /// An answer with an error's status.
    pub fn status(status: StatusCode, body: &[u8]) -> Self {
        let ErrorBody { error } = ErrorBody::read(body);
        let name = if error.status.is_empty() { status.to_string() } else { error.status.clone() };
        let said = format!("{name}: {}", first_line(&error.message));
        match status.as_u16() {
            429 => Self { repeat: quota(&error.message, &error.details), error: GenerateError::Quota(said) },
            408 | 500 | 502 | 503 | 504 => Self { error: GenerateError::Unavailable(said), repeat: Repeat::Soon },
            400 if error.message.to_lowercase().contains("thinking") => {
                Self { error: GenerateError::Refused(said), repeat: Repeat::WithoutThinking }
            }
            _ => Self::never(GenerateError::Refused(said)),
        }
    }
}

/// The words of the other side in a log line: the first, and not all of them.
fn first_line(message: &str) -> String {
    const CHARS_MAX: usize = 300;
    message.lines().next().unwrap_or_default().chars().take(CHARS_MAX).collect()
}

/// When a call that went over a quota may be repeated.
fn quota(message: &str, details: &[Value]) -> Repeat {
    let is_of_day = details
        .iter()
        .filter_map(|detail| detail["violations"].as_array())
        .flatten()
        .any(|violation| violation["quotaId"].as_str().is_some_and(|id| id.contains("PerDay")));
    if is_of_day {
        return Repeat::NotFor(DAY_QUOTA_ALONE);
    }
    let told = details.iter().find_map(|detail| seconds(detail["retryDelay"].as_str()?));
    told.or_else(|| said(message)).map_or(Repeat::Soon, Repeat::After)
}

/// The delay in "… Please retry in 37.1s."
fn said(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("retry in ")?;
    let end = rest.find('s')?;
    seconds(&rest[..=end])
}

/// A duration such as `37.12s`.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn over_quota(details: &Value) -> Failure {
        let body =
            json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Over.", "details": details } });
        Failure::status(StatusCode::TOO_MANY_REQUESTS, body.to_string().as_bytes())
    }

    #[test]
    fn a_quota_of_a_day_is_left_alone_and_one_of_a_minute_waited_for() {
        let day = json!([{ "violations": [{ "quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier" }] }]);
        assert_eq!(over_quota(&day).repeat, Repeat::NotFor(DAY_QUOTA_ALONE));
        let minute = json!([{ "violations": [{ "quotaId": "PerMinute" }] }, { "retryDelay": "1.5s" }]);
        assert_eq!(over_quota(&minute).repeat, Repeat::After(Duration::from_millis(1_500)));
        assert_eq!(over_quota(&json!([])).repeat, Repeat::Soon);
    }

    #[test]
    fn a_delay_that_is_only_said_is_heard() {
        assert_eq!(said("Please retry in 37.1s."), Some(Duration::from_millis(37_100)));
        assert_eq!(said("Please try again."), None);
    }

    #[test]
    fn errors_are_read_as_objects_as_arrays_and_as_a_proxys_page() {
        let object = br#"{"error": {"status": "NOT_FOUND", "message": "models/x is not found"}}"#;
        let array = br#"[{"error": {"status": "NOT_FOUND", "message": "models/x is not found"}}]"#;
        let expected = Failure::never(GenerateError::Refused("NOT_FOUND: models/x is not found".into()));
        assert_eq!(Failure::status(StatusCode::NOT_FOUND, object), expected);
        assert_eq!(Failure::status(StatusCode::NOT_FOUND, array), expected);
        let page = Failure::status(StatusCode::BAD_GATEWAY, b"<html>502</html>");
        assert_eq!(page.repeat, Repeat::Soon);
        assert!(matches!(page.error, GenerateError::Unavailable(_)));
    }

    #[test]
    fn a_thinking_level_that_the_model_does_not_know_is_left_out() {
        let body = br#"{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "Thinking level is not supported for this model."}}"#;
        assert_eq!(Failure::status(StatusCode::BAD_REQUEST, body).repeat, Repeat::WithoutThinking);
    }
}
