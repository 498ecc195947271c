//! The fields that a request may have, in either spelling, and the errors for those that it may not.
//!
//! The real API reads both `maxOutputTokens` and `max_output_tokens`, takes null for "not there" and one element for a
//! list of one, and refuses what it does not know. Places in its errors are in snake_case.

use serde_json::{Map, Value};

use crate::gemini::error::ApiError;

/// What a field holds.
enum Kind {
    Text,
    Number,
    Integer,
    Bool,
    /// The enum's full name below `v1beta`, and its values.
    Enum(&'static str, &'static [&'static str]),
    List(&'static Kind),
    Message(&'static [Field]),
    /// Read by nobody here, or, as a schema, not spelled in the API's own names.
    Any,
}

type Field = (&'static str, Kind);

const TEXTS: Kind = Kind::List(&Kind::Text);

const REQUEST: &[Field] = &[
    ("model", Kind::Text),
    ("systemInstruction", Kind::Message(CONTENT)),
    ("contents", Kind::List(&Kind::Message(CONTENT))),
    ("generationConfig", Kind::Message(GENERATION_CONFIG)),
    ("safetySettings", Kind::List(&Kind::Message(SAFETY_SETTING))),
    ("tools", Kind::Any),
    ("toolConfig", Kind::Any),
    ("cachedContent", Kind::Text),
    ("serviceTier", Kind::Text),
    ("store", Kind::Bool),
];

const CONTENT: &[Field] = &[("role", Kind::Text), ("parts", Kind::List(&Kind::Message(PART)))];

const PART: &[Field] = &[
    ("text", Kind::Text),
    ("thought", Kind::Bool),
    ("thoughtSignature", Kind::Text),
    ("inlineData", Kind::Any),
    ("fileData", Kind::Any),
    ("functionCall", Kind::Any),
    ("functionResponse", Kind::Any),
    ("executableCode", Kind::Any),
    ("codeExecutionResult", Kind::Any),
    ("videoMetadata", Kind::Any),
    ("partMetadata", Kind::Any),
    ("mediaResolution", Kind::Any),
];

const GENERATION_CONFIG: &[Field] = &[
    ("candidateCount", Kind::Integer),
    ("stopSequences", TEXTS),
    ("maxOutputTokens", Kind::Integer),
    ("temperature", Kind::Number),
    ("topP", Kind::Number),
    ("topK", Kind::Integer),
    ("seed", Kind::Integer),
    ("responseMimeType", Kind::Text),
    ("responseSchema", Kind::Any),
    ("responseJsonSchema", Kind::Any),
    ("_responseJsonSchema", Kind::Any),
    ("presencePenalty", Kind::Number),
    ("frequencyPenalty", Kind::Number),
    ("responseLogprobs", Kind::Bool),
    ("logprobs", Kind::Integer),
    ("enableEnhancedCivicAnswers", Kind::Bool),
    ("responseModalities", TEXTS),
    ("speechConfig", Kind::Any),
    ("imageConfig", Kind::Any),
    ("mediaResolution", Kind::Any),
    ("thinkingConfig", Kind::Message(THINKING_CONFIG)),
];

const THINKING_CONFIG: &[Field] = &[
    ("includeThoughts", Kind::Bool),
    ("thinkingBudget", Kind::Integer),
    (
        "thinkingLevel",
        Kind::Enum("ThinkingConfig.ThinkingLevel", &["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH"]),
    ),
];

const SAFETY_SETTING: &[Field] = &[
    (
        "category",
        Kind::Enum(
            "HarmCategory",
            &[
                "HARM_CATEGORY_HARASSMENT",
                "HARM_CATEGORY_HATE_SPEECH",
                "HARM_CATEGORY_SEXUALLY_EXPLICIT",
                "HARM_CATEGORY_DANGEROUS_CONTENT",
                "HARM_CATEGORY_CIVIC_INTEGRITY",
                "HARM_CATEGORY_JAILBREAK",
            ],
        ),
    ),
    (
        "threshold",
        Kind::Enum(
            "SafetySetting.HarmBlockThreshold",
            &["BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"],
        ),
    ),
];

/// A place, empty at the top, and the sentence about what is wrong there.
type Violation = (String, String);

/// Gives the body of a request in camelCase, without nulls, with lists where lists belong and enum values in capitals.
///
/// # Errors
/// One error with a sentence for each field that is unknown or holds what it cannot hold.
pub(crate) fn normalise(body: &Value) -> Result<Value, ApiError> {
    let mut violations = Vec::new();
    let normal = message(REQUEST, body, "", &mut violations);
    if violations.is_empty() { Ok(normal) } else { Err(ApiError::fields(&violations)) }
}

fn message(fields: &'static [Field], value: &Value, place: &str, violations: &mut Vec<Violation>) -> Value {
    let Value::Object(given) = value else {
        // Our own sentence: no recorded answer shows the real one.
        let sentence = format!("Invalid value at '{place}', an object is expected.");
        violations.push((place.to_owned(), sentence));
        return Value::Null;
    };
    let mut normal = Map::new();
    for (name, value) in given {
        let known = fields.iter().find(|(field, _)| field == name || snake_case(field) == *name);
        let Some((field, kind)) = known else {
            let at = if place.is_empty() { String::new() } else { format!(" at '{place}'") };
            let sentence = format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field.");
            violations.push((place.to_owned(), sentence));
            continue;
        };
        if !value.is_null() {
            let below = if place.is_empty() { snake_case(field) } else { format!("{place}.{}", snake_case(field)) };
            normal.insert((*field).to_owned(), read(kind, value, &below, violations));
        }
    }
    Value::Object(normal)
}

fn read(kind: &'static Kind, value: &Value, place: &str, violations: &mut Vec<Violation>) -> Value {
    let mut refuse = |kind: &str| {
        violations.push((place.to_owned(), format!("Invalid value at '{place}' ({kind}), {value}")));
        Value::Null
    };
    match kind {
        Kind::Any => value.clone(),
        Kind::Text if value.is_string() => value.clone(),
        Kind::Number if value.is_number() => value.clone(),
        Kind::Integer if value.is_i64() => value.clone(),
        Kind::Bool if value.is_boolean() => value.clone(),
        Kind::Text => refuse("TYPE_STRING"),
        Kind::Number => refuse("TYPE_FLOAT"),
        Kind::Integer => refuse("TYPE_INT32"),
        Kind::Bool => refuse("TYPE_BOOL"),
        Kind::Enum(name, values) => {
            let upper = value.as_str().map(str::to_ascii_uppercase).unwrap_or_default();
            if values.contains(&upper.as_str()) {
                upper.into()
            } else {
                refuse(&format!("type.googleapis.com/google.ai.generativelanguage.v1beta.{name}"))
            }
        }
        Kind::List(element) => match value {
            Value::Array(values) => {
                let values = values.iter().enumerate();
                values.map(|(at, value)| read(element, value, &format!("{place}[{at}]"), violations)).collect()
            }
            one => vec![read(element, one, place, violations)].into(),
        },
        Kind::Message(fields) => message(fields, value, place, violations),
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_spellings_are_read_and_nulls_are_left_out() {
        let schema = json!({ "type": "object", "properties": { "snake_name": { "type": "string" } } });
        let body = json!({
            "contents": { "parts": { "text": "hi" } },
            "tools": null,
            "generation_config": {
                "max_output_tokens": 9,
                "response_json_schema": schema,
                "thinkingConfig": { "thinking_level": "low" },
            },
        });
        let normal = json!({
            "contents": [{ "parts": [{ "text": "hi" }] }],
            "generationConfig": {
                "maxOutputTokens": 9,
                "responseJsonSchema": schema,
                "thinkingConfig": { "thinkingLevel": "LOW" },
            },
        });
        assert_eq!(normalise(&body).unwrap(), normal);
    }

    #[test]
    fn every_wrong_field_is_named_with_its_place() {
        let body = json!({
            "stream": true,
            "contents": [{ "parts": [{ "txt": "hi" }] }],
            "generationConfig": { "maxTokens": 3, "thinkingConfig": { "thinkingLevel": "BOGUS" }, "topK": "many" },
        });
        let mut violations = Vec::new();
        message(REQUEST, &body, "", &mut violations);
        violations.sort();
        let expected = [
            ("", "Invalid JSON payload received. Unknown name \"stream\": Cannot find field."),
            (
                "contents[0].parts[0]",
                "Invalid JSON payload received. Unknown name \"txt\" at 'contents[0].parts[0]': Cannot find field.",
            ),
            (
                "generation_config",
                "Invalid JSON payload received. Unknown name \"maxTokens\" at 'generation_config': Cannot find field.",
            ),
            (
                "generation_config.thinking_config.thinking_level",
                "Invalid value at 'generation_config.thinking_config.thinking_level' \
                 (type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingConfig.ThinkingLevel), \"BOGUS\"",
            ),
            ("generation_config.top_k", "Invalid value at 'generation_config.top_k' (TYPE_INT32), \"many\""),
        ];
        assert_eq!(violations, expected.map(|(place, sentence)| (place.to_owned(), sentence.to_owned())));
    }
}
