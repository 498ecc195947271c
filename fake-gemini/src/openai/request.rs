//! What a request for a completion says.
//!
//! Only fields that every endpoint of this API knows are read; others are refused, so that a client which relies on one
//! is found out here and not at somebody's endpoint.

use serde::Deserialize;
use serde_json::Value;

use crate::limits::Limits;
use crate::openai::error::Refusal;
use crate::speech::Prompt;

const FIELDS: [&str; 10] = [
    "model",
    "messages",
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "response_format",
    "stream",
    "stream_options",
    "stop",
    "seed",
];

/// The body of `chat/completions`. Null is the same as not there.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) model: String,
    pub(crate) messages: Vec<Message>,
    pub(crate) temperature: Option<f64>,
    pub(crate) max_tokens: Option<i64>,
    pub(crate) max_completion_tokens: Option<i64>,
    pub(crate) response_format: Option<ResponseFormat>,
    pub(crate) stream: Option<bool>,
    pub(crate) stream_options: Option<StreamOptions>,
    #[serde(default, deserialize_with = "stops")]
    pub(crate) stop: Vec<String>,
    #[serde(rename = "seed")]
    _seed: Option<i64>,
}

/// One message; a content in parts is not faked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) content: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    System,
    User,
    Assistant,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ResponseFormat {
    Text {},
    JsonObject {},
    JsonSchema { json_schema: JsonSchema },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonSchema {
    pub(crate) name: String,
    #[serde(rename = "description")]
    _description: Option<String>,
    pub(crate) schema: Value,
    pub(crate) strict: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamOptions {
    pub(crate) include_usage: Option<bool>,
}

impl Request {
    /// Reads a body. What its fields hold is checked later.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let body: Value = serde_json::from_slice(body).map_err(|_| {
            Refusal::invalid(
                "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
                 library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
            )
        })?;
        let unknown = body.as_object().and_then(|fields| fields.keys().find(|name| !FIELDS.contains(&name.as_str())));
        if let Some(name) = unknown {
            return Err(Refusal::invalid(format!("Unrecognized request argument supplied: {name}")));
        }
        for name in ["model", "messages"] {
            if body[name].is_null() {
                let message = format!("Missing required parameter: '{name}'.");
                return Err(Refusal::invalid(message).at(name).coded("missing_required_parameter"));
            }
        }
        // Our own sentence: the real API names the place.
        Self::deserialize(&body)
            .map_err(|error| Refusal::invalid(format!("Invalid type: {error}")).coded("invalid_type"))
    }

    pub(crate) fn streams(&self) -> bool {
        self.stream == Some(true)
    }

    /// Whether a stream is to say at its end how many tokens it took.
    pub(crate) fn includes_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage) == Some(true)
    }

    pub(crate) fn schema(&self) -> Option<&Value> {
        match &self.response_format {
            Some(ResponseFormat::JsonSchema { json_schema }) => Some(&json_schema.schema),
            _ => None,
        }
    }

    /// What decides what is said.
    pub(crate) fn asks(&self) -> Prompt<'_> {
        let said_by = |role: Role| self.messages.iter().filter(move |message| message.role == role);
        let text = said_by(Role::User).next_back().map_or("", |message| message.content.as_str());
        let system: Vec<&str> = said_by(Role::System).map(|message| message.content.as_str()).collect();
        let json =
            matches!(self.response_format, Some(ResponseFormat::JsonObject {} | ResponseFormat::JsonSchema { .. }));
        Prompt { text, system: system.join("\n"), json, schema: self.schema() }
    }

    pub(crate) fn limits(&self) -> Limits<'_> {
        let tokens_max = self.max_completion_tokens.or(self.max_tokens);
        Limits { stops: &self.stop, tokens_max: tokens_max.and_then(|tokens| u64::try_from(tokens).ok()) }
    }
}

/// One stop sequence, several, or none.
fn stops<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stops {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Option::deserialize(deserializer)? {
        None => Vec::new(),
        Some(Stops::One(stop)) => vec![stop],
        Some(Stops::Several(stops)) => stops,
    })
}
