//! The fake over real HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod checks;
mod client;
mod completions;
mod failures;
mod gemini_streams;
mod openai_client;
mod openai_failures;
mod openai_streams;
mod program;
mod reading;
mod refusals;
mod replies;
mod server;
mod sums;
