//! `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`

use axum::response::Response;
use serde_json::Value;

use crate::gemini::check::{check, thinking_rejected};
use crate::gemini::error::ApiError;
use crate::gemini::fields::normalise;
use crate::gemini::form::Form;
use crate::gemini::outage::outage;
use crate::gemini::reply::Exchange;
use crate::gemini::request::Request;
use crate::gemini::stream;
use crate::limits::first_half;
use crate::scenario::{Plain, Scenario};
use crate::speech::{Misfit, Prompt};
use crate::wire;

/// What is called: a method of a model, by an address that says how the answer is to look.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) model: &'a str,
    pub(crate) method: &'a str,
    pub(crate) form: Form,
}

/// A request that the API takes, with the body that it was read from.
pub(crate) struct Accepted {
    body: Value,
    request: Request,
}

/// Reads and checks a body that was sent to a model, which is one that `is_known` or not.
///
/// Fields are checked before the model and what they hold after it, as the real API does: its outer door knows the
/// fields, its inner one the models.
pub(crate) fn accept(call: Call, is_known: bool, body: &[u8]) -> Result<Accepted, ApiError> {
    let body = match body {
        [] => Value::Object(serde_json::Map::new()),
        body => serde_json::from_slice(body)
            .map_err(|_| ApiError::invalid("Invalid JSON payload received. Unexpected token."))?,
    };
    let body = normalise(&body)?;
    let request: Request = Request::deserialize(&body)?;
    if !is_known {
        return Err(ApiError::model_not_found(call.model, call.method));
    }
    check(call.model, &request)?;
    Ok(Accepted { body, request })
}

impl Request {
    fn deserialize(body: &Value) -> Result<Self, ApiError> {
        serde::Deserialize::deserialize(body).map_err(|error| ApiError::invalid(error.to_string()))
    }
}

impl From<Misfit> for ApiError {
    fn from(misfit: Misfit) -> Self {
        Self::invalid(misfit.to_string())
    }
}

/// Answers as `scenario` says.
pub(crate) fn respond(scenario: Scenario, seed: u64, call: Call, accepted: &Accepted) -> Result<Response, ApiError> {
    if let Some(outage) = outage(scenario, call) {
        return Ok(outage);
    }
    let Accepted { body, request } = accepted;
    if scenario == Plain::ThinkingRejected.into() && request.generation_config.thinking_config.is_some() {
        return Err(thinking_rejected());
    }
    let exchange = Exchange::new(seed, call.model, body, request);
    let text = request.asks().answered(scenario)?;
    if call.form == Form::Object {
        return Ok(wire::whole(scenario, &reply(scenario, &exchange, &text)));
    }
    let chunks = match scenario {
        // In one piece these have no content. A stream is stopped when it has begun.
        Scenario::Plain(Plain::BlockedOutput) => exchange.begun_and_stopped(&text, &exchange.blocked_output()),
        Scenario::Plain(Plain::Recitation) => exchange.begun_and_stopped(&text, &exchange.recitation()),
        Scenario::Plain(Plain::TwoTerminals) => exchange.two_terminals(&text),
        _ => exchange.chunks(reply(scenario, &exchange, &text)),
    };
    let frames = stream::frames(scenario, call.form, &chunks);
    Ok(wire::streamed(scenario, frames, call.form.content_type()))
}

/// The answer in one piece; `text` is what the scenario says.
fn reply(scenario: Scenario, exchange: &Exchange, text: &str) -> Value {
    let Scenario::Plain(plain) = scenario else { return exchange.text(text) };
    match plain {
        Plain::Thinking => exchange.thinking(text),
        Plain::AllThoughtMaxTokens => exchange.all_thought(),
        Plain::MaxTokens => exchange.cut(first_half(text)),
        Plain::BlockedPrompt => exchange.blocked_prompt(),
        Plain::BlockedOutput => exchange.blocked_output(),
        Plain::Recitation => exchange.recitation(),
        Plain::EmptyParts => exchange.empty_parts(),
        Plain::UnknownEnum => exchange.unknown_enum(text),
        _ => exchange.text(text),
    }
}

impl Request {
    /// What decides what is said.
    fn asks(&self) -> Prompt<'_> {
        let config = &self.generation_config;
        Prompt {
            text: self.last_user_text(),
            system: self.system_text(),
            json: self.wants_json(),
            schema: config.response_json_schema.as_ref().or(config.response_schema.as_ref()),
        }
    }
}
