//! Google's Gemini: `generateContent` and `streamGenerateContent` of its REST interface.
//!
//! Source: the fields of `google.ai.generativelanguage.v1beta`. In an answer every field is optional and every name may be new.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, HeaderValue, InvalidHeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Delivery, End, Said, Usage, Wire, first_line};
use crate::config::Thinking;
use crate::inference::generator::failure::{DAY_QUOTA_ALONE, Failure, GenerateError, Repeat};
use crate::inference::generator::model::Quirk;

/// The API.
pub(in crate::inference::generator) struct Gemini;

impl Wire for Gemini {
    fn ask(&self, http: &Client, base: &str, asked: &Asked<'_>, delivery: Delivery) -> RequestBuilder {
        let method = match delivery {
            Delivery::Whole => "generateContent",
            // Without the parameter a stream is one long array.
            Delivery::Stream => "streamGenerateContent?alt=sse",
        };
        http.post(format!("{base}/v1beta/models/{}:{method}", segment(asked.model))).json(&request(asked))
    }

    fn look_up(&self, http: &Client, base: &str, model: &str) -> RequestBuilder {
        http.get(format!("{base}/v1beta/models/{}", segment(model)))
    }

    fn lists(&self, _body: &[u8], _model: &str) -> bool {
        // It was asked for this one.
        true
    }

    fn key(&self, key: &str) -> Result<(&'static str, HeaderValue), InvalidHeaderValue> {
        Ok(("x-goog-api-key", HeaderValue::from_str(key)?))
    }

    fn read(&self, body: &[u8]) -> Result<Said, Failure> {
        let response: Response =
            serde_json::from_slice(body).map_err(|error| Failure::never(GenerateError::Invalid(error.to_string())))?;
        // In a stream an error may come after an answer that began well.
        if let Some(error) = response.error {
            return Err(failure(StatusCode::from_u16(error.code).unwrap_or(StatusCode::BAD_GATEWAY), &error));
        }
        let usage = Usage::from(response.usage_metadata);
        if let Some(reason) = response.prompt_feedback.block_reason {
            return Ok(Said { usage, end: Some(End::Blocked(reason)), ..Said::default() });
        }
        let candidate = response.candidates.into_iter().next().unwrap_or_default();
        Ok(Said { text: candidate.text(), usage, end: candidate.finish_reason.map(end) })
    }

    fn failure(&self, status: StatusCode, _headers: &HeaderMap, body: &[u8]) -> Failure {
        failure(status, &ErrorBody::read(body).error)
    }
}

fn failure(status: StatusCode, error: &ErrorStatus) -> Failure {
    let name = if error.status.is_empty() { status.to_string() } else { error.status.clone() };
    let said = format!("{name}: {}", first_line(&error.message));
    match status.as_u16() {
        429 => Failure { repeat: quota(&error.message, &error.details), error: GenerateError::Quota(said) },
        400 if error.message.to_lowercase().contains("thinking") => {
            Failure { error: GenerateError::Refused(said), repeat: Repeat::Without(Quirk::Thinking) }
        }
        _ => Failure::status(status, said),
    }
}

/// A model's name as a part of an address: a workspace may choose any.
fn segment(model: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');
    utf8_percent_encode(model, KEPT).to_string()
}

/// Why the model stopped.
fn end(reason: String) -> End {
    match reason.as_str() {
        "STOP" => End::Whole,
        "MAX_TOKENS" => End::Truncated,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => End::Blocked(reason),
        _ => End::Other(reason),
    }
}

