//! The addresses of the Gemini API, and its key.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::fake::{Fake, nowhere};
use crate::gemini::error::ApiError;
use crate::gemini::form::Form;
use crate::gemini::generate::{self, Call};
use crate::gemini::listing::{self, Page};
use crate::gemini::outage::outage;
use crate::plan::Unplanned;
use crate::record::Entry;
use crate::wire::{staged, whole};

/// A look-up of models, for the scenarios that are named by one.
const LOOK_UP: Call = Call { model: "", method: "generateContent", form: Form::Object };

/// Every address of the API. A method of a model, such as `:generateContent`, is a branch of [`call`].
pub(crate) fn router() -> Router<Arc<Fake>> {
    Router::new().route("/v1beta/models", get(list)).route("/v1beta/models/{*model}", get(look_up).post(call))
}

/// The real API also reads `?key=`; here that is no key, so that a client which puts one into an address is found out.
pub(crate) fn key(fake: &Fake, headers: &HeaderMap) -> Result<(), ApiError> {
    let key = headers.get("x-goog-api-key").map(|key| String::from_utf8_lossy(key.as_bytes()));
    match key.as_deref() {
        None | Some("") => Err(ApiError::key_missing()),
        Some(key) if fake.is_valid(key) => Ok(()),
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
    staged(scenario, || match outage(scenario, LOOK_UP) {
        Some(outage) => Ok(outage),
        None => Ok(whole(scenario, &listing::list(&fake.models, &page)?)),
    })
    .await
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
    let call = Call { model: &model, ..LOOK_UP };
    staged(scenario, || Ok(outage(scenario, call).unwrap_or_else(|| whole(scenario, &listing::item(&model))))).await
}

async fn call(
    State(fake): State<Arc<Fake>>,
    Extension(entry): Extension<Entry>,
    headers: HeaderMap,
    uri: Uri,
    Path(path): Path<String>,
    body: Bytes,
) -> Response {
    let Some((model, method)) = path.rsplit_once(':') else { return nowhere().await };
    let call = Call { model, method, form: Form::of(&uri) };
    answered(&fake, entry, &headers, call, &body).await.unwrap_or_else(|error| error.in_form(call.form))
}

async fn answered(
    fake: &Fake,
    entry: Entry,
    headers: &HeaderMap,
    call: Call<'_>,
    body: &[u8],
) -> Result<Response, ApiError> {
    if !["generateContent", "streamGenerateContent"].contains(&call.method) {
        return Err(ApiError::not_faked(call.method));
    }
    let accepted = generate::accept(call, fake.knows(call.model), body)?;
    let scenario = fake.decide(entry, &Method::POST, headers, Some(call.model))?;
    staged(scenario, || generate::respond(scenario, fake.seed, call, &accepted)).await
}

impl From<Unplanned> for ApiError {
    fn from(unplanned: Unplanned) -> Self {
        Self::invalid(unplanned.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.in_form(Form::Object)
    }
}
