//! `POST /v1beta/models/{model}:generateContent`

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::answer::Answer;
use crate::check::{check, thinking_rejected};
use crate::error::ApiError;
use crate::evidence::Evidence;
use crate::fields::normalise;
use crate::interview::Interview;
use crate::reply::Exchange;
use crate::request::Request;
use crate::rewriting::Rewriting;
use crate::scenario::{Plain, Scenario};
use crate::{faults, obey, schema};

/// A request that the API takes, with the body that it was read from.
pub(crate) struct Accepted {
    body: Value,
    request: Request,
}

/// Reads and checks a body that was sent to `model`, which is one that `is_known` or not.
///
/// Fields are checked before the model and what they hold after it, as the real API does: its outer door knows the
/// fields, its inner one the models.
pub(crate) fn accept(model: &str, is_known: bool, body: &[u8]) -> Result<Accepted, ApiError> {
    let body = match body {
        [] => Value::Object(serde_json::Map::new()),
        body => serde_json::from_slice(body)
            .map_err(|_| ApiError::invalid("Invalid JSON payload received. Unexpected token."))?,
    };
    let body = normalise(&body)?;
    let request: Request = Request::deserialize(&body)?;
    if !is_known {
        return Err(ApiError::model_not_found(model, "generateContent"));
    }
    check(model, &request)?;
    Ok(Accepted { body, request })
}

impl Request {
    fn deserialize(body: &Value) -> Result<Self, ApiError> {
        serde::Deserialize::deserialize(body).map_err(|error| ApiError::invalid(error.to_string()))
    }
}

/// Answers as `scenario` says. Scenarios that are the same for every address are not met here.
pub(crate) fn respond(scenario: Scenario, seed: u64, model: &str, accepted: &Accepted) -> Result<Response, ApiError> {
    let Accepted { body, request } = accepted;
    let exchange = Exchange::new(seed, model, body, request);
    let found = Evidence::find(request.last_user_text());
    let honest = || match &found {
        Some(evidence) => Answer::of(evidence),
        None => Answer::insufficient("There are no passages in this prompt.", 0.0),
    };
    let nothing = Evidence::default();
    let evidence = found.as_ref().unwrap_or(&nothing);
    let interview = Interview::find(request.last_user_text());
    let rewriting = Rewriting::find(request.last_user_text());
    let said = |answer: &Answer| match (&interview, &rewriting) {
        (Some(interview), _) => json_of(request, &interview.honest()),
        (None, Some(rewriting)) => json_of(request, &rewriting.honest()),
        (None, None) => text_of(request, answer),
    };
    let Scenario::Plain(plain) = scenario else { return Ok(Json(exchange.text(&said(&honest())?)).into_response()) };
    let reply = match plain {
        Plain::Ok => exchange.text(&honest().prose()),
        Plain::Thinking => exchange.thinking(&said(&honest())?),
        Plain::AllThoughtMaxTokens => exchange.all_thought(),
        Plain::MaxTokens => exchange.cut(&said(&honest())?),
        Plain::BlockedPrompt => exchange.blocked_prompt(),
        Plain::BlockedOutput => exchange.blocked_output(),
        Plain::Recitation => exchange.recitation(),
        Plain::EmptyParts => exchange.empty_parts(),
        Plain::UnknownEnum => exchange.unknown_enum(&said(&honest())?),
        Plain::GarbageJson => exchange.text(faults::GARBAGE_JSON),
        Plain::WrongSchema => exchange.text(&faults::wrong_schema(schema_of(request)).to_string()),
        Plain::InventedPassage => exchange.text(&said(&faults::invented_passage(evidence))?),
        Plain::UnsupportedClaim => match &interview {
            Some(interview) => exchange.text(&json_of(request, &interview.invented())?),
            None => exchange.text(&said(&faults::unsupported_claim(evidence))?),
        },
        Plain::Insufficient => {
            let missing = "The passages do not hold what was asked for.";
            exchange.text(&said(&Answer::insufficient(missing, 0.1))?)
        }
        Plain::Obeys => {
            let answer = obey::obeyed(evidence, &request.system_text()).unwrap_or_else(honest);
            exchange.text(&said(&answer)?)
        }
        Plain::ThinkingRejected if request.generation_config.thinking_config.is_some() => {
            return Err(thinking_rejected());
        }
        // The others are errors that `outage` has answered before.
        _ => exchange.text(&said(&honest())?),
    };
    Ok(Json(reply).into_response())
}

/// The answer in JSON where JSON was asked for, in prose otherwise.
///
/// A schema that the fake's one form of answer does not fit is refused: silence about it would look like a model's
/// fault and be a mistake in the prompt.
fn text_of(request: &Request, answer: &Answer) -> Result<String, ApiError> {
    if !request.wants_json() {
        return Ok(answer.prose());
    }
    json_of(request, answer)
}

/// What is said as JSON, if it fits the schema of the request.
fn json_of(request: &Request, said: &impl Serialize) -> Result<String, ApiError> {
    let value = serde_json::to_value(said).map_err(|error| ApiError::invalid(error.to_string()))?;
    match schema_of(request).and_then(|schema| schema::misfit(schema, &value)) {
        Some(misfit) => {
            Err(ApiError::invalid(format!("fake-gemini: its answers do not fit the schema of the request: {misfit}.")))
        }
        // Of what is said and not of the value, which would sort the names.
        None => serde_json::to_string(said).map_err(|error| ApiError::invalid(error.to_string())),
    }
}

fn schema_of(request: &Request) -> Option<&Value> {
    let config = &request.generation_config;
    config.response_json_schema.as_ref().or(config.response_schema.as_ref())
}
