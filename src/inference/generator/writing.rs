//! One call of a model: its attempts within the budget, and what it has written so far.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use sse_parse::SseParser;
use tokio::time::Instant;

use crate::inference::breaker::Passage;
use crate::inference::generator::failure::{Failure, GenerateError, Repeat};
use crate::inference::generator::model::Quirks;
use crate::inference::generator::wire::{Delivery, Prompt, Said, Usage};
use crate::inference::generator::{Generated, Generator, body};

/// Attempts after the first, all within the budget.
const RETRIES_MAX: usize = 2;
/// The first pause between two attempts; the second is twice as long, each with some chance in it.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// The longest that a provider's word keeps it alone; then one call tries.
const ALONE_MAX: Duration = Duration::from_secs(3_600);
/// The largest answer that is read.
const RESPONSE_BYTES_MAX: usize = 1 << 20;
/// The longest stream that is read: each piece of an answer brings some hundred bytes that say what it is a piece of.
const STREAM_BYTES_MAX: usize = 16 << 20;

/// An answer that a model is writing. What is dropped before its end is not paid for further, and says nothing about the model.
pub struct Writing<'a> {
    generator: &'a Generator,
    prompt: &'a Prompt,
    delivery: Delivery,
    until: Instant,
    pauses: ExponentialBackoff,
    passage: Option<Passage>,
    /// Where the attempt that runs is read from; `None` between two.
    source: Option<Source>,
    said: Said,
    /// What the model was known not to know when that attempt began.
    known: Quirks,
    is_kept: bool,
    attempts: u32,
    usage: Usage,
    cost_usd: f64,
    outcome: Option<Result<String, GenerateError>>,
}

/// What an answer is read from.
enum Source {
    /// It came in one body.
    Whole,
    /// It comes as events.
    Events { response: Response, parser: Box<SseParser>, bytes: usize },
}

impl Generator {
    /// Asks the model for an answer that is read while it is written; nothing is sent before the first [`Writing::more`]. From now on it
    /// takes at most the configured time, all attempts together.
    #[must_use]
    pub fn write<'a>(&'a self, prompt: &'a Prompt) -> Writing<'a> {
        Writing::of(self, prompt, Delivery::Stream)
    }
}

impl<'a> Writing<'a> {
    pub(super) fn of(generator: &'a Generator, prompt: &'a Prompt, delivery: Delivery) -> Self {
        let (passage, outcome) = match generator.pass() {
            Ok(passage) => (Some(passage), None),
            Err(error) => (None, Some(Err(error))),
        };
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_factor(2.0)
            .with_max_times(RETRIES_MAX)
            .with_jitter();
        Self {
            generator,
            prompt,
            delivery,
            until: Instant::now() + generator.budget,
            pauses: pauses.build(),
            passage,
            source: None,
            said: Said::default(),
            known: Quirks::default(),
            is_kept: false,
            attempts: 0,
            usage: Usage::default(),
            cost_usd: 0.0,
            outcome,
        }
    }

    /// Waits until there is more of the answer; `false` at its end, whatever that is.
    pub async fn more(&mut self) -> bool {
        if self.outcome.is_some() {
            return false;
        }
        let ended = match tokio::time::timeout_at(self.until, self.step()).await {
            Ok(Ok(true)) => return true,
            Ok(Err(failure)) => Err(failure),
            // Who has said that this is all, and does not hang up, has said all.
            Err(_) if self.said.end.is_none() => {
                self.pay();
                let why = format!("no whole answer within {:.1?}", self.generator.budget);
                Err(Failure::never(GenerateError::Unavailable(why)))
            }
            Ok(Ok(false)) | Err(_) => {
                self.pay();
                std::mem::take(&mut self.said).whole()
            }
        };
        self.source = None;
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
        self.attempts
    }

    /// Says that something of the text was passed on: from now on it is not begun anew.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Gives the model back the time that its reader took.
    pub fn extend(&mut self, took: Duration) {
        self.until += took;
    }

