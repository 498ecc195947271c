//! What goes over the wire to Gemini's `generateContent` and comes back.
//!
//! Source: the fields of `google.ai.generativelanguage.v1beta`. In an answer every field is optional and every name may be new.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::Thinking;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Who the model is and what it must keep to; never holds anything from outside.
    pub instruction: String,
    /// The question and what is to be answered from.
    pub data: String,
    /// The JSON schema of the answer.
    pub schema: Value,
}

/// The body of a request. Unknown fields are refused by the other side, so nothing is sent that is not needed.
pub(super) fn request(prompt: &Prompt, thinking: Thinking, temperature: f64, tokens_max: u32) -> Value {
    let mut config = json!({
        "temperature": temperature,
        "candidateCount": 1,
        "maxOutputTokens": tokens_max,
        "responseMimeType": "application/json",
        "responseJsonSchema": prompt.schema,
    });
    let level = match thinking {
        Thinking::Low => Some("LOW"),
        Thinking::Medium => Some("MEDIUM"),
        Thinking::High => Some("HIGH"),
        Thinking::Default => None,
    };
    if let Some(level) = level {
        config["thinkingConfig"] = json!({ "thinkingLevel": level });
    }
    // Customers write of abuse and of harm: only what is certain is to be stopped, and then a person takes over.
    let safety: Vec<Value> = ["HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT"]
        .iter()
        .map(|category| json!({ "category": format!("HARM_CATEGORY_{category}"), "threshold": "BLOCK_ONLY_HIGH" }))
        .collect();
    json!({
        "systemInstruction": { "parts": [{ "text": prompt.instruction }] },
        "contents": [{ "role": "user", "parts": [{ "text": prompt.data }] }],
        "generationConfig": config,
        "safetySettings": safety,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Response {
    pub candidates: Vec<Candidate>,
    pub prompt_feedback: PromptFeedback,
    pub usage_metadata: UsageMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Candidate {
    pub content: Content,
    pub finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content {
    pub parts: Vec<Part>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    pub text: String,
    pub thought: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PromptFeedback {
    pub block_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UsageMetadata {
    #[serde(rename = "promptTokenCount")]
    pub prompt: u64,
    #[serde(rename = "candidatesTokenCount")]
    pub candidates: u64,
    #[serde(rename = "thoughtsTokenCount")]
    pub thoughts: u64,
}

/// Tokens that a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Of the prompt.
    pub prompt: u64,
    /// Of the answer.
    pub answer: u64,
    /// Of the hidden thoughts, which cost as much as the answer's.
    pub thoughts: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            prompt: self.prompt.saturating_add(other.prompt),
            answer: self.answer.saturating_add(other.answer),
            thoughts: self.thoughts.saturating_add(other.thoughts),
        }
    }
}

impl From<UsageMetadata> for Usage {
    fn from(usage: UsageMetadata) -> Self {
        Self { prompt: usage.prompt, answer: usage.candidates, thoughts: usage.thoughts }
    }
}

impl Candidate {
    /// What the model says, without what it thinks.
    pub fn text(&self) -> String {
        self.content.parts.iter().filter(|part| !part.thought).map(|part| part.text.as_str()).collect()
    }
}

/// An error's body: an object, or an array with that object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    pub error: ErrorStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorStatus {
    pub message: String,
    pub status: String,
    pub details: Vec<Value>,
}

impl ErrorBody {
    /// Reads an error; one that is no JSON, as from a proxy on the way, has no details.
    pub fn read(body: &[u8]) -> Self {
        // The array first: it could be read as an object too, as the list of its fields.
        serde_json::from_slice::<[Self; 1]>(body)
            .map(|[error]| error)
            .or_else(|_| serde_json::from_slice::<Self>(body))
            .unwrap_or_default()
    }
}
