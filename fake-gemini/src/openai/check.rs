//! What the API refuses although every field is one of its own.

use serde_json::Value;

use crate::openai::error::Refusal;
use crate::openai::request::{JsonSchema, Request, ResponseFormat, Role};
use crate::schema;

/// The most stop sequences that the API takes.
const STOPS_MAX: usize = 4;
/// The longest name of a schema.
const SCHEMA_NAME_BYTES_MAX: usize = 64;

/// Checks a request as the real API does, in its words where they are known.
pub(crate) fn check(request: &Request) -> Result<(), Refusal> {
    messages(request)?;
    ranges(request)?;
    match &request.response_format {
        Some(ResponseFormat::JsonObject {}) => says_json(request),
        Some(ResponseFormat::JsonSchema { json_schema }) => format(json_schema),
        Some(ResponseFormat::Text {}) | None => Ok(()),
    }
}

fn messages(request: &Request) -> Result<(), Refusal> {
    if request.messages.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty \
                       array instead.";
        return Err(Refusal::invalid(message).at("messages").coded("empty_array"));
    }
    // The real API takes an empty content from some models only. A client that sends one has lost it.
    if let Some(at) = request.messages.iter().position(|message| message.content.trim().is_empty()) {
        let message = format!("Invalid 'messages[{at}].content': the content must not be empty.");
        return Err(Refusal::invalid(message).at(format!("messages[{at}].content")).coded("empty_string"));
    }
    if !request.messages.iter().any(|message| message.role == Role::User) {
        // Our own sentence: some endpoints take this, and answer nothing of use.
        return Err(Refusal::invalid("fake-gemini: there is no message of the role user.").at("messages"));
    }
    Ok(())
}

fn ranges(request: &Request) -> Result<(), Refusal> {
    if request.max_tokens.is_some() && request.max_completion_tokens.is_some() {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(Refusal::invalid(message).coded("invalid_parameter_combination"));
    }
    let limits =
        [("max_tokens", request.max_tokens), ("max_completion_tokens", request.max_completion_tokens)].into_iter();
    if let Some((name, tokens)) =
        limits.filter_map(|(name, tokens)| Some((name, tokens?))).find(|(_, tokens)| *tokens < 1)
    {
        let message =
            format!("Invalid '{name}': integer below minimum value. Expected a value >= 1, but got {tokens} instead.");
        return Err(Refusal::invalid(message).at(name).coded("integer_below_min_value"));
    }
    if let Some(temperature) = request.temperature.filter(|temperature| !(0.0..=2.0).contains(temperature)) {
        let (side, bound, code) = if temperature < 0.0 {
            ("below minimum", ">= 0", "decimal_below_min_value")
        } else {
            ("above maximum", "<= 2", "decimal_above_max_value")
        };
        let message = format!(
            "Invalid 'temperature': decimal {side} value. Expected a value {bound}, but got {temperature} instead."
        );
        return Err(Refusal::invalid(message).at("temperature").coded(code));
    }
    if request.stop.len() > STOPS_MAX {
        let message = format!(
            "Invalid 'stop': array too long. Expected an array with maximum length {STOPS_MAX}, but got an array with \
             length {} instead.",
            request.stop.len()
        );
        return Err(Refusal::invalid(message).at("stop").coded("array_above_max_length"));
    }
    if request.stream_options.is_some() && !request.streams() {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(Refusal::invalid(message).at("stream_options"));
    }
    Ok(())
}

/// Without the word, models that were asked for JSON wrote spaces until their tokens were used up.
fn says_json(request: &Request) -> Result<(), Refusal> {
    if request.messages.iter().any(|message| message.content.to_lowercase().contains("json")) {
        return Ok(());
    }
    let message = "'messages' must contain the word 'json' in some form, to use 'response_format' of type \
                   'json_object'.";
    Err(Refusal::invalid(message).at("messages"))
}

fn format(format: &JsonSchema) -> Result<(), Refusal> {
    let named = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if format.name.is_empty() || format.name.len() > SCHEMA_NAME_BYTES_MAX || !format.name.chars().all(named) {
        let message = "Invalid 'response_format.json_schema.name': string does not match pattern. Expected a string \
                       that matches the pattern '^[a-zA-Z0-9_-]+$'.";
        return Err(Refusal::invalid(message).at("response_format.json_schema.name").coded("invalid_value"));
    }
    let wrong = schema::malformed(&format.schema).or_else(|| match &format.schema["type"] {
        kind if kind == "object" => None,
        kind => Some(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: {kind}'.")),
    });
    let wrong = wrong.or_else(|| (format.strict == Some(true)).then(|| lax(&format.schema)).flatten());
    match wrong {
        None => Ok(()),
        Some(sentence) => {
            let message = format!("Invalid schema for response_format '{}': {sentence}", format.name);
            Err(Refusal::invalid(message).at("response_format"))
        }
    }
}

/// What of a schema is not strict: every object has to name all of its members, require them and allow no others.
fn lax(schema: &Value) -> Option<String> {
    if schema["type"] == "object" {
        if schema["additionalProperties"] != false {
            return Some("'additionalProperties' is required to be supplied and to be false.".to_owned());
        }
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        let missing = schema["properties"].as_object().into_iter().flat_map(|properties| properties.keys());
        let mut missing = missing.filter(|name| !required.contains(&Value::from(name.as_str())));
        if let Some(name) = missing.next() {
            return Some(format!(
                "'required' is required to be supplied and to be an array including every key in properties. Missing \
                 '{name}'."
            ));
        }
    }
    schema.as_object().and_then(|members| schema::below(members).find_map(lax))
}
