//! Chat completions as OpenAI has them, which OpenRouter, Ollama, vLLM and many others understand too.
//!
//! Every field of an answer may be missing, `null` or new; errors come in the shapes of OpenAI, OpenRouter, vLLM and Ollama.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, InvalidHeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Delivery, End, Said, Usage, Wire, first_line};
use crate::inference::generator::failure::{DAY_QUOTA_ALONE, Failure, GenerateError, Repeat};
use crate::inference::generator::model::Quirk;

/// The API; its base address ends in `/v1` most often.
pub(in crate::inference::generator) struct OpenAi;

impl Wire for OpenAi {
    fn ask(&self, http: &Client, base: &str, asked: &Asked<'_>, delivery: Delivery) -> RequestBuilder {
        http.post(format!("{base}/chat/completions")).json(&request(asked, delivery))
    }

    fn look_up(&self, http: &Client, base: &str, _model: &str) -> RequestBuilder {
        // All of them: OpenRouter has no address for one, and not every endpoint has.
        http.get(format!("{base}/models"))
    }

    fn lists(&self, body: &[u8], model: &str) -> bool {
        let list: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(models) = list["data"].as_array() else {
            // Who lists nothing says nothing.
            return true;
        };
        // Ollama adds the tag that one may leave out.
        let is_it = |id: &str| id == model || id.strip_suffix(":latest") == Some(model);
        models.iter().filter_map(|listed| listed["id"].as_str()).any(is_it)
    }

    fn key(&self, key: &str) -> Result<(&'static str, HeaderValue), InvalidHeaderValue> {
        Ok(("authorization", HeaderValue::from_str(&format!("Bearer {key}"))?))
    }

    fn read(&self, body: &[u8]) -> Result<Said, Failure> {
        let response: Response =
            serde_json::from_slice(body).map_err(|error| Failure::never(GenerateError::Invalid(error.to_string())))?;
        // Some say with 200 that it failed.
        if let Some(error) = response.error {
            let status = error.status().unwrap_or(StatusCode::BAD_GATEWAY);
            return Err(failure(status, None, &error));
        }
        let usage = response.usage.unwrap_or_default();
        let thoughts = usage.completion_tokens_details.unwrap_or_default().reasoning_tokens.unwrap_or_default();
        let usage = Usage {
            prompt: usage.prompt_tokens.unwrap_or_default(),
            answer: usage.completion_tokens.unwrap_or_default().saturating_sub(thoughts),
            thoughts,
        };
        let Some(choice) = response.choices.unwrap_or_default().into_iter().next() else {
            return Ok(Said { usage, ..Said::default() });
        };
        let message = choice.message.unwrap_or_default();
        let end = match (message.refusal, choice.finish_reason) {
            (Some(refusal), _) => Some(End::Blocked(first_line(&refusal))),
            (None, Some(reason)) => Some(end(reason)),
            (None, None) => None,
        };
        Ok(Said { text: message.content.unwrap_or_default(), usage, end })
    }

    fn read_event(&self, data: &str) -> Result<Option<Said>, Failure> {
        // Not every endpoint says so at its end, and not every one that does hangs up then.
        if data == "[DONE]" { Ok(None) } else { self.read(data.as_bytes()).map(Some) }
    }

    fn failure(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let told = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        failure(status, told.map(Duration::from_secs), &ErrorBody::read(body))
    }
}

/// The body of a request; endpoints refuse fields that they do not know.
fn request(asked: &Asked<'_>, delivery: Delivery) -> Value {
    let Asked { prompt, model, temperature, tokens_max, quirks, .. } = asked;
    let instruction = if quirks.has(Quirk::Schema) {
        // Who knows no schema is told in words.
        format!("{}\n\nAnswer with one JSON object that fits this JSON schema:\n{}", prompt.instruction, prompt.schema)
    } else {
        prompt.instruction.clone()
    };
    let mut body = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": instruction },
            { "role": "user", "content": prompt.data },
        ],
        "response_format": if quirks.has(Quirk::Schema) {
            json!({ "type": "json_object" })
        } else {
            let schema = strict(&prompt.schema);
            json!({ "type": "json_schema", "json_schema": { "name": "reply", "strict": true, "schema": schema } })
        },
    });
    let limit = if quirks.has(Quirk::TokensMax) { "max_completion_tokens" } else { "max_tokens" };
    body[limit] = json!(tokens_max);
    if !quirks.has(Quirk::Temperature) {
        body["temperature"] = json!(temperature);
    }
    if delivery == Delivery::Stream {
        body["stream"] = json!(true);
        if !quirks.has(Quirk::StreamUsage) {
            body["stream_options"] = json!({ "include_usage": true });
        }
    }
    body
}

