//! What both APIs share: the addresses together, the log, the keys, and the choice of a scenario.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};

use crate::gemini::error::ApiError;
use crate::gemini::form::Form;
use crate::openai::error::Refusal;
use crate::plan::{Plan, Unplanned, names_scenario};
use crate::record::{Entry, Log, RecordedRequest};
use crate::scenario::Scenario;
use crate::wire::HangUp;
use crate::{gemini, openai};

/// The largest body that is taken.
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

/// Every address of both APIs.
pub(crate) fn router(fake: Arc<Fake>) -> Router {
    gemini::routes::router()
        .merge(openai::routes::router())
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
    let mut response = match (refused(&fake, &parts.uri, &parts.headers, body.is_err()), body) {
        (None, Ok(body)) => next.run(Request::from_parts(parts, body.into())).await,
        (refused, _) => refused.unwrap_or_default(),
    };
    if response.extensions().get::<HangUp>().is_none() {
        lock(&fake.log).answered(entry, response.status());
    }
    response.headers_mut().insert(header::SERVER, HeaderValue::from_static("fake-gemini"));
    response
}

/// Why a request comes no further, in the words of the API whose address it was sent to.
fn refused(fake: &Fake, uri: &Uri, headers: &HeaderMap, is_too_large: bool) -> Option<Response> {
    let too_large = || format!("Request payload size exceeds the limit: {BODY_BYTES_MAX} bytes.");
    if uri.path().starts_with("/v1/") {
        let refusal = openai::routes::key(fake, headers).err();
        return refusal
            .or_else(|| is_too_large.then(|| Refusal::invalid(too_large())))
            .map(IntoResponse::into_response);
    }
    let error = gemini::routes::key(fake, headers).err();
    let error = error.or_else(|| is_too_large.then(|| ApiError::invalid(too_large())));
    error.map(|error| error.in_form(Form::of(uri)))
}

pub(crate) async fn nowhere() -> Response {
    let page = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)</title>\n<p><b>404.</b> Not found.\n";
    (StatusCode::NOT_FOUND, Html(page)).into_response()
}

impl Fake {
    pub(crate) fn is_valid(&self, key: &str) -> bool {
        self.keys.is_empty() || self.keys.contains(key)
    }

    pub(crate) fn knows(&self, model: &str) -> bool {
        self.models.iter().any(|known| known == model) || names_scenario(model)
    }

    /// The scenario that a request would meet, without a step.
    pub(crate) fn peek(&self, method: &Method, headers: &HeaderMap, model: Option<&str>) -> Option<Scenario> {
        lock(&self.plan).peek(method, headers, model)
    }

    /// The scenario of a request, which is then in the log.
    pub(crate) fn decide(
        &self,
        entry: Entry,
        method: &Method,
        headers: &HeaderMap,
        model: Option<&str>,
    ) -> Result<Scenario, Unplanned> {
        let scenario = lock(&self.plan).next(method, headers, model)?;
        lock(&self.log).decided(entry, scenario);
        Ok(scenario)
    }
}
