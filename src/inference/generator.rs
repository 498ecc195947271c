//! Language models over HTTP: one prompt, one answer in JSON, within a budget of time.

mod chain;
mod failure;
mod model;
mod provider;
mod wire;
mod writing;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use chain::{Generators, SetUpError};
pub use failure::GenerateError;
pub use provider::Provider;
use reqwest::{Client, RequestBuilder, Response};
use secrecy::ExposeSecret;
pub use wire::{Prompt, Usage};
pub use writing::Writing;

use crate::config::{Config, ModelPrices, Thinking};
use crate::inference::breaker::Passage;
use crate::inference::generator::failure::Failure;
use crate::inference::generator::model::{Model, Others};
use crate::inference::generator::provider::Access;
use crate::inference::generator::wire::{Asked, Delivery, Wire};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest error that is read.
const ERROR_BYTES_MAX: usize = 1 << 20;
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
        let mut writing = Writing::of(self, prompt, Delivery::Whole);
        while writing.more().await {}
        writing.end(read)
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
        Err(self.upstream.wire.failure(status, &headers, &body(response, ERROR_BYTES_MAX).await?))
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
