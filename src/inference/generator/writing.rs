//! An answer that is read while the model writes it.

use std::pin::Pin;

use backon::{BackoffBuilder, ExponentialBackoff};
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::{Stream, StreamExt};
use reqwest::Response;
use tokio::time::Instant;

use crate::inference::breaker::Passage;
use crate::inference::generator::failure::{Failure, GenerateError, Repeat};
use crate::inference::generator::model::Quirks;
use crate::inference::generator::wire::{Delivery, Prompt, Said};
use crate::inference::generator::{Generated, Generator, Meter, pauses, settle};

/// The longest stream that is read: each piece of an answer brings some hundred bytes that say what it is a piece of.
const STREAM_BYTES_MAX: usize = 16 << 20;

type Events = Pin<Box<dyn Stream<Item = Result<String, Failure>> + Send>>;

/// An answer that a model is writing. What is dropped before its end is not paid for further, and says nothing about the model.
pub struct Writing<'a> {
    generator: &'a Generator,
    prompt: &'a Prompt,
    until: Instant,
    meter: Meter,
    pauses: ExponentialBackoff,
    passage: Option<Passage>,
    /// What the attempt that runs brings; `None` between two.
    events: Option<Events>,
    said: Said,
    /// What the model was known not to know when that attempt began.
    known: Quirks,
    is_kept: bool,
    outcome: Option<Result<String, GenerateError>>,
}

impl Generator {
    /// Asks the model for an answer that is read while it is written; nothing is sent before the first [`Writing::more`]. From then on
    /// it takes at most the configured time, all attempts together.
    #[must_use]
    pub fn write<'a>(&'a self, prompt: &'a Prompt) -> Writing<'a> {
        let (passage, outcome) = match self.pass() {
            Ok(passage) => (Some(passage), None),
            Err(error) => (None, Some(Err(error))),
        };
        Writing {
            generator: self,
            prompt,
            until: Instant::now() + self.budget,
            meter: Meter::default(),
            pauses: pauses().build(),
            passage,
            events: None,
            said: Said::default(),
            known: Quirks::default(),
            is_kept: false,
            outcome,
        }
    }
}

impl Writing<'_> {
    /// Waits until there is more of the answer; `false` at its end, whatever that is.
    pub async fn more(&mut self) -> bool {
        if self.outcome.is_some() {
            return false;
        }
        let ended = match tokio::time::timeout_at(self.until, self.step()).await {
            Ok(Ok(true)) => return true,
            Ok(Ok(false)) => std::mem::take(&mut self.said).whole(),
            Ok(Err(failure)) => Err(failure),
            Err(_) => {
                self.pay();
                Err(Failure::never(GenerateError::Unavailable(format!(
                    "no whole answer within {:.1?}",
                    self.generator.budget
                ))))
            }
        };
        self.events = None;
        if let Some(passage) = self.passage.take() {
            settle(passage, &ended);
        }
        self.outcome = Some(ended.map_err(|failure| failure.error));
        false
    }

    /// What is written so far of the attempt that runs.
    #[must_use]
    pub fn text(&self) -> &str {
        self.said.answer()
    }

    /// The number of that attempt: where it has gone up, the answer has begun anew.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.meter.attempts
    }

    /// Says that something of the text was passed on: from now on it is not begun anew.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    /// What came of it in the end, read with `read`.
    pub fn end<T>(self, read: impl Fn(&str) -> Result<T, serde_json::Error>) -> Generated<T> {
        let unfinished = || Err(GenerateError::Invalid("it was not read to its end".into()));
        let written = self.outcome.unwrap_or_else(unfinished);
        let said = written.and_then(|text| read(&text).map_err(|error| GenerateError::Invalid(error.to_string())));
        self.generator.generated(said, &self.meter)
    }

    /// The next piece, over as many attempts as it takes; `false` at the end of the answer.
    async fn step(&mut self) -> Result<bool, Failure> {
        loop {
            let failure = match self.read().await {
                Ok(true) => return Ok(true),
                Ok(false) => {
                    self.pay();
                    return Ok(false);
                }
                Err(failure) => failure,
            };
            self.pay();
            self.events = None;
            let told = match failure.repeat {
                _ if self.is_kept => return Err(failure),
                Repeat::Without(quirk) => {
                    // It was left out already: then it is something else, and the same again.
                    if self.known.has(quirk) {
                        return Err(Failure::never(failure.error));
                    }
                    self.generator.model.learn(quirk);
                    continue;
                }
                Repeat::Soon => None,
                Repeat::After(told) => Some(told),
                Repeat::Never | Repeat::NotFor(_) => return Err(failure),
            };
            let Some(pause) = self.pauses.next().map(|pause| told.map_or(pause, |told| pause.max(told))) else {
                return Err(failure);
            };
            // A pause that ends after the budget is not worth waiting for.
            if Instant::now().checked_add(pause).is_none_or(|end| end >= self.until) {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn read(&mut self) -> Result<bool, Failure> {
        let events = match &mut self.events {
            Some(events) => events,
            between => {
                self.meter.attempts += 1;
                self.said = Said::default();
                self.known = self.generator.model.quirks();
                let request = self.generator.request(self.prompt, Delivery::Stream);
                between.insert(events(self.generator.open(request).await?))
            }
        };
        match events.next().await {
            Some(Ok(data)) => {
                self.said.add(self.generator.upstream.wire.read_event(&data)?);
                Ok(true)
            }
            // Who has said why it ends may hang up as it likes.
            Some(Err(_)) | None if self.said.end.is_some() => Ok(false),
            Some(Err(failure)) => Err(failure),
            None => {
                Err(Failure { error: GenerateError::Unavailable("the answer broke off".into()), repeat: Repeat::Soon })
            }
        }
    }

    /// Counts what the attempt that ran has used.
    fn pay(&mut self) {
        let usage = std::mem::take(&mut self.said.usage);
        self.meter.add(usage, self.generator.model.count_tokens(usage));
    }
}

/// The data of a response's events.
fn events(response: Response) -> Events {
    let mut bytes = 0;
    let pieces = response.bytes_stream().map(move |piece| {
        let piece = piece.map_err(Failure::transport)?;
        bytes += piece.len();
        if bytes > STREAM_BYTES_MAX {
            let why = format!("it is larger than {STREAM_BYTES_MAX} bytes");
            return Err(Failure::never(GenerateError::Invalid(why)));
        }
        Ok(piece)
    });
    let read = |event: Result<eventsource_stream::Event, EventStreamError<Failure>>| {
        event.map(|event| event.data).map_err(|error| match error {
            EventStreamError::Transport(failure) => failure,
            EventStreamError::Utf8(error) => Failure::never(GenerateError::Invalid(error.to_string())),
            EventStreamError::Parser(error) => Failure::never(GenerateError::Invalid(error.to_string())),
        })
    };
    Box::pin(pieces.eventsource().map(read))
}
