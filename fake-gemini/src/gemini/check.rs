//! What the API refuses although every field is one of its own.

use serde_json::Value;

use crate::gemini::error::ApiError;
use crate::gemini::request::{Content, GenerationConfig, Request};
use crate::schema;

/// The most stop sequences that the API takes.
const STOP_SEQUENCES_MAX: usize = 5;

/// Checks a request to `model` as the real API does, in its words where they are known.
pub(crate) fn check(model: &str, request: &Request) -> Result<(), ApiError> {
    if request.contents.is_empty() {
        return Err(refused("contents", "contents is not specified"));
    }
    request.contents.iter().enumerate().try_for_each(|(at, content)| turn(at, content))?;
    thinking(model, &request.generation_config)?;
    format(&request.generation_config)?;
    ranges(&request.generation_config)
}

/// The real API's form of a refusal that names a field.
fn refused(place: &str, sentence: &str) -> ApiError {
    ApiError::invalid(format!("* GenerateContentRequest.{place}: {sentence}\n"))
}

/// Roles need not alternate, and a single turn needs none.
fn turn(at: usize, content: &Content) -> Result<(), ApiError> {
    if !["", "user", "model", "function"].contains(&content.role.as_str()) {
        return Err(ApiError::invalid("Please use a valid role: user, model."));
    }
    if content.parts.is_empty() {
        return Err(refused(&format!("contents[{at}].parts"), "contents.parts must not be empty."));
    }
    match content.parts.iter().position(|part| !part.has_data()) {
        Some(part) => Err(refused(
            &format!("contents[{at}].parts[{part}].data"),
            "required oneof field 'data' must have one initialized field",
        )),
        None => Ok(()),
    }
}

/// Which way of limiting thoughts a model takes depends on its generation.
fn thinking(model: &str, config: &GenerationConfig) -> Result<(), ApiError> {
    let Some(thinking) = &config.thinking_config else { return Ok(()) };
    if thinking.thinking_budget.is_some() && thinking.thinking_level.is_some() {
        return Err(ApiError::invalid("You can only set only one of thinking budget and thinking level."));
    }
    let minimal = thinking.thinking_level.as_deref() == Some("MINIMAL");
    let budgets_only = model.starts_with("gemini-2.5") && thinking.thinking_level.is_some();
    // These two models always think a little. That they refuse is documented; that they say so in these words is a guess.
    if budgets_only || (minimal && ["gemini-3.7-flash", "gemini-3.8-flash"].contains(&model)) {
        return Err(thinking_rejected());
    }
    Ok(())
}

/// The refusal of a model that does not take the level of thinking.
pub(crate) fn thinking_rejected() -> ApiError {
    ApiError::invalid("Thinking level is not supported for this model.")
}

/// The format of the answer; the sentences are our own.
fn format(config: &GenerationConfig) -> Result<(), ApiError> {
    const PLACE: &str = "generation_config.response_mime_type";
    let kind = config.response_mime_type.as_deref().unwrap_or("text/plain");
    if !["text/plain", "application/json", "text/x.enum"].contains(&kind) {
        return Err(refused(PLACE, "allowed mimetypes are `text/plain`, `application/json` and `text/x.enum`."));
    }
    let (place, schema) = match (&config.response_schema, &config.response_json_schema) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("Only one of response_schema and response_json_schema can be set."));
        }
        (None, None) => return Ok(()),
        (Some(schema), None) => ("response_schema", schema),
        (None, Some(schema)) => ("response_json_schema", schema),
    };
    if kind == "text/plain" {
        return Err(refused(PLACE, &format!("`application/json` or `text/x.enum` is needed with {place}.")));
    }
    match schema::malformed(schema) {
        Some(sentence) => Err(refused(&format!("generation_config.{place}"), &sentence)),
        None if kind == "application/json" && !is_object(schema) => {
            // The real API takes others too; the answers of this fake are objects, so a client that asks for
            // something else is told at once instead of by an answer that does not fit.
            Err(refused(
                &format!("generation_config.{place}"),
                "fake-gemini answers in objects: `type` must be object.",
            ))
        }
        None => Ok(()),
    }
}

fn is_object(schema: &Value) -> bool {
    schema["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("object"))
}

/// Numbers outside of what they can be; the sentences are our own.
fn ranges(config: &GenerationConfig) -> Result<(), ApiError> {
    let field = |name: &str, sentence: &str| Err(refused(&format!("generation_config.{name}"), sentence));
    if config.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
        return field("temperature", "temperature must be in the range [0.0, 2.0].");
    }
    if config.max_output_tokens.is_some_and(|tokens| tokens < 1) {
        return field("max_output_tokens", "max_output_tokens must be positive.");
    }
    if config.stop_sequences.len() > STOP_SEQUENCES_MAX {
        return field("stop_sequences", "at most 5 stop sequences are allowed.");
    }
    match config.logprobs {
        Some(_) if !config.response_logprobs => field("logprobs", "logprobs needs response_logprobs."),
        Some(logprobs) if !(0..=20).contains(&logprobs) => field("logprobs", "logprobs must be in the range [0, 20]."),
        _ => Ok(()),
    }
}