/// The body of a request. Unknown fields are refused by the other side, so nothing is sent that is not needed.
fn request(asked: &Asked<'_>) -> Value {
    let Asked { prompt, temperature, tokens_max, .. } = asked;
    let mut config = json!({
        "temperature": temperature,
        "candidateCount": 1,
        "maxOutputTokens": tokens_max,
        "responseMimeType": "application/json",
        "responseJsonSchema": prompt.schema,
    });
    let level = match asked.thinking {
        _ if asked.quirks.has(Quirk::Thinking) => None,
        Thinking::Low => Some("LOW"),
        Thinking::Medium => Some("MEDIUM"),
        Thinking::High => Some("HIGH"),
        Thinking::Default => None,
    };
    if let Some(level) = level {
        config["thinkingConfig"] = json!({ "thinkingLevel": level });
    }
    // Customers write of abuse and of harm: only what is certain is to be stopped, and then a person takes over.
    let safety: Vec<Value> = ["HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT"]
        .iter()
        .map(|category| json!({ "category": format!("HARM_CATEGORY_{category}"), "threshold": "BLOCK_ONLY_HIGH" }))
        .collect();
    json!({
        "systemInstruction": { "parts": [{ "text": prompt.instruction }] },
        "contents": [{ "role": "user", "parts": [{ "text": prompt.data }] }],
        "generationConfig": config,
        "safetySettings": safety,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Response {
    candidates: Vec<Candidate>,
    prompt_feedback: PromptFeedback,
    usage_metadata: UsageMetadata,
    error: Option<ErrorStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Candidate {
    content: Content,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Content {
    parts: Vec<Part>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part {
    text: String,
    thought: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PromptFeedback {
    block_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UsageMetadata {
    #[serde(rename = "promptTokenCount")]
    prompt: u64,
    #[serde(rename = "candidatesTokenCount")]
    candidates: u64,
    #[serde(rename = "thoughtsTokenCount")]
    thoughts: u64,
}

impl From<UsageMetadata> for Usage {
    fn from(usage: UsageMetadata) -> Self {
        Self { prompt: usage.prompt, answer: usage.candidates, thoughts: usage.thoughts }
    }
}

impl Candidate {
    /// What the model says, without what it thinks.
    fn text(&self) -> String {
        self.content.parts.iter().filter(|part| !part.thought).map(|part| part.text.as_str()).collect()
    }
}

/// An error's body: an object, or an array with that object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    error: ErrorStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorStatus {
    code: u16,
    message: String,
    status: String,
    details: Vec<Value>,
}

impl ErrorBody {
    /// Reads an error; one that is no JSON, as from a proxy on the way, has no details.
    fn read(body: &[u8]) -> Self {
        // The array first: it could be read as an object too, as the list of its fields.
        serde_json::from_slice::<[Self; 1]>(body)
            .map(|[error]| error)
            .or_else(|_| serde_json::from_slice::<Self>(body))
            .unwrap_or_default()
    }
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
    use super::*;

    fn over_quota(details: &Value) -> Failure {
        let body =
            json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Over.", "details": details } });
        Gemini.failure(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body.to_string().as_bytes())
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
        assert_eq!(Gemini.failure(StatusCode::NOT_FOUND, &HeaderMap::new(), object), expected);
        assert_eq!(Gemini.failure(StatusCode::NOT_FOUND, &HeaderMap::new(), array), expected);
        let page = Gemini.failure(StatusCode::BAD_GATEWAY, &HeaderMap::new(), b"<html>502</html>");
        assert_eq!(page.repeat, Repeat::Soon);
        assert!(matches!(page.error, GenerateError::Unavailable(_)));
    }

    #[test]
    fn an_error_may_stand_where_more_of_a_stream_should() {
        let event = json!({ "error": { "code": 503, "status": "UNAVAILABLE", "message": "Overloaded." } });
        let failure = Gemini.read_event(&event.to_string()).unwrap_err();
        assert_eq!(failure.repeat, Repeat::Soon);
        assert_eq!(failure.error, GenerateError::Unavailable("UNAVAILABLE: Overloaded.".into()));
    }

    #[test]
    fn a_thinking_level_that_the_model_does_not_know_is_left_out() {
        let body = br#"{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "Thinking level is not supported for this model."}}"#;
        assert_eq!(
            Gemini.failure(StatusCode::BAD_REQUEST, &HeaderMap::new(), body).repeat,
            Repeat::Without(Quirk::Thinking)
        );
    }
}