/// A schema as strict answers need it: no other properties, all of them required, and nothing that only Gemini or nobody checks.
fn strict(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let kept =
                fields.iter().filter(|(name, _)| !["propertyOrdering", "minimum", "maximum"].contains(&name.as_str()));
            let mut strict: serde_json::Map<String, Value> =
                kept.map(|(name, value)| (name.clone(), strict(value))).collect();
            if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
                // The properties' own names are no keywords of a schema.
                let of_each = properties.iter().map(|(name, schema)| (name.clone(), self::strict(schema)));
                strict.insert("properties".to_owned(), Value::Object(of_each.collect()));
                strict.insert("required".to_owned(), properties.keys().map(String::as_str).collect());
                strict.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            Value::Object(strict)
        }
        Value::Array(items) => items.iter().map(self::strict).collect(),
        plain => plain.clone(),
    }
}

/// Why the model stopped.
fn end(reason: String) -> End {
    match reason.as_str() {
        "stop" => End::Whole,
        "length" => End::Truncated,
        "content_filter" => End::Blocked(reason),
        _ => End::Other(reason),
    }
}

fn failure(status: StatusCode, told: Option<Duration>, error: &ErrorBody) -> Failure {
    let said = format!("{}: {}", status.as_u16(), first_line(&error.message));
    let message = error.message.to_lowercase();
    let without = |quirk| Failure { error: GenerateError::Refused(said.clone()), repeat: Repeat::Without(quirk) };
    match (status.as_u16(), error.code.as_str()) {
        (_, "content_filter" | "content_policy_violation") => {
            Failure::never(GenerateError::Blocked(error.code.clone()))
        }
        // Nothing is left to pay with.
        (402, _) | (429, "insufficient_quota") => {
            Failure { error: GenerateError::Quota(said), repeat: Repeat::NotFor(DAY_QUOTA_ALONE) }
        }
        (429, _) => Failure { error: GenerateError::Quota(said), repeat: told.map_or(Repeat::Soon, Repeat::After) },
        (400, _) if message.contains("max_completion_tokens") => without(Quirk::TokensMax),
        (400 | 422, _) if message.contains("temperature") => without(Quirk::Temperature),
        (400 | 422, _) if message.contains("stream_options") => without(Quirk::StreamUsage),
        (400 | 422, _) if message.contains("response_format") || message.contains("json_schema") => {
            without(Quirk::Schema)
        }
        _ => Failure::status(status, said),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Response {
    choices: Option<Vec<Choice>>,
    usage: Option<UsageBody>,
    error: Option<ErrorBody>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    /// In a stream what is new of it.
    #[serde(alias = "delta")]
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UsageBody {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    completion_tokens_details: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    reasoning_tokens: Option<u64>,
}

/// An error in any of its shapes.
#[derive(Debug, Default)]
struct ErrorBody {
    message: String,
    /// A word at OpenAI, a status at OpenRouter, nothing elsewhere.
    code: String,
}

impl ErrorBody {
    /// Reads the body of an error's answer; one that is no JSON, as from a proxy on the way, says nothing.
    fn read(body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        Self::of(value.get("error").unwrap_or(&value))
    }

    /// `{message, code}`, or the message alone.
    fn of(error: &Value) -> Self {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if error.is_string() {
            return Self { message: text(error), code: String::new() };
        }
        Self { message: text(&error["message"]), code: text(&error["code"]) }
    }

    /// The status that it stands for, where its code is one.
    fn status(&self) -> Option<StatusCode> {
        self.code.parse().ok().and_then(|code| StatusCode::from_u16(code).ok())
    }
}

impl<'de> Deserialize<'de> for ErrorBody {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|error| Self::of(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &Value) -> Failure {
        OpenAi.failure(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.to_string().as_bytes())
    }

    #[test]
    fn an_answer_is_read_whatever_is_missing_or_new() {
        let body = json!({
            "id": "c", "provider": "somebody", "choices": [{
                "message": { "role": "assistant", "content": "<think>Hm.</think>{\"a\": 1}", "refusal": null },
                "finish_reason": "stop", "native_finish_reason": "STOP", "logprobs": null }],
            "usage": { "prompt_tokens": 9, "completion_tokens": 7, "completion_tokens_details": { "reasoning_tokens": 4 } },
        });
        let said = OpenAi.read(body.to_string().as_bytes()).unwrap();
        assert_eq!(said.usage, Usage { prompt: 9, answer: 3, thoughts: 4 });
        assert_eq!(said.whole().unwrap(), "{\"a\": 1}");
        let bare = json!({ "choices": [{ "message": { "content": null }, "finish_reason": "length" }], "usage": null });
        assert_eq!(OpenAi.read(bare.to_string().as_bytes()).unwrap().end, Some(End::Truncated));
        assert_eq!(OpenAi.read(b"{}").unwrap(), Said::default());
    }

    #[test]
    fn a_stream_brings_what_is_new_and_may_end_with_a_word() {
        let chunk =
            json!({ "choices": [{ "delta": { "role": "assistant", "content": "{\"a" }, "finish_reason": null }] });
        let begun = Said { text: "{\"a".into(), ..Said::default() };
        assert_eq!(OpenAi.read_event(&chunk.to_string()).unwrap(), Some(begun));
        let counted = json!({ "choices": [], "usage": { "prompt_tokens": 9, "completion_tokens": 3 } });
        let usage = Usage { prompt: 9, answer: 3, thoughts: 0 };
        assert_eq!(OpenAi.read_event(&counted.to_string()).unwrap(), Some(Said { usage, ..Said::default() }));
        assert_eq!(OpenAi.read_event("[DONE]").unwrap(), None);
    }

    #[test]
    fn a_model_is_looked_for_in_the_list() {
        let list = json!({ "object": "list", "data": [{ "id": "gpt" }, { "id": "qwen3:latest" }] }).to_string();
        assert!(OpenAi.lists(list.as_bytes(), "gpt") && OpenAi.lists(list.as_bytes(), "qwen3"));
        assert!(!OpenAi.lists(list.as_bytes(), "gpt-9") && OpenAi.lists(b"{}", "gpt-9"));
    }

    #[test]
    fn a_refusal_and_a_filter_block() {
        let refusal = json!({ "choices": [{ "message": { "refusal": "I cannot." }, "finish_reason": "stop" }] });
        assert_eq!(OpenAi.read(refusal.to_string().as_bytes()).unwrap().end, Some(End::Blocked("I cannot.".into())));
        let filtered = refused(400, &json!({ "error": { "message": "No.", "code": "content_filter" } }));
        assert_eq!(filtered, Failure::never(GenerateError::Blocked("content_filter".into())));
    }

    #[test]
    fn errors_are_read_in_each_of_their_shapes() {
        for (body, said) in [
            (json!({ "error": { "message": "Gone.", "type": "x", "param": null, "code": null } }), "404: Gone."),
            (json!({ "error": { "message": "Gone.", "code": 404 }, "user_id": "u" }), "404: Gone."),
            (json!({ "object": "error", "message": "Gone.", "code": 404 }), "404: Gone."),
            (json!({ "error": "Gone." }), "404: Gone."),
            (json!("Gone."), "404: Gone."),
        ] {
            assert_eq!(refused(404, &body), Failure::never(GenerateError::Refused(said.into())), "{body}");
        }
        let within = json!({ "error": { "message": "Busy.", "code": 503 } });
        let failure = OpenAi.read(within.to_string().as_bytes()).unwrap_err();
        assert_eq!(failure.repeat, Repeat::Soon);
    }

    #[test]
    fn a_quota_says_when_to_come_back_or_that_nothing_is_left() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
        let minute = json!({ "error": { "message": "Slow.", "code": "rate_limit_exceeded" } }).to_string();
        let failure = OpenAi.failure(StatusCode::TOO_MANY_REQUESTS, &headers, minute.as_bytes());
        assert_eq!(failure.repeat, Repeat::After(Duration::from_secs(7)));
        let day = json!({ "error": { "message": "Pay.", "code": "insufficient_quota" } });
        assert_eq!(refused(429, &day).repeat, Repeat::NotFor(DAY_QUOTA_ALONE));
    }

    #[test]
    fn what_a_model_does_not_know_is_left_out() {
        let said = |message: &str| refused(400, &json!({ "error": { "message": message } })).repeat;
        let tokens = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        assert_eq!(said(tokens), Repeat::Without(Quirk::TokensMax));
        assert_eq!(said("'temperature' does not support 0 with this model."), Repeat::Without(Quirk::Temperature));
        assert_eq!(said("response_format of type json_schema is unknown."), Repeat::Without(Quirk::Schema));
        assert_eq!(said("Extra inputs are not permitted: stream_options"), Repeat::Without(Quirk::StreamUsage));
        assert_eq!(said("messages must not be empty"), Repeat::Never);
    }

    #[test]
    fn a_strict_schema_closes_every_object_and_keeps_properties_that_are_called_like_keywords() {
        let schema = json!({
            "type": "object", "propertyOrdering": ["maximum"],
            "properties": { "maximum": { "type": "array", "items": { "type": "object", "properties": {} } } },
        });
        let strict = strict(&schema);
        assert_eq!(strict["required"], json!(["maximum"]));
        assert_eq!(strict["additionalProperties"], false);
        assert_eq!(strict["properties"]["maximum"]["items"]["additionalProperties"], false);
        assert!(strict.get("propertyOrdering").is_none());
    }
}
