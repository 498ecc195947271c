//! The programs as a person runs them: the real `ingest` and `candor`, the real model, a temporary folder.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod articles;
mod commands;
mod crash;
mod dashboards;
mod full_disk;
mod refusals;
mod runs;
mod server;
mod site;
mod stored;
