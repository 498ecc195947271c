//! Tests of the whole: the real router over SQLite, the real index and the real model, in a temporary folder.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ai_test;
mod answer_cache;
mod app;
mod architecture;
mod articles;
mod attacks;
mod backup;
mod chaos;
mod chat_query;
mod doctor;
mod doubt;
mod gemini;
mod indexes;
mod jobs;
mod knowledge;
mod mail;
mod openapi;
mod own_calibration;
mod problems;
mod providers;
mod proxy;
mod questions;
mod schema;
mod servers;
mod settings;
mod settings_of_model;
mod stores;
mod streams;
mod tenancy;
mod tickets;
mod with_agent;
