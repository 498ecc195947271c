//! A client that sends what Candor will send, and a small help centre to ask about.

use std::fmt::Write as _;
use std::net::SocketAddr;

use fake_gemini::{FakeGemini, Script, Settings};
use serde_json::{Value, json};

pub(crate) const KEY: &str = "a-key-that-no-log-may-hold";
pub(crate) const MODEL: &str = "gemini-3.8-flash";

pub(crate) const QUESTION: &str = "Within how many days can I return a bicycle?";
pub(crate) const RETURN: &str = "You can return a bicycle within 30 days.";

/// A fake and a client of it.
pub(crate) struct TestClient {
    pub(crate) gemini: FakeGemini,
    http: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl TestClient {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { keys: vec![KEY.to_owned()], ..Settings::default() };
        change(&mut settings);
        Self { gemini: FakeGemini::start(settings).await.unwrap(), http: http() }
    }

    /// With a script that is written as in a header.
    pub(crate) async fn scripted(script: &str) -> Self {
        let script: Script = script.parse().unwrap();
        Self::with(|settings| settings.script = script).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gemini.url().strip_prefix("http://").unwrap().parse().unwrap()
    }

    pub(crate) fn post(&self, model: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/v1beta/models/{model}:generateContent", self.gemini.url());
        self.http.post(url).header("x-goog-api-key", KEY).json(body)
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.gemini.url())).header("x-goog-api-key", KEY)
    }

    pub(crate) async fn ask(&self, body: &Value) -> Reply {
        send(self.post(MODEL, body)).await
    }

    /// The answer to [`question`], by the script that the fake has.
    pub(crate) async fn answer(&self) -> Reply {
        self.ask(&question()).await
    }
}

/// A client that reaches the fake also where a proxy is set.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    Reply { status: response.status().as_u16(), content_type, body: response.text().await.unwrap() }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The body of a 200, whose tokens add up.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!((self.status, self.content_type.as_str()), (200, "application/json"), "{}", self.body);
        let body = self.json();
        let usage = &body["usageMetadata"];
        let count = |name: &str| usage[name].as_u64().unwrap_or_default();
        let sum = count("promptTokenCount") + count("candidatesTokenCount") + count("thoughtsTokenCount");
        assert!(count("promptTokenCount") > 0 && count("totalTokenCount") == sum, "{usage}");
        body
    }

    /// The text of the only candidate, as a client puts it together.
    pub(crate) fn text(&self) -> String {
        let body = self.ok();
        let parts = body["candidates"][0]["content"]["parts"].as_array().unwrap();
        let said = parts.iter().filter(|part| part["thought"] != true);
        said.map(|part| part["text"].as_str().unwrap()).collect()
    }

    /// The text as JSON.
    pub(crate) fn answer(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    pub(crate) fn finish(&self) -> String {
        self.ok()["candidates"][0]["finishReason"].as_str().unwrap().to_owned()
    }

    /// The error of an answer with this code and status.
    pub(crate) fn error(&self, code: u16, status: &str) -> Value {
        let error = self.json()["error"].clone();
        let expected = (code, Some(u64::from(code)), Some(status));
        assert_eq!((self.status, error["code"].as_u64(), error["status"].as_str()), expected, "{}", self.body);
        error
    }

    /// The sentence of a 400.
    pub(crate) fn refusal(&self) -> String {
        self.error(400, "INVALID_ARGUMENT")["message"].as_str().unwrap().to_owned()
    }
}

/// The schema of an answer, as Candor will send it.
pub(crate) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "sentences": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "text": { "type": "string" },
                        "passages": { "type": "array", "items": { "type": "integer" } },
                    },
                    "required": ["text", "passages"],
                },
            },
            "evidence": { "type": "string", "enum": ["sufficient", "partial", "insufficient"] },
            "unanswered": { "type": "string" },
            "confidence": { "type": "number", "minimum": 0, "maximum": 1 },
        },
        "required": ["sentences", "evidence", "unanswered", "confidence"],
    })
}

/// A request that asks for JSON about `passages`.
pub(crate) fn about(question: &str, passages: &[&str]) -> Value {
    let passages: Vec<Value> = passages
        .iter()
        .zip(1..)
        .map(|(text, number)| json!({ "number": number, "title": "Help", "text": text }))
        .collect();
    let mut prompt = "Answer only from these passages.\n".to_owned();
    write!(prompt, "{}\nEnd of the data.", json!({ "question": question, "passages": passages })).unwrap();
    json!({
        "systemInstruction": { "parts": [{ "text": "You are the support of Tarnwheel." }] },
        "contents": [{ "role": "user", "parts": [{ "text": prompt }] }],
        "generationConfig": { "responseMimeType": "application/json", "responseJsonSchema": schema() },
    })
}

/// A request that can be answered from its second passage.
pub(crate) fn question() -> Value {
    about(QUESTION, &["The shop opens at 9 in the morning.", &format!("{RETURN} The refund takes 14 days.")])
}
