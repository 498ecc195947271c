//! Candor answers a company's customers from the company's own articles, and says so when it can't.
//!
//! This library is the engine; the server, `ingest` and `eval` are doors to it. The README is the architecture document: the
//! two journeys, the map of these modules, and the rule that an arrow between them only ever points down.

pub mod doctor;
pub mod http;

pub mod answer;
pub mod backup;
pub mod chat;
pub mod desk;
pub mod insight;
pub mod knowledge;
pub mod people;
pub mod search;

pub mod engine;

pub mod database;
pub mod index;
pub mod inference;
pub mod jobs;
pub mod mail;
pub mod redaction;
pub mod vault;

pub mod clock;
pub mod config;
pub mod ids;
pub mod telemetry;
