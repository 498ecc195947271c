//! Google's Gemini over its REST interface: one prompt, one answer in JSON, within a budget of time.

mod failure;
mod model;
mod wire;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
pub use failure::GenerateError;
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
pub use wire::{Prompt, Usage};

use crate::config::{Config, Thinking};
use crate::inference::gemini::failure::{Failure, Repeat};
use crate::inference::gemini::model::{Model, Others, Prices};
use crate::inference::gemini::wire::{Candidate, Response, request};

/// The provider's name in metrics and traces.
pub const PROVIDER: &str = "gemini";

/// Attempts after the first, all within the budget.
const RETRIES_MAX: usize = 2;
/// The first pause between two attempts; the second is twice as long, each with some chance in it.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// The longest that a provider's word keeps it alone; then one call tries.
const ALONE_MAX: Duration = Duration::from_secs(3_600);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest body that is read.
const RESPONSE_BYTES_MAX: usize = 1 << 20;
/// Always the likeliest word, where nobody asks for another temperature.
const TEMPERATURE: f64 = 0.0;

/// A model of the Gemini API, with how it is to answer; cheap to clone.
#[derive(Clone)]
pub struct Gemini {
    inner: Arc<Inner>,
    model: Arc<Model>,
    temperature: f64,
    tokens_max: u32,
}

/// What all models have in common.
struct Inner {
    http: Client,
    url: String,
    key: SecretString,
    thinking: Thinking,
    tokens_max: u32,
    budget: Duration,
    prices: Prices,
    others: Others,
}

/// What came of asking a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated<T> {
    /// What it said, as it was read, or why there is nothing.
    pub said: Result<T, GenerateError>,
    /// What all attempts used.
    pub usage: Usage,
    /// What that cost, in US dollars.
    pub cost_usd: f64,
    /// Attempts that it took.
    pub attempts: u32,
}

/// What the attempts of one call have used so far; kept outside of them, because they may be cut off.
#[derive(Debug, Default)]
struct Meter {
    attempts: u32,
    usage: Usage,
    cost_usd: f64,
}

impl std::fmt::Debug for Gemini {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Gemini({})", self.model.name)
    }
}

impl Gemini {
    /// The model that the settings name; `None` without a key. Nothing is sent yet.
    ///
    /// # Errors
    /// [`GenerateError::Refused`] when the HTTP client cannot be made.
    pub fn of(config: &Config) -> Result<Option<Self>, GenerateError> {
        let Some(key) = config.gemini_api_key.clone() else { return Ok(None) };
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // The key would go with it, to wherever it leads.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| GenerateError::Refused(error.to_string()))?;
        let inner = Inner {
            http,
            url: config.gemini_url.trim_end_matches('/').to_owned(),
            key,
            thinking: config.gemini_thinking,
            tokens_max: config.generation_tokens_max,
            budget: Duration::from_secs(config.generation_seconds_max),
            prices: Prices::of(config),
            others: Others::default(),
        };
        let (tokens_max, model) = (inner.tokens_max, Model::of_server(config));
        Ok(Some(Self { inner: Arc::new(inner), model: Arc::new(model), temperature: TEMPERATURE, tokens_max }))
    }

    /// The model `name` of the same provider, with the same key.
    #[must_use]
    pub fn of_model(&self, name: &str) -> Self {
        if name == self.model.name {
            return self.clone();
        }
        Self { model: self.inner.others.model(name, self.inner.prices), ..self.clone() }
    }

    /// The same model, which is to answer at another temperature or in fewer tokens. The server's limit stays one.
    #[must_use]
    pub fn tuned(self, temperature: Option<f64>, tokens_max: Option<u32>) -> Self {
        let tokens_max = tokens_max.map_or(self.tokens_max, |tokens| tokens.min(self.inner.tokens_max));
        Self { temperature: temperature.unwrap_or(self.temperature), tokens_max, ..self }
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model.name
    }

