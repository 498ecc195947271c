//! Language models over HTTP: one prompt, one answer in JSON, within a budget of time.

mod chain;
mod failure;
mod model;
mod provider;
mod wire;
mod writing;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
pub use chain::{Generators, SetUpError};
pub use failure::GenerateError;
pub use provider::Provider;
use reqwest::{Client, RequestBuilder, Response};
use secrecy::ExposeSecret;
use tokio::time::Instant;
pub use wire::{Prompt, Usage};
pub use writing::Writing;

use crate::config::{Config, ModelPrices, Thinking};
use crate::inference::breaker::Passage;
use crate::inference::generator::failure::{Failure, Repeat};
use crate::inference::generator::model::{Model, Others};
use crate::inference::generator::provider::Access;
use crate::inference::generator::wire::{Asked, Delivery, Wire};

/// Attempts after the first, all within the budget.
const RETRIES_MAX: usize = 2;
/// The first pause between two attempts; the second is twice as long, each with some chance in it.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// The longest that a provider's word keeps it alone; then one call tries.
const ALONE_MAX: Duration = Duration::from_secs(3_600);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest answer that is read.
const RESPONSE_BYTES_MAX: usize = 1 << 20;
/// The largest list of models: some offer hundreds.
const LIST_BYTES_MAX: usize = 16 << 20;
/// Always the likeliest word, where nobody asks for another temperature.
const TEMPERATURE: f64 = 0.0;

/// A language model of a provider, with how it is to answer; cheap to clone.
#[derive(Clone)]
pub struct Generator {
    upstream: Arc<Upstream>,
    model: Arc<Model>,
    temperature: f64,
    tokens_max: u32,
    budget: Duration,
}

/// What all models of a provider have in common.
struct Upstream {
    provider: Provider,
    wire: Box<dyn Wire>,
    http: Client,
    access: Access,
    thinking: Thinking,
    tokens_max: u32,
    prices: ModelPrices,
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

impl std::fmt::Debug for Generator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Generator({} of {})", self.model.name, self.provider().name())
    }
}

impl Generator {
    /// The model of `provider` that the settings name; `None` where it is not set up. Nothing is sent yet.
    ///
    /// # Errors
    /// [`GenerateError::Refused`] when the HTTP client cannot be made.
    pub fn of(config: &Config, provider: Provider) -> Result<Option<Self>, GenerateError> {
        let Some(access) = provider.access(config) else { return Ok(None) };
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // The key would go with it, to wherever it leads.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| GenerateError::Refused(error.to_string()))?;
        let model = Arc::new(Model::of_server(provider, &access.model, &config.model_prices));
        let upstream = Upstream {
            provider,
            wire: provider.wire(),
            http,
            access,
            thinking: config.gemini_thinking,
            tokens_max: config.generation_tokens_max,
            prices: config.model_prices.clone(),
            others: Others::default(),
        };
        Ok(Some(Self {
            tokens_max: upstream.tokens_max,
            upstream: Arc::new(upstream),
            model,
            temperature: TEMPERATURE,
            budget: Duration::from_secs(config.generation_seconds_max),
        }))
    }

    /// The model `name` of the same provider, with the same key.
    #[must_use]
    pub fn of_model(&self, name: &str) -> Self {
        if name == self.model.name {
            return self.clone();
        }
        let Upstream { provider, others, prices, .. } = &*self.upstream;
        Self { model: others.model(*provider, name, prices), ..self.clone() }
    }

    /// The same for a model that the server's settings name beside the first: metrics call it by its name.
    fn of_server(&self, name: &str) -> Self {
        if name == self.model.name {
            return self.clone();
        }
        let Upstream { provider, prices, .. } = &*self.upstream;
        Self { model: Arc::new(Model::of_server(*provider, name, prices)), ..self.clone() }
    }

