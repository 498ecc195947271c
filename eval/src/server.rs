//! A running server, asked over HTTP as an admin would try a question out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use backon::{ExponentialBuilder, Retryable as _};
use candor::answer::Trace;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::about::MadeWith;
use crate::dataset::Turn;
use crate::outcome::{Asked, RANKED_KEPT, without_repeats};
use crate::target::{self, PASSAGES_RANKED, Reply};

/// How long one question may take; a language model's thoughts are within it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Attempts after the first, for a server that restarts or is busy: about 15 seconds in all.
const RETRIES_MAX: usize = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// A server and the key to it; cheap to clone.
#[derive(Clone)]
pub struct Server {
    client: Client,
    url: String,
    key: Arc<SecretString>,
    /// What the first answer was made with; a server that changes in the middle of a run spoils it.
    made_with: Arc<Mutex<Option<MadeWith>>>,
}

/// `POST /ai/test`'s answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestReply {
    decision: String,
    reason: Option<String>,
    response_type: String,
    confidence: f64,
    draft: String,
    citations: Vec<SourcedCitation>,
    ranking: Vec<RankedArticle>,
    trace: Trace,
    latency_ms: f64,
}

#[derive(Deserialize)]
struct SourcedCitation {
    source: String,
    quote: String,
}

#[derive(Deserialize)]
struct RankedArticle {
    source: String,
}

/// RFC 9457, as far as it is read.
#[derive(Deserialize)]
struct Problem {
    code: String,
    title: String,
    detail: Option<String>,
}

/// Why a question has no answer.
enum Failure {
    /// Later there may be one.
    Passing(anyhow::Error),
    /// The message is none that the server takes.
    Refused(String),
    Lasting(anyhow::Error),
}

impl Server {
    /// A server by its URL, and a secret key with the scope `admin:read`.
    ///
    /// # Errors
    /// When no HTTP client can be made, or the URL is none.
    pub fn new(url: &str, key: SecretString) -> Result<Self> {
        let parsed = reqwest::Url::parse(url).map_err(|error| anyhow!("--url {url} is no URL: {error}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            bail!("--url {url} is no URL of a server: it begins with http:// or https://");
        }
        // The key would go with a redirect, to wherever it leads.
        let client = Client::builder().timeout(ANSWER_TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { client, url, key: Arc::new(key), made_with: Arc::default() })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// SHA-256 of the key, which tells keys apart and opens nothing.
    #[must_use]
    pub fn key_hash(&self) -> String {
        hex::encode(Sha256::digest(self.key.expose_secret()))
    }

    /// Sends one message with what was said before it; waits for a server that is away for a moment.
    ///
    /// # Errors
    /// When there is no answer for a reason outside of the message, or the server answers in another way than before.
    pub async fn ask(&self, message: &str, history: &[Turn]) -> Result<Reply> {
        let pauses =
            ExponentialBuilder::default().with_min_delay(FIRST_PAUSE).with_max_times(RETRIES_MAX).with_jitter();
        let attempt = || self.attempt(message, history);
        let outcome = attempt.retry(pauses).when(|failure| matches!(failure, Failure::Passing(_))).await;
        match outcome {
            Ok(reply) => {
                self.compare(&reply.trace)?;
                Ok(Reply::Answer(Box::new(asked(reply))))
            }
            Err(Failure::Refused(why)) => Ok(Reply::Refused(why)),
            Err(Failure::Passing(error) | Failure::Lasting(error)) => Err(error),
        }
    }

    /// What answers are made with: as the first answer said.
    ///
    /// # Errors
    /// When nothing has been answered.
    pub async fn made_with(&self) -> Result<MadeWith> {
        if self.known().is_none() {
            // Any answer tells.
            self.ask("Which versions?", &[]).await?;
        }
        self.known().ok_or_else(|| anyhow!("the server {} has said nothing about itself", self.url))
    }

    fn known(&self) -> Option<MadeWith> {
        self.made_with.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn attempt(&self, message: &str, history: &[Turn]) -> Result<TestReply, Failure> {
        let silent = |error: reqwest::Error| {
            let (url, is_slow) = (&self.url, error.is_timeout() && !error.is_connect());
            let failure = anyhow!("the server at {url} does not answer: {}", error.without_url());
            // What took two minutes is not asked for again.
            if is_slow { Failure::Lasting(failure) } else { Failure::Passing(failure) }
        };
        let reply = self
            .client
            .post(format!("{}/ai/test", self.url))
            .header("X-API-Key", self.key.expose_secret())
            .json(&json!({ "message": message, "history": history, "passages": PASSAGES_RANKED }))
            .send()
            .await
            .map_err(silent)?;
        let status = reply.status();
        let body = reply.bytes().await.map_err(silent)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| {
                let url = &self.url;
                Failure::Lasting(anyhow!(
                    "what the server at {url} answers is not what this version of `eval` reads: {error}"
                ))
            });
        }
        let problem: Option<Problem> = serde_json::from_slice(&body).ok();
        Err(self.failure(status, problem))
    }

    fn failure(&self, status: StatusCode, problem: Option<Problem>) -> Failure {
        let url = &self.url;
        let Some(Problem { code, title, detail }) = problem else {
            let error = anyhow!("the server at {url} answers {status}: is it Candor, and of this version?");
            return if status.is_server_error() { Failure::Passing(error) } else { Failure::Lasting(error) };
        };
        let detail = detail.unwrap_or(title);
        match code.as_str() {
            "message_empty" | "message_too_long" => Failure::Refused(detail),
            "key_missing" | "key_invalid" | "scope_missing" | "secret_key_in_browser" => Failure::Lasting(anyhow!(
                "the server at {url} refuses the key: {detail}; make one with `candor key create --kind secret --scopes admin:read`"
            )),
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Failure::Passing(anyhow!("the server at {url} answers {status}, {code}: {detail}"))
            }
            _ => Failure::Lasting(anyhow!("the server at {url} answers {status}, {code}: {detail}")),
        }
    }

