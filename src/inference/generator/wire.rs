//! How providers' APIs are spoken to. What is the same for all of them, such as retries, time and counting, is not here.

pub(super) mod gemini;
pub(super) mod openai;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Thinking;
use crate::inference::generator::failure::{Failure, GenerateError};
use crate::inference::generator::model::Quirks;
use crate::redaction::masked;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Who the model is and what it must keep to; never holds anything from outside.
    pub instruction: String,
    /// The question and what is to be answered from.
    pub data: String,
    /// The JSON schema of the answer.
    pub schema: Value,
}

/// Tokens that a call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Of the prompt.
    pub prompt: u64,
    /// Of the answer.
    pub answer: u64,
    /// Of the hidden thoughts, which cost as much as the answer's.
    pub thoughts: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            prompt: self.prompt.saturating_add(other.prompt),
            answer: self.answer.saturating_add(other.answer),
            thoughts: self.thoughts.saturating_add(other.thoughts),
        }
    }
}

/// A prompt with how it is to be answered.
pub(super) struct Asked<'a> {
    pub prompt: &'a Prompt,
    pub model: &'a str,
    pub thinking: Thinking,
    pub temperature: f64,
    /// Hidden thoughts included.
    pub tokens_max: u32,
    /// What the model has shown that it does not know.
    pub quirks: Quirks,
}

/// What a provider says in one body.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    /// What the model wrote, without what it thought.
    pub text: String,
    pub usage: Usage,
    /// Why it stopped; `None` where nothing says so.
    pub end: Option<End>,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It had said all.
    Whole,
    /// It used up its tokens.
    Truncated,
    /// The provider will not have it say more, or has blocked the prompt.
    Blocked(String),
    /// Something else, in the provider's words.
    Other(String),
}

/// How an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// In one body.
    Whole,
    /// As server-sent events, each of which brings some more of it.
    Stream,
}

/// An API.
pub(super) trait Wire: Send + Sync {
    /// The request for an answer; `base` is the address of the API without a slash at its end.
    fn ask(&self, http: &Client, base: &str, asked: &Asked<'_>, delivery: Delivery) -> RequestBuilder;

    /// The request for what is known of `model`, or for the list of all models.
    fn look_up(&self, http: &Client, base: &str, model: &str) -> RequestBuilder;

    /// Whether what came back for that says that there is `model`.
    fn lists(&self, body: &[u8], model: &str) -> bool;

    /// The header that the key goes in, which is never the address: that ends up in logs.
    ///
    /// # Errors
    /// When the key cannot stand in a header.
    fn key(&self, key: &str) -> Result<(&'static str, HeaderValue), reqwest::header::InvalidHeaderValue>;

    /// Reads an answer that is no error.
    ///
    /// # Errors
    /// [`Failure`], for what is no answer of this API, and for an error that came as one.
    fn read(&self, body: &[u8]) -> Result<Said, Failure>;

    /// Reads the data of one event of a stream: what is new in it, or `None` where it says that nothing more comes.
    ///
    /// # Errors
    /// As [`Wire::read`].
    fn read_event(&self, data: &str) -> Result<Option<Said>, Failure> {
        self.read(data.as_bytes()).map(Some)
    }

    /// What an answer with an error's status means for the call.
    fn failure(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure;
}

impl Said {
    /// Adds what another event of the same stream brings.
    pub fn add(&mut self, event: Self) {
        self.text.push_str(&event.text);
        // Each counts all tokens so far, where it counts any.
        if event.usage != Usage::default() {
            self.usage = event.usage;
        }
        // Some say more after they have said why they stop, and then say it again. What is blocked stays so.
        if event.end.is_some() && !matches!(self.end, Some(End::Blocked(_))) {
            self.end = event.end;
        }
    }

    /// The text without the thoughts that some models write before their answer; empty while they write them.
    pub fn answer(&self) -> &str {
        let text = self.text.trim_start();
        match text.strip_prefix("<think>") {
            Some(thoughts) => thoughts.split_once("</think>").map_or("", |(_, answer)| answer),
            None => text,
        }
    }

    /// The answer, where the model has said all.
    pub fn whole(self) -> Result<String, Failure> {
        let invalid = |why: String| Err(Failure::never(GenerateError::Invalid(why)));
        match self.end {
            Some(End::Whole) if self.answer().trim().is_empty() => invalid("it is empty".into()),
            Some(End::Whole) => Ok(self.answer().to_owned()),
            Some(End::Truncated) => Err(Failure::never(GenerateError::Truncated)),
            Some(End::Blocked(why)) => Err(Failure::never(GenerateError::Blocked(why))),
            Some(End::Other(why)) => invalid(format!("it ended with {why}")),
            None => invalid("it does not say that it is whole".into()),
        }
    }
}

/// The words of the other side in a log line: the first, and not all of them. They may repeat what a customer wrote.
fn first_line(message: &str) -> String {
    const CHARS_MAX: usize = 300;
    let line: String = message.lines().next().unwrap_or_default().chars().take(CHARS_MAX).collect();
    masked(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, answer: u64, end: Option<End>) -> Said {
        Said { text: text.to_owned(), usage: Usage { answer, ..Usage::default() }, end }
    }

    #[test]
    fn a_stream_adds_up_and_its_last_word_counts() {
        let mut whole = Said::default();
        for event in [said("{", 1, None), said("", 0, Some(End::Truncated)), said("}", 4, Some(End::Whole))] {
            whole.add(event);
        }
        assert_eq!(whole, said("{}", 4, Some(End::Whole)));
        whole.add(said("", 0, Some(End::Blocked("SAFETY".into()))));
        whole.add(said("", 0, Some(End::Whole)));
        assert_eq!(whole.end, Some(End::Blocked("SAFETY".into())));
    }

    #[test]
    fn thoughts_are_no_part_of_an_answer() {
        for (text, answer) in
            [("<think>Hm {}", ""), (" <think>Hm.</think>{}", "{}"), ("{}", "{}"), ("{<think>}", "{<think>}")]
        {
            assert_eq!(said(text, 0, None).answer(), answer, "{text}");
        }
    }
}
