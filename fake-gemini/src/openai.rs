//! OpenAI's chat completions, and the ways in which others who speak them differ.

mod check;
mod complete;
mod completion;
pub(crate) mod error;
mod frames;
mod outage;
mod request;
pub(crate) mod routes;
