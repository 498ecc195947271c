//! Failures that are the same whatever was asked for, and refusals of single fields by whole families of endpoints.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::gemini::{HTML_502, RETRY_OF_A_DAY};
use crate::openai::error::Refusal;
use crate::openai::request::Request;
use crate::scenario::{Plain, Scenario};

/// The failure that `scenario` is, if it is one.
pub(crate) fn outage(scenario: Scenario, model: &str) -> Option<Response> {
    let plain = match scenario {
        Scenario::QuotaPerMinute(retry) => return Some(Refusal::rate_limited(model, retry).into_response()),
        Scenario::Plain(plain) => plain,
        Scenario::SlowTtft(_) | Scenario::Itl(_) | Scenario::Pace { .. } | Scenario::Disconnect(_) => return None,
    };
    let refusal = match plain {
        Plain::QuotaPerDay => Refusal::quota(RETRY_OF_A_DAY),
        Plain::QuotaBare => Refusal::rate_limited_bare(),
        Plain::Internal => Refusal::internal(),
        Plain::Overloaded => Refusal::overloaded(),
        Plain::DeadlineExceeded => Refusal::deadline_exceeded(),
        Plain::BadKey => Refusal::key_invalid(),
        Plain::NoSuchModel => Refusal::model_not_found(model),
        Plain::ArrayError => return Some(Refusal::overloaded().in_array()),
        Plain::Html502 => return Some((StatusCode::BAD_GATEWAY, Html(HTML_502)).into_response()),
        _ => return None,
    };
    Some(refusal.into_response())
}

/// What an endpoint of the scenario's kind does not take of this request.
pub(crate) fn unsupported(scenario: Scenario, request: &Request) -> Option<Refusal> {
    match scenario {
        Scenario::Plain(Plain::BlockedPrompt) => Some(Refusal::prompt_filtered()),
        Scenario::Plain(Plain::NoJsonSchema) if request.schema().is_some() => {
            let message = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this \
                           model. Learn more about supported models at the Structured Outputs guide: \
                           https://platform.openai.com/docs/guides/structured-outputs";
            Some(Refusal::invalid(message).at("response_format"))
        }
        Scenario::Plain(Plain::MaxTokensRejected) if request.max_tokens.is_some() => {
            let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                           'max_completion_tokens' instead.";
            Some(Refusal::invalid(message).at("max_tokens").coded("unsupported_parameter"))
        }
        _ => None,
    }
}
