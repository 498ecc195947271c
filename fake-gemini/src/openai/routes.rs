//! The addresses of the OpenAI-compatible API, and its key.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::openai::complete::{accept, respond};
use crate::openai::error::Refusal;
use crate::openai::outage::outage;
use crate::openai::request::Request;
use crate::plan::Unplanned;
use crate::record::Entry;
use crate::scenario::{Plain, Scenario};
use crate::wire::{staged, whole};

/// Every address of the API.
pub(crate) fn router() -> Router<Arc<Fake>> {
    Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(list))
        .route("/v1/models/{*model}", get(look_up))
}

/// Where no keys are known none is needed, as for a model on one's own machine.
pub(crate) fn key(fake: &Fake, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return if fake.keys.is_empty() { Ok(()) } else { Err(Refusal::key_missing()) };
    };
    let header = String::from_utf8_lossy(header.as_bytes());
    match header.strip_prefix("Bearer ").map(str::trim) {
        None | Some("") => Err(Refusal::key_missing()),
        Some(key) if fake.is_valid(key) => Ok(()),
        Some(_) => Err(Refusal::key_invalid()),
    }
}

async fn list(
    State(fake): State<Arc<Fake>>,
    Extension(entry): Extension<Entry>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let scenario = fake.decide(entry, &Method::GET, &headers, None)?;
    staged(scenario, || {
        let items: Vec<Value> = fake.models.iter().map(|model| item(model)).collect();
        let listing = json!({ "object": "list", "data": items });
        Ok(outage(scenario, "").unwrap_or_else(|| whole(scenario, &listing)))
    })
    .await
}

async fn look_up(
    State(fake): State<Arc<Fake>>,
    Extension(entry): Extension<Entry>,
    headers: HeaderMap,
    Path(model): Path<String>,
) -> Result<Response, Refusal> {
    if !fake.knows(&model) {
        return Err(Refusal::model_not_listed(&model));
    }
    let scenario = fake.decide(entry, &Method::GET, &headers, Some(&model))?;
    staged(scenario, || Ok(outage(scenario, &model).unwrap_or_else(|| whole(scenario, &item(&model))))).await
}

async fn complete(
    State(fake): State<Arc<Fake>>,
    Extension(entry): Extension<Entry>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let read = Request::read(&body);
    let model = read.as_ref().ok().map(|request| request.model.clone());
    let accepted = read.and_then(|request| accept(&request, fake.knows(&request.model)).map(|()| request));
    let request = match accepted {
        Ok(request) => request,
        // Nothing is decided yet, and a request that is refused takes no step of a script.
        Err(refusal) => return in_words_of(fake.peek(&Method::POST, &headers, model.as_deref()), refusal),
    };
    let scenario = match fake.decide(entry, &Method::POST, &headers, Some(&request.model)) {
        Ok(scenario) => scenario,
        Err(unplanned) => return Refusal::from(unplanned).into_response(),
    };
    let response = staged(scenario, || respond(scenario, fake.seed, &request, &body)).await;
    response.unwrap_or_else(|refusal| in_words_of(Some(scenario), refusal))
}

/// OpenRouter refuses in other words than OpenAI.
fn in_words_of(scenario: Option<Scenario>, refusal: Refusal) -> Response {
    if scenario == Some(Plain::OpenRouter.into()) { refusal.numeric() } else { refusal }.into_response()
}

/// What is said of a model.
fn item(model: &str) -> Value {
    json!({ "id": model, "object": "model", "created": 1_780_000_000, "owned_by": "fake" })
}

impl From<Unplanned> for Refusal {
    fn from(unplanned: Unplanned) -> Self {
        Self::invalid(unplanned.to_string())
    }
}
