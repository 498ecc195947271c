//! Whether the process lives, and whether it can be sent questions.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use metrics::gauge;
use tokio::time::error::Elapsed;
use utoipa::ToSchema;

use crate::answer::in_force::{self, RestsOn};
use crate::answer::store;
use crate::database::DatabaseError;
use crate::engine::Engine;
use crate::inference::Generator;
use crate::search::Comparison;
use crate::telemetry;

/// How long a dependency may take to say that it works.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

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
    /// `ready`; `degraded`: questions are answered, not as well as they could be; `not_ready`.
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
pub(super) async fn readyz(State(engine): State<Engine>) -> Response {
    let dependencies = dependencies(&engine).await;
    let works = |name: &str| dependencies.get(name).is_none_or(|dependency| dependency.ok);
    let is_ready = dependencies.keys().all(|name| DISPENSABLE.contains(name) || works(name));
    let (code, status) = match (is_ready, DISPENSABLE.into_iter().all(works)) {
        (true, true) => (StatusCode::OK, "ready"),
        (true, false) => (StatusCode::OK, "degraded"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    let mut response = (code, Json(Ready { status, dependencies })).into_response();
    // The body says more than a problem would.
    response.extensions_mut().insert(crate::http::problem::KeepBody);
    response
}

/// The language model. Without it questions are answered from the articles' own sentences.
const GENERATOR: &str = "generator";
/// The cross-encoder, where one is set. Without it passages have an order all the same.
const RERANKER: &str = "reranker";
/// The model that checks sentences too, where one is set. Without it they are checked by their words.
const CHECKER: &str = "checker";
/// What thresholds rest on: an answer has a confidence in any case.
const CONFIDENCE: &str = "confidence";
/// Dependencies without which questions are still answered.
const DISPENSABLE: [&str; 4] = [GENERATOR, RERANKER, CHECKER, CONFIDENCE];

/// Each thing that the server needs, by name.
async fn dependencies(engine: &Engine) -> BTreeMap<&'static str, Dependency> {
    let index = async {
        // The one that SQL says is active: another process may have switched to it.
        let generation = engine.active_generation().await.map_err(|error| error.to_string())?;
        let points = generation.index.total().await.map_err(|error| error.to_string())?;
        gauge!(telemetry::INDEX_POINTS).set(f64::from(u32::try_from(points).unwrap_or(u32::MAX)));
        Ok::<_, String>(format!("{points} points in generation {}, {}", generation.row.id, generation.index.place()))
    };
    let (database, index, confidence) = tokio::join!(
        tokio::time::timeout(ANSWER_TIMEOUT, engine.database().ping()),
        tokio::time::timeout(ANSWER_TIMEOUT, index),
        tokio::time::timeout(ANSWER_TIMEOUT, confidence(engine)),
    );
    let embedder = engine.embedder();
    let embedding = Dependency { ok: embedder.is_running(), detail: embedder.identity().name.clone() };
    let mut dependencies = BTreeMap::from([
        ("database", answered("database", database.map(|pinged| pinged.map(|()| "answers".to_owned())))),
        ("index", answered("index", index)),
        ("index_comparison", comparison(engine.readiness().comparison())),
        ("embedding", embedding),
        (CONFIDENCE, answered(CONFIDENCE, confidence)),
        (GENERATOR, generator(engine)),
    ]);
    if let Some(reranker) = engine.reranker() {
        let dependency = Dependency { ok: reranker.is_running(), detail: reranker.name().to_owned() };
        dependencies.insert(RERANKER, dependency);
    }
    if let Some(checker) = engine.checker() {
        let dependency = Dependency { ok: checker.is_asked(), detail: checker.name().to_owned() };
        dependencies.insert(CHECKER, dependency);
    }
    dependencies
}

/// What thresholds rest on, in words and as a metric.
async fn confidence(engine: &Engine) -> Result<String, DatabaseError> {
    let [default, workspace, outdated] = in_force::count(engine).await?;
    for (rests_on, count) in RestsOn::ALL.into_iter().zip([default, workspace, outdated]) {
        gauge!(telemetry::CALIBRATION_STATE, "state" => rests_on.name())
            .set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }
    let shipped = &engine.calibration().guarantee;
    let mut rests_on = if workspace + outdated == 0 {
        shipped.clone()
    } else {
        format!(
            "{workspace} workspaces with a calibration of their own, {outdated} with one that was made for other answers, {default} with \
             what ships ({shipped})"
        )
    };
    let own = store::count_thresholds(engine.database()).await?;
    if own > 0 {
        // Writing to a string cannot fail.
        let _ = write!(rests_on, "; {own} workspaces have a threshold of their own: no guarantee");
    }
    Ok(rests_on)
}

/// How far the comparison of the index with SQL has come.
fn comparison(comparison: Comparison) -> Dependency {
    match comparison {
        Comparison::Running => Dependency { ok: false, detail: "being compared with the database".into() },
        Comparison::Restoring { points } => {
            Dependency { ok: false, detail: format!("being restored: {points} points were missing") }
        }
        Comparison::Failed => {
            Dependency { ok: false, detail: "cannot be reached or is not complete; the log says why".into() }
        }
        Comparison::Done => Dependency { ok: true, detail: "has all that the database has".into() },
    }
}

fn generator(engine: &Engine) -> Dependency {
    let generators = engine.generators();
    let Some(first) = generators.first() else {
        return Dependency { ok: true, detail: "no language model is set up: answers quote the articles".into() };
    };
    let (ok, mut detail) = state(first);
    if let Some(second) = generators.second() {
        // Writing to a string cannot fail.
        let _ = write!(detail, "; second: {}", state(second).1);
    }
    Dependency { ok, detail }
}

/// Whether a language model is asked, and how it does.
fn state(generator: &Generator) -> (bool, String) {
    let model = generator.model();
    if generator.is_refused() {
        (false, format!("{model} refuses the key or the request; the log says why"))
    } else if !generator.is_called() {
        (false, format!("{model} fails and is left alone for a while"))
    } else {
        (true, model.to_owned())
    }
}

/// Brings `dependency_up` up to date, for a scrape.
pub async fn count_dependencies(engine: &Engine) {
    for (name, dependency) in dependencies(engine).await {
        gauge!(telemetry::DEPENDENCY_UP, "dependency" => name).set(if dependency.ok { 1.0 } else { 0.0 });
    }
}

/// Anybody may ask how the server is, and only whoever runs it may read addresses and the words of other systems: they are logged.
fn answered<E: std::fmt::Display>(name: &str, outcome: Result<Result<String, E>, Elapsed>) -> Dependency {
    match outcome {
        Ok(Ok(detail)) => Dependency { ok: true, detail },
        Ok(Err(error)) => {
            tracing::warn!(%error, dependency = name, "a dependency does not work");
            Dependency { ok: false, detail: "does not work; the log says why".into() }
        }
        Err(_) => Dependency { ok: false, detail: format!("no answer within {} seconds", ANSWER_TIMEOUT.as_secs()) },
    }
}
