//! The fake over real HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod checks;
mod client;
mod failures;
mod program;
mod replies;
mod server;
