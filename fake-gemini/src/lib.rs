//! A fake of Google's Gemini REST API, for tests and for running Candor without a key.

mod answer;
mod check;
mod error;
mod evidence;
mod faults;
mod fields;
mod obey;
mod reply;
mod request;
mod scenario;
mod schema;
mod script;

pub use scenario::{Moment, Plain, Scenario, UnknownScenario};
pub use script::Script;
