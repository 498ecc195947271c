//! A fake of Google's Gemini REST API, for tests and for running Candor without a key.

mod scenario;
mod script;

pub use scenario::{Moment, Plain, Scenario, UnknownScenario};
pub use script::Script;
