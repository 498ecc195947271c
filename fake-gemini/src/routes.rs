//! From an address to what answers it: keys, the log, and the choice of a scenario.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Bytes, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use crate::error::ApiError;
use crate::generate;
use crate::listing::{self, Page};
use crate::outage::{HangUp, cut_short, outage};
use crate::plan::{Plan, names_scenario};
use crate::record::{Entry, Log, RecordedRequest};
use crate::scenario::{Moment, Scenario};

/// The largest body that the API takes.
const BODY_BYTES_MAX: usize = 20 * 1_024 * 1_024;

/// What all requests share.
pub(crate) struct Fake {
    /// None at all: every key is valid.
    pub(crate) keys: HashSet<String>,
    pub(crate) models: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) plan: Mutex<Plan>,
    pub(crate) log: Mutex<Log>,
}

/// Every address of the API.
///
/// A method of a model, such as `:streamGenerateContent`, is a branch of [`call`].
pub(crate) fn router(fake: Arc<Fake>) -> Router {
    Router::new()
        .route("/v1beta/models", get(list))
        .route("/v1beta/models/{*model}", get(look_up).post(call))
        .fallback(nowhere)
        .layer(from_fn_with_state(Arc::clone(&fake), guard))
        .with_state(fake)
}

/// A poisoned lock only means that a test panicked while it asserted.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records a request and what it was answered with, and asks for a key in between.
async fn guard(State(fake): State<Arc<Fake>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await;
    let read = body.as_deref().unwrap_or_default();
    let entry = lock(&fake.log).add(RecordedRequest::new(&parts.method, &parts.uri, &parts.headers, read));
    parts.extensions.insert(entry);
    let mut response = match (key(&fake, &parts.headers), body) {
        (Err(error), _) => error.into_response(),
        (Ok(()), Err(_)) => {
            let message = format!("Request payload size exceeds the limit: {BODY_BYTES_MAX} bytes.");
            ApiError::invalid(message).into_response()
        }
        (Ok(()), Ok(body)) => next.run(Request::from_parts(parts, body.into())).await,
    };
    if response.extensions().get::<HangUp>().is_none() {
        lock(&fake.log).answered(entry, response.status());
    }
    response.headers_mut().insert(header::SERVER, HeaderValue::from_static("fake-gemini"));
    response
}

/// The real API also reads `?key=`; here that is no key, so that a client which puts one into an address is found out.
fn key(fake: &Fake, headers: &HeaderMap) -> Result<(), ApiError> {
    let key = headers.get("x-goog-api-key").map(|key| String::from_utf8_lossy(key.as_bytes()));
    match key.as_deref() {
        None | Some("") => Err(ApiError::key_missing()),
        Some(key) if fake.keys.is_empty() || fake.keys.contains(key) => Ok(()),
        Some(_) => Err(ApiError::key_invalid()),
    }
}

async fn list(
    State(fake): State<Arc<Fake>>,
    Extension(entry): Extension<Entry>,
    headers: HeaderMap,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(page) = page.map_err(|rejection| ApiError::invalid(rejection.body_text()))?;
    let scenario = fake.decide(entry, &Method::GET, &headers, None)?;
    staged(scenario, "", || Ok(Json(listing::list(&fake.models, &page)?).into_response())).await
}

async fn look_up(
    State(fake): State<Arc<Fake>>,
    Extension(entry): Extension<Entry>,
    headers: HeaderMap,
    Path(model): Path<String>,
) -> Result<Response, ApiError> {
    if !fake.knows(&model) {
        return Err(ApiError::model_not_listed(&model));
    }
    let scenario = fake.decide(entry, &Method::GET, &headers, Some(&model))?;
    staged(scenario, &model, || Ok(Json(listing::item(&model)).into_response())).await
}

async fn call(
    State(fake): State<Arc<Fake>>,
    Extension(entry): Extension<Entry>,
    headers: HeaderMap,
    Path(call): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let Some((model, method)) = call.rsplit_once(':') else { return Ok(nowhere().await) };
    if method != "generateContent" {
        return Err(ApiError::not_faked(method));
    }
    let accepted = generate::accept(model, fake.knows(model), &body)?;
    let scenario = fake.decide(entry, &Method::POST, &headers, Some(model))?;
    staged(scenario, model, || generate::respond(scenario, fake.seed, model, &accepted)).await
}

/// What `answer` gives, unless `scenario` says that something happens before, after or instead.
async fn staged(
    scenario: Scenario,
    model: &str,
    answer: impl FnOnce() -> Result<Response, ApiError>,
) -> Result<Response, ApiError> {
    if let Some(outage) = outage(scenario, model) {
        return Ok(outage);
    }
    if let Scenario::SlowTtft(wait) = scenario {
        tokio::time::sleep(wait).await;
    }
    match scenario {
        Scenario::Disconnect(Moment::MidBody) => Ok(cut_short(answer()?).await),
        _ => answer(),
    }
}

async fn nowhere() -> Response {
    let page = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)</title>\n<p><b>404.</b> Not found.\n";
    (StatusCode::NOT_FOUND, Html(page)).into_response()
}

impl Fake {
    fn knows(&self, model: &str) -> bool {
        self.models.iter().any(|known| known == model) || names_scenario(model)
    }

    fn decide(
        &self,
        entry: Entry,
        method: &Method,
        headers: &HeaderMap,
        model: Option<&str>,
    ) -> Result<Scenario, ApiError> {
        let scenario = lock(&self.plan).next(method, headers, model)?;
        lock(&self.log).decided(entry, scenario);
        Ok(scenario)
    }
}
