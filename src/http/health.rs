//! Whether the process lives, and whether it can be sent questions.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use crate::http::App;
use crate::http::problem::{Code, Problem};

/// How far the comparison of the index with SQL has come.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    state: Arc<RwLock<Comparison>>,
}

#[derive(Clone, Debug, Default)]
enum Comparison {
    /// It is being made; most often nothing differs.
    #[default]
    Running,
    /// Points are missing and are being made again: a question would not find what the articles say.
    Restoring { points: usize },
    /// It could not be made or mended, and is tried again.
    Failed { why: String },
    /// The index has all that SQL has.
    Done,
}

impl Readiness {
    /// The index has all that SQL has.
    pub fn compared(&self) {
        self.set(Comparison::Done);
    }

    /// Points are missing and are being made again.
    pub fn restoring(&self, points: usize) {
        self.set(Comparison::Restoring { points });
    }

    /// The comparison failed.
    pub fn failed(&self, why: String) {
        self.set(Comparison::Failed { why });
    }

    /// Refuses a question that would be answered from a part of the articles.
    pub(super) fn check(&self) -> Result<(), Problem> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            Comparison::Running | Comparison::Done => Ok(()),
            Comparison::Restoring { points } => Err(Problem::new(Code::DependencyUnavailable)
                .because(format!("the index is being restored: {points} passages were missing"))),
            Comparison::Failed { .. } => Err(Problem::new(Code::DependencyUnavailable)
                .because("the index is not complete, and making it so has failed; it is tried again")),
        }
    }

    fn set(&self, state: Comparison) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn dependency(&self) -> Dependency {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            Comparison::Running => Dependency { ok: false, detail: "being compared with the database".into() },
            Comparison::Restoring { points } => {
                Dependency { ok: false, detail: format!("being restored: {points} points were missing") }
            }
            Comparison::Failed { why } => {
                Dependency { ok: false, detail: format!("could not be compared with the database: {why}") }
            }
            Comparison::Done => Dependency { ok: true, detail: "has all that the database has".into() },
        }
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
    let (database, index) = tokio::join!(app.engine.database().ping(), generation.index.total());
    let dependencies = BTreeMap::from([
        ("database", dependency(database.map(|()| "answers".to_owned()))),
        ("index", dependency(index.map(|points| format!("{points} points in generation {}", generation.row.id)))),
        ("index_comparison", app.readiness.dependency()),
        (
            "embedding",
            Dependency {
                ok: app.engine.embedder().is_running(),
                detail: app.engine.embedder().identity().name.clone(),
            },
        ),
        ("confidence", Dependency { ok: true, detail: app.engine.calibration().guarantee.clone() }),
    ]);
    let is_ready = dependencies.values().all(|dependency| dependency.ok);
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
