//! Whether the process lives, and whether it can be sent questions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use crate::http::App;

/// What the server is doing beside answering.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    state: Arc<AtomicU8>,
}

const COMPARING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

impl Readiness {
    /// The index has been compared with SQL.
    pub fn compared(&self) {
        let _ = self.state.compare_exchange(COMPARING, READY, Ordering::AcqRel, Ordering::Acquire);
    }

    /// No new requests, please.
    pub fn stopping(&self) {
        self.state.store(STOPPING, Ordering::Release);
    }
}

/// The state of one thing that the server needs.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct Dependency {
    /// Whether it works.
    ok: bool,
    /// What it is, or what is wrong with it.
    detail: String,
}

/// Whether questions can be answered.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct Ready {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// Each thing that is needed, by name.
    dependencies: BTreeMap<&'static str, Dependency>,
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = "operations", responses((status = 200, description = "It lives", body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// Whether questions can be answered, with each dependency by name.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "operations",
    responses((status = 200, description = "Questions are answered", body = Ready), (status = 503, description = "They are not", body = Ready))
)]
pub(super) async fn readyz(State(app): State<App>) -> Response {
    let generation = app.engine.generation();
    let state = app.readiness.state.load(Ordering::Acquire);
    let (database, index) = tokio::join!(app.engine.database().ping(), generation.index.total());
    let dependencies = BTreeMap::from([
        ("database", dependency(database.map(|()| "answers".to_owned()))),
        (
            "index",
            dependency(index.map(|points| {
                let comparing = if state == COMPARING { ", being compared with the database" } else { "" };
                format!("{points} points in generation {}{comparing}", generation.row.id)
            })),
        ),
        ("embedding", Dependency { ok: true, detail: app.engine.embedder().identity().name.clone() }),
        ("confidence", Dependency { ok: true, detail: app.engine.calibration().guarantee.clone() }),
    ]);
    let is_ready = state != STOPPING && dependencies.values().all(|dependency| dependency.ok);
    let (code, status) =
        if is_ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not_ready") };
    let mut response = (code, Json(Ready { status, dependencies })).into_response();
    // The body says more than a problem would.
    response.extensions_mut().insert(crate::http::problem::KeepBody);
    response
}

fn dependency<E: std::fmt::Display>(outcome: Result<String, E>) -> Dependency {
    match outcome {
        Ok(detail) => Dependency { ok: true, detail },
        Err(error) => Dependency { ok: false, detail: error.to_string() },
    }
}
