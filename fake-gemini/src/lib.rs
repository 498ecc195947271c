//! A fake of Google's Gemini REST API, for tests and for running Candor without a key.
//!
//! It speaks `POST /v1beta/models/{model}:generateContent`, `GET /v1beta/models/{model}` and `GET /v1beta/models`,
//! refuses what the real API refuses, and fails in every way in which the real one is known to fail. It is no model: by
//! default it quotes the sentences of the prompt's passages that share most words with the question.
//!
//! What it does with a request is a [`Scenario`]: the one that the request's header `x-fake-scenario` names, else its
//! model's name (`fake-503`), else the one of the [`Script`] that the server was given. The same seed and the same
//! request give the same answer.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use fake_gemini::{FakeGemini, Plain, Script, Settings};
//!
//! let gemini = FakeGemini::start(Settings { keys: vec!["key".to_owned()], ..Settings::default() }).await.unwrap();
//! gemini.set_scenario([Plain::Overloaded, Plain::OkJson]);
//! gemini.set_scenario("429_minute=0.1s,flaky=2/503".parse::<Script>().unwrap());
//! // … have the code under test talk to `gemini.url()` …
//! assert!(gemini.requests().iter().all(|request| !request.says("a secret of somebody else")));
//! # });
//! ```
//!
//! # What the prompt has to look like
//!
//! The last part of the last user turn has a line that is one JSON object: `{"question": "…", "passages": [{"number": 1,
//! "title": "…", "text": "…"}, …]}`. The answer is `{"sentences": [{"text": "…", "passages": [1]}], "sufficiency":
//! "sufficient" | "partial" | "insufficient", "missing": "…", "confidence": 0.0}` if JSON was asked for, and otherwise
//! its sentences. A schema in the request that this answer does not fit is refused.
//!
//! Where the line is `{"title": "…", "heading": "…", "passage": "…"}`, a question about the passage is asked for, and the answer
//! is `{"question": "…", "key_fact": "…", "kind": "fact"}`.

mod answer;
mod check;
mod error;
mod evidence;
mod faults;
mod fields;
mod generate;
mod interview;
mod listing;
mod obey;
mod outage;
mod plan;
mod record;
mod reply;
mod request;
mod rewriting;
mod routes;
mod scenario;
mod schema;
mod script;
mod server;

pub use record::RecordedRequest;
pub use scenario::{Moment, Plain, Scenario, UnknownScenario};
pub use script::Script;
pub use server::{FakeGemini, Settings};
