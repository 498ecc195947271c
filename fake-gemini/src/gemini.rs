//! Google's Gemini REST API.

mod check;
pub(crate) mod error;
mod fields;
pub(crate) mod form;
mod generate;
mod listing;
mod outage;
mod reply;
mod request;
pub(crate) mod routes;
mod stream;

pub(crate) use outage::{HTML_502, RETRY_OF_A_DAY};