    /// How freely it is to choose its words.
    #[must_use]
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// Tokens that it may use, hidden thoughts included.
    #[must_use]
    pub fn tokens_max(&self) -> u32 {
        self.tokens_max
    }

    /// Whether calls are made at all: after failures in a row none is, for a while.
    #[must_use]
    pub fn is_called(&self) -> bool {
        self.model.breaker.is_passable()
    }

    /// Whether the key, the model's name or the request was refused the last time.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.model.is_refused.load(Ordering::Relaxed)
    }

    /// Asks the model, and reads what it says with `read`. Takes at most the configured time, all attempts together.
    pub async fn generate<T>(
        &self,
        prompt: &Prompt,
        read: impl Fn(&str) -> Result<T, serde_json::Error>,
    ) -> Generated<T> {
        let meter = Mutex::new(Meter::default());
        let said = self
            .within_budget(prompt, &meter)
            .await
            .and_then(|text| read(&text).map_err(|error| GenerateError::Invalid(error.to_string())));
        self.model.count(said.as_ref().map_or_else(GenerateError::result, |_| "ok"));
        self.model.note(said.as_ref().err());
        let Meter { attempts, usage, cost_usd } = meter.into_inner().unwrap_or_else(PoisonError::into_inner);
        Generated { said, usage, cost_usd, attempts }
    }

    async fn within_budget(&self, prompt: &Prompt, meter: &Mutex<Meter>) -> Result<String, GenerateError> {
        let Some(passage) = self.model.breaker.pass() else {
            return Err(if self.model.is_over_quota.load(Ordering::Relaxed) {
                GenerateError::Quota("it is left alone until there may be more".into())
            } else {
                GenerateError::Unavailable("it has failed again and again and is left alone for a while".into())
            });
        };
        let until = Instant::now() + self.inner.budget;
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_factor(2.0)
            .with_max_times(RETRIES_MAX)
            .with_jitter();
        let attempt = || self.attempt(prompt, meter);
        let trying = attempt
            .retry(pauses)
            .when(|failure: &Failure| !matches!(failure.repeat, Repeat::Never | Repeat::NotFor(_)))
            .adjust(|failure, pause| {
                let pause = match failure.repeat {
                    Repeat::After(told) => pause.map(|pause| pause.max(told)),
                    Repeat::WithoutThinking => pause.map(|_| Duration::ZERO),
                    Repeat::Soon | Repeat::Never | Repeat::NotFor(_) => pause,
                };
                // A pause that ends after the budget is not worth waiting for.
                pause.filter(|pause| Instant::now().checked_add(*pause).is_some_and(|end| end < until))
            });
        let outcome = tokio::time::timeout_at(until, trying).await.unwrap_or_else(|_| {
            let seconds = self.inner.budget.as_secs();
            Err(Failure::never(GenerateError::Unavailable(format!("no answer within {seconds} seconds"))))
        });
        match &outcome {
            Ok(_) => passage.succeeded(),
            // The upstream works: it is this prompt that it does not answer.
            Err(Failure {
                error: GenerateError::Blocked(_) | GenerateError::Truncated | GenerateError::Invalid(_),
                ..
            }) => {
                passage.succeeded();
            }
            // It has said for how long it is going to refuse.
            Err(Failure { repeat: Repeat::NotFor(told) | Repeat::After(told), .. }) => {
                passage.failed(Some((*told).min(ALONE_MAX)));
            }
            Err(_) => passage.failed(None),
        }
        outcome.map_err(|failure| failure.error)
    }

    async fn attempt(&self, prompt: &Prompt, meter: &Mutex<Meter>) -> Result<String, Failure> {
        let (inner, model) = (&self.inner, &self.model);
        meter.lock().unwrap_or_else(PoisonError::into_inner).attempts += 1;
        let without_thinking = model.without_thinking.load(Ordering::Relaxed);
        let thinking = if without_thinking { Thinking::Default } else { inner.thinking };
        let body = request(prompt, thinking, self.temperature, self.tokens_max);
        let url = format!("{}/v1beta/models/{}:generateContent", inner.url, model.name);
        match self.send(inner.http.post(url).json(&body)).await {
            Ok(body) => self.read(&body, meter),
            Err(failure) => {
                if failure.repeat == Repeat::WithoutThinking {
                    // It was left out already: then it is something else, and the same again.
                    if without_thinking || inner.thinking == Thinking::Default {
                        return Err(Failure::never(failure.error));
                    }
                    model.without_thinking.store(true, Ordering::Relaxed);
                }
                Err(failure)
            }
        }
    }

    /// Asks whether the key opens the model.
    ///
    /// # Errors
    /// [`GenerateError::Refused`] or [`GenerateError::Unavailable`].
    pub async fn check(&self) -> Result<(), GenerateError> {
        let inner = &self.inner;
        let asked = self.send(inner.http.get(format!("{}/v1beta/models/{}", inner.url, self.model.name)));
        let answered = match tokio::time::timeout(inner.budget, asked).await {
            Ok(answered) => answered.map(drop).map_err(|failure| failure.error),
            Err(_) => Err(GenerateError::Unavailable(format!("no answer within {} seconds", inner.budget.as_secs()))),
        };
        self.model.note(answered.as_ref().err());
        answered
    }

    /// Sends a request and reads the body of an answer that is no error.
    async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, Failure> {
        let mut key = reqwest::header::HeaderValue::from_str(self.inner.key.expose_secret()).map_err(|_| {
            Failure::never(GenerateError::Refused("GEMINI_API_KEY is no key: it has a line break or the like".into()))
        })?;
        key.set_sensitive(true);
        // In a header: an address ends up in logs.
        let mut response = request.header("x-goog-api-key", key).send().await.map_err(Failure::transport)?;
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(Failure::transport)? {
            body.extend_from_slice(&piece);
            if body.len() > RESPONSE_BYTES_MAX {
                return Err(Failure::never(GenerateError::Invalid("it is larger than a megabyte".into())));
            }
        }
        if response.status().is_success() { Ok(body) } else { Err(Failure::status(response.status(), &body)) }
    }

    /// What a response says, counting what it cost whatever it says.
    fn read(&self, body: &[u8], meter: &Mutex<Meter>) -> Result<String, Failure> {
        let invalid = |why: &str| Failure::never(GenerateError::Invalid(why.to_owned()));
        let response: Response = serde_json::from_slice(body).map_err(|error| invalid(&error.to_string()))?;
        let usage = Usage::from(response.usage_metadata);
        let cost_usd = self.model.count_tokens(usage);
        let mut meter = meter.lock().unwrap_or_else(PoisonError::into_inner);
        meter.usage = meter.usage.and(usage);
        meter.cost_usd += cost_usd;
        drop(meter);
        if let Some(reason) = response.prompt_feedback.block_reason {
            return Err(Failure::never(GenerateError::Blocked(reason)));
        }
        let Some(candidate) = response.candidates.first() else { return Err(invalid("it is empty")) };
        finished(candidate)?;
        let text = candidate.text();
        if text.trim().is_empty() {
            return Err(invalid("it is empty"));
        }
        Ok(text)
    }
}

/// Why the model stopped, where it is not because it had said all.
fn finished(candidate: &Candidate) -> Result<(), Failure> {
    Err(Failure::never(match candidate.finish_reason.as_deref() {
        Some("STOP") => return Ok(()),
        Some("MAX_TOKENS") => GenerateError::Truncated,
        Some(reason @ ("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII")) => {
            GenerateError::Blocked(reason.to_owned())
        }
        Some(reason) => GenerateError::Invalid(format!("it ended with {reason}")),
        None => GenerateError::Invalid("it does not say that it is whole".into()),
    }))
}