    /// What came of it in the end, read with `read`.
    pub fn end<T>(self, read: impl Fn(&str) -> Result<T, serde_json::Error>) -> Generated<T> {
        let Self { generator, outcome, attempts, usage, cost_usd, .. } = self;
        let unfinished = || Err(GenerateError::Invalid("it was not read to its end".into()));
        let written = outcome.unwrap_or_else(unfinished);
        let said = written.and_then(|text| read(&text).map_err(|error| GenerateError::Invalid(error.to_string())));
        generator.model.count(said.as_ref().map_or_else(GenerateError::result, |_| "ok"));
        generator.model.note(said.as_ref().err());
        Generated { said, usage, cost_usd, attempts }
    }

    /// The next piece, over as many attempts as it takes; `false` at the end of the answer.
    async fn step(&mut self) -> Result<bool, Failure> {
        loop {
            let failure = match self.read().await {
                Ok(is_more) => return Ok(is_more),
                Err(failure) => failure,
            };
            self.pay();
            self.source = None;
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
                Repeat::Soon => Duration::ZERO,
                Repeat::After(told) => told,
                Repeat::Never | Repeat::NotFor(_) => return Err(failure),
            };
            let Some(pause) = self.pauses.next().map(|pause| pause.max(told)) else { return Err(failure) };
            // A pause that ends after the budget is not worth waiting for.
            if Instant::now().checked_add(pause).is_none_or(|end| end >= self.until) {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads on, or begins an attempt; `false` at the end of what it brings.
    async fn read(&mut self) -> Result<bool, Failure> {
        let wire = &self.generator.upstream.wire;
        let Some(source) = &mut self.source else {
            self.attempts += 1;
            self.said = Said::default();
            self.known = self.generator.model.quirks();
            let response = self.generator.open(self.generator.request(self.prompt, self.delivery)).await?;
            // Some endpoints do not know streams, and send one body.
            if self.delivery == Delivery::Whole || is_json(&response) {
                self.said = wire.read(&body(response, RESPONSE_BYTES_MAX).await?)?;
                self.source = Some(Source::Whole);
            } else {
                self.source = Some(Source::Events { response, parser: Box::default(), bytes: 0 });
            }
            return Ok(true);
        };
        let Source::Events { response, parser, bytes } = source else { return Ok(false) };
        loop {
            if let Some(event) = parser.next_event() {
                let Some(said) = wire.read_event(&event.data)? else { return Ok(false) };
                self.said.add(said);
                return Ok(true);
            }
            match response.chunk().await {
                Ok(Some(piece)) => {
                    *bytes += piece.len();
                    if *bytes > STREAM_BYTES_MAX {
                        let why = format!("it is larger than {STREAM_BYTES_MAX} bytes");
                        return Err(Failure::never(GenerateError::Invalid(why)));
                    }
                    parser.feed(&piece);
                }
                // Who has said why it ends may hang up as it likes.
                Ok(None) | Err(_) if self.said.end.is_some() => return Ok(false),
                Ok(None) => {
                    let error = GenerateError::Unavailable("the answer broke off".into());
                    return Err(Failure { error, repeat: Repeat::Soon });
                }
                Err(error) => return Err(Failure::transport(error)),
            }
        }
    }

    /// Counts what the attempt that ran has used.
    fn pay(&mut self) {
        let usage = std::mem::take(&mut self.said.usage);
        self.cost_usd += self.generator.model.count_tokens(usage);
        self.usage = self.usage.and(usage);
    }
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("application/json")
}

/// Tells the breaker what came of a call.
fn settle<T>(passage: Passage, outcome: &Result<T, Failure>) {
    match outcome {
        // The upstream works: where it does not answer, it is this prompt.
        Ok(_)
        | Err(Failure {
            error: GenerateError::Blocked(_) | GenerateError::Truncated | GenerateError::Invalid(_),
            ..
        }) => passage.succeeded(),
        // It has said for how long it is going to refuse.
        Err(Failure { repeat: Repeat::NotFor(told) | Repeat::After(told), .. }) => {
            passage.failed(Some((*told).min(ALONE_MAX)));
        }
        Err(_) => passage.failed(None),
    }
}
