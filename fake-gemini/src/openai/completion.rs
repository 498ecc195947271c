//! An answer as the API shapes it in one piece, and what its chunks have in common with it.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::scenario::Plain;

/// When every answer was made, in seconds since 1970: equal requests get equal answers.
const CREATED: u64 = 1_790_000_000;

/// One answer.
pub(crate) struct Completion {
    /// Whose endpoint answers.
    pub(crate) flavour: Plain,
    pub(crate) model: String,
    /// What was thought, where it is shown.
    pub(crate) reasoning: Option<&'static str>,
    pub(crate) content: Option<String>,
    pub(crate) finish: &'static str,
    pub(crate) usage: Usage,
    /// Of the seed and the body.
    pub(crate) digest: [u8; 32],
}

/// Tokens; those of `completion` hold those of `reasoning`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
    pub(crate) reasoning: u64,
}

impl Completion {
    /// An empty one.
    pub(crate) fn new(seed: u64, model: &str, body: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(format!("{seed} ")).chain_update(body).finalize().into();
        Self {
            flavour: Plain::OkJson,
            model: model.to_owned(),
            reasoning: None,
            content: None,
            finish: "stop",
            usage: Usage::default(),
            digest,
        }
    }

    /// The answer in one piece.
    pub(crate) fn whole(&self) -> Value {
        let mut message = json!({ "role": "assistant", "content": self.content, "refusal": null });
        if let Some(reasoning) = self.reasoning {
            message["reasoning_content"] = reasoning.into();
        }
        let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": self.finish });
        let mut whole = self.envelope("chat.completion", &self.choices(choice));
        whole["usage"] = self.usage();
        whole
    }

    /// One chunk of the answer, with what is new in it.
    pub(crate) fn chunk(&self, delta: &Value, finish: Option<&str>) -> Value {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        self.envelope("chat.completion.chunk", &self.choices(choice))
    }

    /// The chunk that only counts, without choices.
    pub(crate) fn usage_chunk(&self) -> Value {
        let mut chunk = self.envelope("chat.completion.chunk", &json!([]));
        chunk["usage"] = self.usage();
        chunk
    }

    pub(crate) fn usage(&self) -> Value {
        let Usage { prompt, completion, reasoning } = self.usage;
        let mut usage = json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": { "cached_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": reasoning },
        });
        if self.flavour == Plain::OpenRouter {
            usage["cost"] = 0.0001.into();
        }
        usage
    }

    fn choices(&self, mut choice: Value) -> Value {
        if self.flavour == Plain::OpenRouter {
            choice["native_finish_reason"] = choice["finish_reason"].as_str().map(str::to_ascii_uppercase).into();
        }
        json!([choice])
    }

    fn envelope(&self, object: &str, choices: &Value) -> Value {
        let id = hex::encode(&self.digest[..12]);
        let mut envelope = json!({
            "id": format!("chatcmpl-{id}"),
            "object": object,
            "created": CREATED,
            "model": self.model,
            "choices": choices,
        });
        match self.flavour {
            Plain::OpenRouter => {
                envelope["id"] = format!("gen-{id}").into();
                envelope["provider"] = "Fake".into();
            }
            Plain::UnknownEnum => {
                envelope["service_tier"] = "unheard-of".into();
                envelope["novelty"] = json!({ "unheard_of": [1, 2, 3] });
            }
            _ => envelope["system_fingerprint"] = "fp_fake".into(),
        }
        envelope
    }
}
