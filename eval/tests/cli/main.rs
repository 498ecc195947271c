//! `eval` as its users run it: the programs themselves, over the sample set, in a temporary folder.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod dataset;
mod gate;
#[cfg(unix)]
mod manufacture;
mod references;
mod refusals;
mod room;
mod server;
