//! Errors as the API words them.
//!
//! Sentences are those of the real API where a recorded answer shows them; the ones that are our own say so.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::gemini::form::Form;
use crate::scenario::seconds;

/// An error with everything that stands in its body.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    /// The name of the status in `google.rpc.Code`.
    name: &'static str,
    message: String,
    details: Vec<Value>,
}

impl ApiError {
    fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into(), details: Vec::new() }
    }

    fn detail(mut self, kind: &str, mut detail: Value) -> Self {
        detail["@type"] = format!("type.googleapis.com/google.rpc.{kind}").into();
        self.details.push(detail);
        self
    }

    /// A request that the API does not take.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message)
    }

    /// A body whose fields are not those of the API: a place (empty at the top) and a sentence for each.
    pub(crate) fn fields(violations: &[(String, String)]) -> Self {
        let message = violations.iter().map(|(_, sentence)| sentence.as_str()).collect::<Vec<_>>().join("\n");
        let violations: Vec<Value> = violations
            .iter()
            .map(|(place, sentence)| match place.as_str() {
                "" => json!({ "description": sentence }),
                place => json!({ "field": place, "description": sentence }),
            })
            .collect();
        Self::invalid(message).detail("BadRequest", json!({ "fieldViolations": violations }))
    }

    /// A request without a key.
    pub(crate) fn key_missing() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or \
             other form of API consumer identity to call this API.",
        )
    }

    /// A key that nobody was given; the real API calls this 400, not 401.
    pub(crate) fn key_invalid() -> Self {
        const MESSAGE: &str = "API key not valid. Please pass a valid API key.";
        let service = json!({ "service": "generativelanguage.googleapis.com" });
        Self::invalid(MESSAGE)
            .detail(
                "ErrorInfo",
                json!({ "reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": service }),
            )
            .detail("LocalizedMessage", json!({ "locale": "en-US", "message": MESSAGE }))
    }

    /// A model that cannot do `method`, which is what a retired one looks like too.
    pub(crate) fn model_not_found(model: &str, method: &str) -> Self {
        let message = format!(
            "models/{model} is not found for API version v1beta, or is not supported for {method}. Call \
             ModelService.ListModels to see the list of available models and their supported methods."
        );
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// The same for a look-up of the model itself, which has another sentence.
    pub(crate) fn model_not_listed(model: &str) -> Self {
        let message = format!("Model is not found: models/{model} for api version v1beta");
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// A method that this fake does not have; the sentence is our own.
    pub(crate) fn not_faked(method: &str) -> Self {
        let message = format!("fake-gemini does not have the method {method}.");
        Self::new(StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED", message)
    }

    /// Too many requests in a minute or a day. Both carry a delay; only the quota's name tells them apart.
    pub(crate) fn quota(model: &str, per: Per, retry: Duration) -> Self {
        const METRIC: &str = "generativelanguage.googleapis.com/generate_content_free_tier_requests";
        let (id, limit) = match per {
            Per::Minute => ("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "10"),
            Per::Day => ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "250"),
        };
        let retry = seconds(retry);
        let message = format!(
            "You exceeded your current quota, please check your plan and billing details. For more information on this \
             error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. \n* Quota exceeded for metric: \
             {METRIC}, limit: {limit}, model: {model}\nPlease retry in {retry}."
        );
        let link = json!({
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
        });
        let violation = json!({
            "quotaMetric": METRIC,
            "quotaId": id,
            "quotaDimensions": { "location": "global", "model": model },
            "quotaValue": limit,
        });
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", message)
            .detail("Help", json!({ "links": [link] }))
            .detail("QuotaFailure", json!({ "violations": [violation] }))
            .detail("RetryInfo", json!({ "retryDelay": retry }))
    }

    /// 429 that says nothing more.
    pub(crate) fn quota_bare() -> Self {
        let message = "Resource has been exhausted (e.g. check quota).";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", message)
    }

    pub(crate) fn internal() -> Self {
        let message = "An internal error has occurred. Please retry or report in \
                       https://developers.generativeai.google/guide/troubleshooting";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    }

    pub(crate) fn overloaded() -> Self {
        let message = "The model is overloaded. Please try again later.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
    }

    pub(crate) fn deadline_exceeded() -> Self {
        let message = "Deadline expired before operation could complete.";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED", message)
    }

    fn body(&self) -> Value {
        let mut error = json!({ "code": self.status.as_u16(), "message": self.message, "status": self.name });
        if !self.details.is_empty() {
            error["details"] = self.details.clone().into();
        }
        json!({ "error": error })
    }

    /// The same error in an array of one, as some of the real API's doors send it.
    pub(crate) fn in_array(&self) -> Response {
        (self.status, Json(json!([self.body()]))).into_response()
    }

    /// The answer at an address of this form.
    pub(crate) fn in_form(&self, form: Form) -> Response {
        match form {
            Form::Array => self.in_array(),
            Form::Object | Form::Events => form.labelled((self.status, Json(self.body())).into_response()),
        }
    }

    /// The body on several lines, as it stands in the middle of a stream.
    pub(crate) fn pretty(&self) -> String {
        format!("{:#}", self.body())
    }
}

/// What a quota counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Per {
    Minute,
    Day,
}
