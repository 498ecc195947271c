//! The same help centre, asked by a client of OpenAI's API.

use serde_json::{Value, json};

use crate::client::{KEY, MODEL, Reply, TestClient, http, question, schema, send};
use crate::reading::{Streamed, read};

/// What frames of this API end by.
pub(crate) const END: &str = "\n\n";

impl TestClient {
    pub(crate) fn post_completion(&self, body: &Value) -> reqwest::RequestBuilder {
        http().post(format!("{}/v1/chat/completions", self.gemini.url())).bearer_auth(KEY).json(body)
    }

    pub(crate) fn get_openai(&self, path: &str) -> reqwest::RequestBuilder {
        http().get(format!("{}/v1/{path}", self.gemini.url())).bearer_auth(KEY)
    }

    pub(crate) async fn complete(&self, body: &Value) -> Reply {
        send(self.post_completion(body)).await
    }

    pub(crate) async fn stream_completion(&self, body: &Value) -> Streamed {
        read(self.post_completion(&streaming(body))).await
    }
}

/// A request of Gemini's as one of OpenAI's, for JSON that is strict.
pub(crate) fn completion_of(gemini: &Value) -> Value {
    json!({
        "model": MODEL,
        "messages": [
            { "role": "system", "content": gemini["systemInstruction"]["parts"][0]["text"] },
            { "role": "user", "content": gemini["contents"][0]["parts"][0]["text"] },
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": { "name": "answer", "schema": strict(schema()), "strict": true },
        },
    })
}

/// A request that can be answered.
pub(crate) fn completion() -> Value {
    completion_of(&question())
}

/// The same as a stream that counts at its end.
pub(crate) fn streaming(body: &Value) -> Value {
    let mut body = body.clone();
    body["stream"] = true.into();
    body["stream_options"] = json!({ "include_usage": true });
    body
}

/// A schema whose objects allow nothing else.
pub(crate) fn strict(mut schema: Value) -> Value {
    schema["additionalProperties"] = false.into();
    schema["properties"]["sentences"]["items"]["additionalProperties"] = false.into();
    schema
}

impl Reply {
    /// The body of a 200, whose tokens add up.
    pub(crate) fn completion(&self) -> Value {
        assert_eq!((self.status, self.content_type.as_str()), (200, "application/json"), "{}", self.body);
        let body = self.json();
        assert_eq!(body["object"], "chat.completion");
        assert_adds_up(&body["usage"]);
        body
    }

    /// What the only choice says; none where it is null.
    pub(crate) fn content(&self) -> Option<String> {
        self.completion()["choices"][0]["message"]["content"].as_str().map(str::to_owned)
    }

    pub(crate) fn content_json(&self) -> Value {
        serde_json::from_str(&self.content().unwrap()).unwrap()
    }

    pub(crate) fn finish_reason(&self) -> String {
        self.completion()["choices"][0]["finish_reason"].as_str().unwrap().to_owned()
    }

    /// The error of an answer with this status and code.
    pub(crate) fn openai_error(&self, status: u16, code: Option<&str>) -> Value {
        let error = self.json()["error"].clone();
        let names: Vec<_> = error.as_object().unwrap().keys().collect();
        assert_eq!(names.len(), 4, "{names:?}");
        assert_eq!((self.status, error["code"].as_str()), (status, code), "{}", self.body);
        error
    }
}

pub(crate) fn assert_adds_up(usage: &Value) {
    let count = |name: &str| usage[name].as_u64().unwrap();
    let sum = count("prompt_tokens") + count("completion_tokens");
    let thoughts = usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap();
    let adds_up = count("total_tokens") == sum && thoughts <= count("completion_tokens");
    assert!(count("prompt_tokens") > 0 && adds_up, "{usage}");
}

/// The content of all events together.
pub(crate) fn content_of(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
}

/// The reasons of finishing, in order.
pub(crate) fn finishes(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["choices"][0]["finish_reason"].as_str()).collect()
}

/// The events of a stream that ends by `[DONE]`.
pub(crate) fn done(streamed: &Streamed, end: &str) -> Vec<Value> {
    let mut frames = streamed.frames(end);
    assert_eq!(frames.pop().as_deref(), Some("[DONE]"));
    frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect()
}