    /// The same model, which is to answer within `budget`, all attempts together.
    #[must_use]
    pub fn within(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// The same model, which is to answer at another temperature or in fewer tokens. The server's limit stays one.
    #[must_use]
    pub fn tuned(self, temperature: Option<f64>, tokens_max: Option<u32>) -> Self {
        let tokens_max = tokens_max.map_or(self.tokens_max, |tokens| tokens.min(self.upstream.tokens_max));
        Self { temperature: temperature.unwrap_or(self.temperature), tokens_max, ..self }
    }

    /// Who offers it.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.upstream.provider
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

    /// Whether it is the same model of the same provider.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.provider() == other.provider() && self.model.name == other.model.name
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
        self.generated(said, &meter.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a call that has ended, by what came of it.
    fn generated<T>(&self, said: Result<T, GenerateError>, meter: &Meter) -> Generated<T> {
        self.model.count(said.as_ref().map_or_else(GenerateError::result, |_| "ok"));
        self.model.note(said.as_ref().err());
        let Meter { attempts, usage, cost_usd } = *meter;
        Generated { said, usage, cost_usd, attempts }
    }

    /// Leave to call the model.
    fn pass(&self) -> Result<Passage, GenerateError> {
        self.model.breaker.pass().ok_or_else(|| {
            if self.model.is_over_quota.load(Ordering::Relaxed) {
                GenerateError::Quota("it is left alone until there may be more".into())
            } else {
                GenerateError::Unavailable("it has failed again and again and is left alone for a while".into())
            }
        })
    }

    async fn within_budget(&self, prompt: &Prompt, meter: &Mutex<Meter>) -> Result<String, GenerateError> {
        let passage = self.pass()?;
        let until = Instant::now() + self.budget;
        let attempt = || self.attempt(prompt, meter);
        let trying = attempt
            .retry(pauses())
            .when(|failure: &Failure| matches!(failure.repeat, Repeat::Soon | Repeat::After(_)))
            .adjust(|failure, pause| {
                let pause = match failure.repeat {
                    Repeat::After(told) => pause.map(|pause| pause.max(told)),
                    Repeat::Soon | Repeat::Never | Repeat::NotFor(_) | Repeat::Without(_) => pause,
                };
                // A pause that ends after the budget is not worth waiting for.
                pause.filter(|pause| Instant::now().checked_add(*pause).is_some_and(|end| end < until))
            });
        let outcome = tokio::time::timeout_at(until, trying).await.unwrap_or_else(|_| {
            Err(Failure::never(GenerateError::Unavailable(format!("no answer within {:.1?}", self.budget))))
        });
        settle(passage, &outcome);
        outcome.map_err(|failure| failure.error)
    }

    async fn attempt(&self, prompt: &Prompt, meter: &Mutex<Meter>) -> Result<String, Failure> {
        let model = &*self.model;
        loop {
            meter.lock().unwrap_or_else(PoisonError::into_inner).attempts += 1;
            let known = model.quirks();
            match self.send(self.request(prompt, Delivery::Whole), RESPONSE_BYTES_MAX).await {
                Ok(body) => return self.read(&body, meter),
                Err(Failure { repeat: Repeat::Without(quirk), error }) => {
                    // It was left out already: then it is something else, and the same again.
                    if known.has(quirk) {
                        return Err(Failure::never(error));
                    }
                    model.learn(quirk);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// The request for an answer, without what the model has shown that it does not know.
    fn request(&self, prompt: &Prompt, delivery: Delivery) -> RequestBuilder {
        let Upstream { wire, http, access, thinking, .. } = &*self.upstream;
        let asked = Asked {
            prompt,
            model: &self.model.name,
            thinking: *thinking,
            temperature: self.temperature,
            tokens_max: self.tokens_max,
            quirks: self.model.quirks(),
        };
        wire.ask(http, &access.url, &asked, delivery)
    }

    /// Asks whether the key opens the model.
    ///
    /// # Errors
    /// [`GenerateError::Refused`] or [`GenerateError::Unavailable`].
    pub async fn check(&self) -> Result<(), GenerateError> {
        let Upstream { wire, http, access, .. } = &*self.upstream;
        let looked_up = async {
            let body = self.send(wire.look_up(http, &access.url, &self.model.name), LIST_BYTES_MAX).await?;
            if wire.lists(&body, &self.model.name) {
                return Ok(());
            }
            Err(Failure::never(GenerateError::Refused(format!("it has no model {}", self.model.name))))
        };
        let answered = match tokio::time::timeout(self.budget, looked_up).await {
            Ok(answered) => answered.map_err(|failure| failure.error),
            Err(_) => Err(GenerateError::Unavailable(format!("no answer within {:.1?}", self.budget))),
        };
        self.model.note(answered.as_ref().err());
        answered
    }

    /// Sends a request and reads the body of an answer that is no error.
    async fn send(&self, request: RequestBuilder, bytes_max: usize) -> Result<Vec<u8>, Failure> {
        body(self.open(request).await?, bytes_max).await
    }

    /// Sends a request; gives the answer, whose body is still to be read, where it is no error.
    async fn open(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = self.authorized(request)?.send().await.map_err(Failure::transport)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        Err(self.upstream.wire.failure(status, &headers, &body(response, RESPONSE_BYTES_MAX).await?))
    }

    /// The request with the key, where there is one.
    fn authorized(&self, request: RequestBuilder) -> Result<RequestBuilder, Failure> {
        let Upstream { wire, access, .. } = &*self.upstream;
        let Some(key) = &access.key else { return Ok(request) };
        let (header, mut value) = wire.key(key.expose_secret()).map_err(|_| {
            let why = format!("{} is no key: it has a line break or the like", access.key_variable);
            Failure::never(GenerateError::Refused(why))
        })?;
        value.set_sensitive(true);
        Ok(request.header(header, value))
    }

    /// What a response says, counting what it cost whatever it says.
    fn read(&self, body: &[u8], meter: &Mutex<Meter>) -> Result<String, Failure> {
        let said = self.upstream.wire.read(body)?;
        let cost_usd = self.model.count_tokens(said.usage);
        meter.lock().unwrap_or_else(PoisonError::into_inner).add(said.usage, cost_usd);
        said.whole()
    }
}

impl Meter {
    fn add(&mut self, usage: Usage, cost_usd: f64) {
        self.usage = self.usage.and(usage);
        self.cost_usd += cost_usd;
    }
}

/// The pauses between attempts.
fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::default().with_min_delay(FIRST_PAUSE).with_factor(2.0).with_max_times(RETRIES_MAX).with_jitter()
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

/// A response's body, which has at most `bytes_max` bytes.
async fn body(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(Failure::transport)? {
        body.extend_from_slice(&piece);
        if body.len() > bytes_max {
            return Err(Failure::never(GenerateError::Invalid(format!("it is larger than {bytes_max} bytes"))));
        }
    }
    Ok(body)
}
