//! What a request for an answer says, as far as the fake reads it.

use serde::Deserialize;
use serde_json::Value;

/// The body of a request, after [`normalise`](crate::gemini::fields::normalise).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Request {
    pub(crate) system_instruction: Content,
    pub(crate) contents: Vec<Content>,
    pub(crate) generation_config: GenerationConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Content {
    pub(crate) role: String,
    pub(crate) parts: Vec<Part>,
}

/// One part; what is neither text nor a remark about it stays unread in `other`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Part {
    pub(crate) text: Option<String>,
    thought: bool,
    thought_signature: Option<String>,
    #[serde(flatten)]
    other: serde_json::Map<String, Value>,
}

impl Part {
    /// Whether it says anything at all: a thought's mark or a signature alone does not.
    pub(crate) fn has_data(&self) -> bool {
        self.text.is_some() || !self.other.is_empty()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GenerationConfig {
    pub(crate) stop_sequences: Vec<String>,
    pub(crate) max_output_tokens: Option<i64>,
    pub(crate) temperature: Option<f64>,
    pub(crate) response_mime_type: Option<String>,
    pub(crate) response_schema: Option<Value>,
    #[serde(alias = "_responseJsonSchema")]
    pub(crate) response_json_schema: Option<Value>,
    pub(crate) response_logprobs: bool,
    pub(crate) logprobs: Option<i64>,
    pub(crate) thinking_config: Option<ThinkingConfig>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ThinkingConfig {
    pub(crate) thinking_budget: Option<i64>,
    pub(crate) thinking_level: Option<String>,
}

impl Request {
    /// Whether JSON was asked for.
    pub(crate) fn wants_json(&self) -> bool {
        self.generation_config.response_mime_type.as_deref() == Some("application/json")
    }

    /// The text of the last part of the last turn that is not the model's.
    pub(crate) fn last_user_text(&self) -> &str {
        let turn = self.contents.iter().rev().find(|content| content.role != "model");
        turn.and_then(|turn| turn.parts.last()).and_then(|part| part.text.as_deref()).unwrap_or_default()
    }

    /// What the system instruction says.
    pub(crate) fn system_text(&self) -> String {
        texts(&self.system_instruction).collect::<Vec<_>>().join("\n")
    }

    /// Every text that is read as the prompt.
    pub(crate) fn prompt(&self) -> impl Iterator<Item = &str> {
        texts(&self.system_instruction).chain(self.contents.iter().flat_map(texts))
    }
}

fn texts(content: &Content) -> impl Iterator<Item = &str> {
    content.parts.iter().filter_map(|part| part.text.as_deref())
}
