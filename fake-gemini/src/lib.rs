//! A fake of Google's Gemini REST API and of OpenAI-compatible endpoints, for tests and for running Candor without a key.
//!
//! As Gemini it speaks `POST /v1beta/models/{model}:generateContent`, `POST
//! /v1beta/models/{model}:streamGenerateContent` (with `?alt=sse` as events, otherwise as one array), `GET
//! /v1beta/models/{model}` and `GET /v1beta/models`. As OpenAI, below [`FakeGemini::url`] and `/v1`, it speaks `POST
//! chat/completions` with and without `"stream": true`, `GET models/{model}` and `GET models`. It refuses what the real
//! APIs refuse, and fails in every way in which the real ones are known to fail. It is no model: by default it quotes the
//! sentences of the prompt's passages that share most words with the question.
//!
//! Keys are the same for both: `x-goog-api-key: KEY` and `Authorization: Bearer KEY`. A fake that was given none takes
//! every key, and from OpenAI's clients also none, as a model on one's own machine does.
//!
//! What it does with a request is a [`Scenario`]: the one that the request's header `x-fake-scenario` names, else its
//! model's name (`fake-503`), else the one of the [`Script`] that the server was given. The same seed and the same
//! request give the same answer. What an API has no form for is answered as `ok_json` there; [`Scenario::catalogue`] says
//! so. The deltas of a stream add up to the text of the answer in one piece, unless the scenario stops the stream.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use fake_gemini::{FakeGemini, Plain, Script, Settings};
//!
//! let gemini = FakeGemini::start(Settings { keys: vec!["key".to_owned()], ..Settings::default() }).await.unwrap();
//! gemini.set_scenario([Plain::Overloaded, Plain::OkJson]);
//! gemini.set_scenario("429_minute=0.1s,flaky=2/503".parse::<Script>().unwrap());
//! // … have the code under test talk to `gemini.url()`, or as OpenAI's client to this: …
//! let base = format!("{}/v1", gemini.url());
//! assert!(gemini.requests().iter().all(|request| !request.says("a secret of somebody else")));
//! # });
//! ```
//!
//! # What the prompt has to look like
//!
//! The last part of the last user turn, for OpenAI the last message of a user, has a line that is one JSON object: `{"question": "…", "passages": [{"number": 1,
//! "title": "…", "text": "…"}, …]}`. The answer is `{"confidence": 0.0, "evidence": "sufficient" |
//! "partial" | "insufficient", "sentences": [{"text": "…", "passages": [1]}], "unanswered": "…"}` if JSON was asked for, and otherwise
//! its sentences. A schema in the request that this answer does not fit is refused.
//!
//! Where the line is `{"title": "…", "heading": "…", "passage": "…"}`, a question about the passage is asked for, and the answer
//! is `{"question": "…", "key_fact": "…", "kind": "fact"}`.

mod answer;
mod deltas;
mod evidence;
mod fake;
mod faults;
mod gemini;
mod interview;
mod limits;
mod obey;
mod openai;
mod plan;
mod record;
mod rewriting;
mod scenario;
mod schema;
mod script;
mod server;
mod speech;
mod wire;

pub use record::RecordedRequest;
pub use scenario::{Moment, Plain, Scenario, UnknownScenario};
pub use script::Script;
pub use server::{FakeGemini, Settings};
