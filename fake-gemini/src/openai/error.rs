//! Errors as OpenAI words them, and as OpenRouter numbers them.
//!
//! Sentences are those of the real API where they are known; the ones that are our own say so.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// How many requests a minute has, in the headers of a refusal.
const REQUESTS_PER_MINUTE: u64 = 10;

/// An error with everything that stands in its body, and the time after which to come back.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    kind: &'static str,
    param: Option<String>,
    code: Option<&'static str>,
    retry_after: Option<Duration>,
    /// Whether the code is the status, as OpenRouter has it.
    is_numeric: bool,
}

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message, kind, param: None, code: None, retry_after: None, is_numeric: false }
    }

    /// A request that the API does not take.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// Names the field that it is about.
    pub(crate) fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub(crate) fn coded(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The same as OpenRouter would say it.
    pub(crate) fn numeric(mut self) -> Self {
        self.is_numeric = true;
        self
    }

    /// A request without a key.
    pub(crate) fn key_missing() -> Self {
        let message = "You didn't provide an API key. You need to provide your API key in an Authorization header \
                       using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    }

    /// A key that nobody was given. The real API repeats a part of the key.
    pub(crate) fn key_invalid() -> Self {
        let message = "Incorrect API key provided. You can find your API key at \
                       https://platform.openai.com/account/api-keys.";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message).coded("invalid_api_key")
    }

    pub(crate) fn model_not_found(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message).coded("model_not_found")
    }

    /// The same for a look-up of the model itself, which has another sentence.
    pub(crate) fn model_not_listed(model: &str) -> Self {
        let message = format!("The model '{model}' does not exist");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message).at("model").coded("model_not_found")
    }

    /// A prompt that a filter stopped, as Azure answers it; OpenAI itself has no one answer.
    pub(crate) fn prompt_filtered() -> Self {
        let message = "The response was filtered due to the prompt triggering the content management policy. Please \
                       modify your prompt and retry.";
        Self::invalid(message).at("prompt").coded("content_filter")
    }

    /// Too many requests in a minute.
    pub(crate) fn rate_limited(model: &str, retry: Duration) -> Self {
        let message = format!(
            "Rate limit reached for {model} on requests per min (RPM): Limit {REQUESTS_PER_MINUTE}, Used \
             {REQUESTS_PER_MINUTE}, Requested 1. Please try again in {}ms.",
            retry.as_millis()
        );
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "requests", message).coded("rate_limit_exceeded");
        Self { retry_after: Some(retry), ..error }
    }

    /// No money left: no patience helps, whatever the delay says.
    pub(crate) fn quota(retry: Duration) -> Self {
        let message = "You exceeded your current quota, please check your plan and billing details. For more \
                       information on this error, read the docs: \
                       https://platform.openai.com/docs/guides/error-codes/api-errors.";
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", message);
        Self { retry_after: Some(retry), ..error.coded("insufficient_quota") }
    }

    /// 429 that says nothing more; the sentence is our own.
    pub(crate) fn rate_limited_bare() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "requests", "Too many requests.")
    }

    pub(crate) fn internal() -> Self {
        let message = "The server had an error while processing your request. Sorry about that!";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }

    pub(crate) fn overloaded() -> Self {
        let message = "The engine is currently overloaded, please try again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message)
    }

    /// The sentence is our own.
    pub(crate) fn deadline_exceeded() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "server_error", "The request timed out.")
    }

    /// What OpenRouter says in the middle of a stream when the provider behind it fails.
    pub(crate) fn provider_failed() -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "server_error", "Provider disconnected unexpectedly").numeric()
    }

    pub(crate) fn body(&self) -> Value {
        if self.is_numeric {
            let error = json!({ "code": self.status.as_u16(), "message": self.message });
            return json!({ "error": error, "user_id": "user_fake" });
        }
        json!({ "error": { "message": self.message, "type": self.kind, "param": self.param, "code": self.code } })
    }

    /// The same error in an array of one, as Google's endpoint of this API sends it.
    pub(crate) fn in_array(&self) -> Response {
        (self.status, Json(json!([self.body()]))).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(retry) = self.retry_after {
            // Whole seconds, so rounded up: who comes back earlier comes too early.
            let seconds = retry.as_millis().div_ceil(1_000);
            let headers = [
                (header::RETRY_AFTER, seconds.to_string()),
                (HeaderName::from_static("retry-after-ms"), retry.as_millis().to_string()),
                (HeaderName::from_static("x-ratelimit-limit-requests"), REQUESTS_PER_MINUTE.to_string()),
                (HeaderName::from_static("x-ratelimit-remaining-requests"), "0".to_owned()),
                (HeaderName::from_static("x-ratelimit-reset-requests"), format!("{}ms", retry.as_millis())),
            ];
            for (name, value) in headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().insert(name, value);
                }
            }
        }
        response
    }
}