    /// Notes what the first answer was made with, and refuses one that was made with something else.
    fn compare(&self, trace: &Trace) -> Result<()> {
        let told = MadeWith {
            candor: trace.versions.candor.clone(),
            config_hash: trace.versions.hashes.config_hash.clone(),
            calibration_hash: trace.versions.hashes.calibration_hash.clone(),
            answering_hash: trace.versions.hashes.answering_hash.clone(),
            embedding: trace.versions.embedding.clone(),
            // Where the model failed, the trace names what took its place.
            generator: trace
                .model
                .as_ref()
                .map_or_else(|| trace.versions.generator.clone(), |model| format!("{}, {}", model.model, model.prompt)),
            threshold: trace.threshold,
            guarantee: trace.versions.guarantee.clone(),
        };
        let mut known = self.made_with.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(known) if known.config_hash != told.config_hash => {
                bail!(
                    "the server at {} was changed while it was asked; ask it again from the start with --fresh",
                    self.url
                )
            }
            Some(_) => (),
            None => *known = Some(told),
        }
        Ok(())
    }
}

fn asked(reply: TestReply) -> Asked {
    let cited = without_repeats(reply.citations.iter().map(|citation| citation.source.as_str()));
    Asked {
        ranked: reply.ranking.into_iter().take(RANKED_KEPT).map(|article| article.source).collect(),
        draft: reply.draft,
        cited,
        quotes: reply.citations.into_iter().map(|citation| citation.quote).collect(),
        decision: reply.decision,
        reason: reply.reason,
        refusal: None,
        response_type: reply.response_type,
        confidence: reply.confidence,
        logit: reply.trace.logit,
        features: target::features(&reply.trace),
        best_passage: target::best_passage(&reply.trace),
        stages_ms: reply.trace.stages_ms.clone(),
        total_ms: Some(reply.latency_ms),
    }
}
