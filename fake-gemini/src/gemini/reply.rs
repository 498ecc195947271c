//! The answers that are no errors, as the API shapes them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::gemini::request::Request;
use crate::limits::{End, Limits, first_half, tokens};
use crate::speech::{THOUGHT, THOUGHTS_WITHOUT_LIMIT};

/// One request to be answered, and what its answers have in common.
pub(crate) struct Exchange<'a> {
    pub(crate) model: &'a str,
    pub(crate) request: &'a Request,
    /// Of the seed, the model and the body: equal requests get equal answers.
    digest: [u8; 32],
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(seed: u64, model: &'a str, body: &Value, request: &'a Request) -> Self {
        let digest = Sha256::digest(format!("{seed} {model} {body}").as_bytes()).into();
        Self { model, request, digest }
    }

    pub(crate) fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// What stands where the real API signs its thoughts.
    pub(crate) fn signature(&self) -> String {
        STANDARD.encode(self.digest)
    }

    /// The text, as far as the limits of the request let it through.
    pub(crate) fn text(&self, text: &str) -> Value {
        let (text, finish) = self.limited(text, 0);
        self.candidate(&[json!({ "text": text })], finish, &text, 0)
    }

    /// A thought, and the text in two parts of which the last is signed, as a thinking model may send it.
    pub(crate) fn thinking(&self, text: &str) -> Value {
        let thoughts = tokens(THOUGHT);
        let (text, finish) = self.limited(text, thoughts);
        let (first, second) = text.split_at(first_half(&text).len());
        let signature = self.signature();
        let mut parts = vec![json!({ "text": THOUGHT, "thought": true })];
        if !text.is_empty() {
            parts.extend([json!({ "text": first }), json!({ "text": second, "thoughtSignature": signature })]);
        }
        self.candidate(&parts, finish, &text, thoughts)
    }

    /// Nothing but thoughts until the allowance was used up.
    pub(crate) fn all_thought(&self) -> Value {
        let parts = [json!({ "text": THOUGHT, "thought": true })];
        self.candidate(&parts, "MAX_TOKENS", "", self.limits().tokens_max.unwrap_or(THOUGHTS_WITHOUT_LIMIT))
    }

    /// The text as one that was cut off, whatever the limits of the request are.
    pub(crate) fn cut(&self, text: &str) -> Value {
        self.candidate(&[json!({ "text": text })], "MAX_TOKENS", text, 0)
    }

    /// No candidates, because of what was asked.
    pub(crate) fn blocked_prompt(&self) -> Value {
        let feedback = json!({ "blockReason": "SAFETY", "safetyRatings": [dangerous()] });
        self.envelope(json!({ "promptFeedback": feedback }), 0, 0)
    }

    /// A candidate without content, because of what would have been answered.
    pub(crate) fn blocked_output(&self) -> Value {
        let candidate = json!({ "finishReason": "SAFETY", "index": 0, "safetyRatings": [dangerous()] });
        self.envelope(json!({ "candidates": [candidate] }), 0, 0)
    }

    /// A candidate without content, because it repeated a source.
    pub(crate) fn recitation(&self) -> Value {
        let source = json!({ "startIndex": 0, "endIndex": 120, "uri": "https://example.com/", "license": "" });
        let citations = json!({ "citationSources": [source] });
        let candidate = json!({ "finishReason": "RECITATION", "index": 0, "citationMetadata": citations });
        self.envelope(json!({ "candidates": [candidate] }), 0, 0)
    }

    /// A content with a role and no parts.
    pub(crate) fn empty_parts(&self) -> Value {
        let candidate = json!({ "content": { "role": "model" }, "finishReason": "STOP", "index": 0 });
        self.envelope(json!({ "candidates": [candidate] }), 0, 0)
    }

    /// The text, in an answer of an API that has grown since a client was written.
    pub(crate) fn unknown_enum(&self, text: &str) -> Value {
        let mut reply = self.text(text);
        reply["candidates"][0]["finishReason"] = "SUPERSEDED_BY_LATER_THOUGHT".into();
        reply["candidates"][0]["safetyRatings"] =
            json!([{ "category": "HARM_CATEGORY_UNHEARD_OF", "probability": "MEASURED", "blocked": false }]);
        reply["candidates"][0]["novelty"] = json!({ "unheardOf": [1, 2, 3] });
        reply["usageMetadata"]["promptTokensDetails"][0]["modality"] = "SMELL".into();
        reply["usageMetadata"]["serviceTier"] = "unheard-of".into();
        reply
    }

    fn candidate(&self, parts: &[Value], finish: &str, text: &str, thoughts: u64) -> Value {
        let content = json!({ "parts": parts, "role": "model" });
        let candidate = json!({ "content": content, "finishReason": finish, "index": 0 });
        self.envelope(json!({ "candidates": [candidate] }), tokens(text), thoughts)
    }

    /// What stands around every answer. Counts of nothing are left out, as in protobuf's JSON.
    fn envelope(&self, mut reply: Value, candidates: u64, thoughts: u64) -> Value {
        let prompt = self.request.prompt().map(tokens).sum::<u64>();
        let mut usage = json!({
            "promptTokenCount": prompt,
            "totalTokenCount": prompt + candidates + thoughts,
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": prompt }],
            "serviceTier": "standard",
        });
        for (name, count) in [("candidatesTokenCount", candidates), ("thoughtsTokenCount", thoughts)] {
            if count > 0 {
                usage[name] = count.into();
            }
        }
        reply["usageMetadata"] = usage;
        reply["modelVersion"] = self.model.into();
        reply["responseId"] = URL_SAFE_NO_PAD.encode(&self.digest[..15]).into();
        reply
    }

    /// What of `text` is within the limits of the request, and why it ends.
    fn limited(&self, text: &str, thoughts: u64) -> (String, &'static str) {
        let (text, end) = self.limits().cut(text, thoughts);
        let finish = match end {
            End::Stop => "STOP",
            End::Length => "MAX_TOKENS",
        };
        (text, finish)
    }

    fn limits(&self) -> Limits<'_> {
        let config = &self.request.generation_config;
        let tokens_max = config.max_output_tokens.and_then(|limit| u64::try_from(limit).ok());
        Limits { stops: &config.stop_sequences, tokens_max }
    }
}

fn dangerous() -> Value {
    json!({ "category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true })
}
