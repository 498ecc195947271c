//! The programs as a person runs them: the real `ingest` and `candor`, the real model, a temporary folder.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]
#![allow(clippy::disallowed_methods, reason = "the environment names the test's servers and how it is repeated")]

mod articles;
mod backup;
mod chain;
mod commands;
mod crash;
mod crash_reindex;
mod crash_table;
mod dashboards;
mod doctor;
mod full_disk;
mod look;
mod moments;
mod refusals;
mod runs;
mod server;
mod site;
mod stack;
mod stored;
