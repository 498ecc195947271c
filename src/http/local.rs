//! The local door: how `ingest` and the commands reach the server that holds the embedded index.
//!
//! It listens on the loopback address and a port of the system's choice, and wants a token that only this machine's user can
//! read. The address and the token lie in the data folder as long as the server runs. Contents come in, never paths.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use axum::extract::{DefaultBodyLimit, Path as UrlPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use metrics::{counter, histogram};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::database::DatabaseError;
use crate::engine::Engine;
use crate::ids::WorkspaceId;
use crate::knowledge::generation::{self, Rebuilt};
use crate::knowledge::health::{self, Health};
use crate::knowledge::store::{self, Known};
use crate::knowledge::sync::{self, ArticleFile, KnowledgeError, Published};
use crate::knowledge::transfer;
use crate::telemetry;

/// Names of files that fit into one call.
const NAMES_BYTES_MAX: usize = 64 << 20;

/// Where a running server is, as it leaves it in the data folder.
#[derive(Serialize, Deserialize)]
pub struct Address {
    /// Its local door, as in `http://127.0.0.1:40123`.
    pub url: String,
    token: String,
}

/// The file with the server's address, removed when it is dropped.
#[derive(Debug)]
pub struct AddressFile {
    path: PathBuf,
}

/// What went wrong, for a program on the same machine.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// A sentence.
    pub error: String,
    /// Whether it is the file that is at fault, so that the others can go on.
    pub is_about_file: bool,
}

/// How many articles were taken away.
#[derive(Debug, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Their number.
    pub articles: usize,
}

impl Address {
    /// The address of the server that runs on `data_dir`; `None` when none has left one.
    #[must_use]
    pub fn find(data_dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(data_dir.join(ADDRESS_FILE)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// A client for the local door: what goes there stays on this machine, whatever proxy the environment names.
    ///
    /// # Errors
    /// When the system gives no sockets.
    pub fn client() -> reqwest::Result<reqwest::Client> {
        reqwest::Client::builder().no_proxy().build()
    }

    /// The token to send as a bearer.
    #[must_use]
    pub fn token(&self) -> SecretString {
        self.token.clone().into()
    }
}

const ADDRESS_FILE: &str = "server.json";

impl AddressFile {
    /// Leaves the address where `ingest` looks for it, readable by this user alone.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn leave(data_dir: &Path, address: SocketAddr, token: &SecretString) -> std::io::Result<Self> {
        let path = data_dir.join(ADDRESS_FILE);
        let content = Address { url: format!("http://{address}"), token: token.expose_secret().to_owned() };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
            options.mode(0o600);
            if path.exists() {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            }
        }
        options.open(&path)?.write_all(&serde_json::to_vec(&content).unwrap_or_default())?;
        Ok(Self { path })
    }
}

impl Drop for AddressFile {
    fn drop(&mut self) {
        // A file that stays is found stale by whoever reads it: nobody answers there.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[derive(Clone)]
struct Local {
    engine: Engine,
    token: SecretString,
}

/// The routes of the local door.
pub fn router(engine: Engine, token: SecretString) -> Router {
    // Base64 makes a file a third larger; JSON adds its name.
    let article_bytes_max = engine.config().article_bytes_max.saturating_mul(2).saturating_add(8_192);
    let local = Local { engine, token };
    Router::new()
        .route("/workspaces/{workspace}/known", get(known))
        .route("/workspaces/{workspace}/publish", post(publish).layer(DefaultBodyLimit::max(article_bytes_max)))
        .route("/workspaces/{workspace}/withdraw", post(withdraw).layer(DefaultBodyLimit::max(NAMES_BYTES_MAX)))
        .route("/reindex", post(reindex))
        .route("/index", get(index_health))
        .layer(axum::middleware::from_fn_with_state(local.clone(), only_with_token))
        .with_state(local)
}

async fn only_with_token(State(local): State<Local>, request: Request, next: Next) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wanted = format!("Bearer {}", local.token.expose_secret());
    if bool::from(sent.as_bytes().ct_eq(wanted.as_bytes())) {
        next.run(request).await
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

async fn known(
    State(local): State<Local>,
    UrlPath(workspace): UrlPath<WorkspaceId>,
) -> Result<Json<Vec<Known>>, Failed> {
    let database = local.engine.database();
    if store::standing(database, workspace).await.map_err(KnowledgeError::from)?.is_none() {
        return Err(KnowledgeError::NoWorkspace(workspace).into());
    }
    Ok(Json(store::known_files(database, workspace).await.map_err(KnowledgeError::from)?))
}

async fn publish(
    State(local): State<Local>,
    UrlPath(workspace): UrlPath<WorkspaceId>,
    Json(file): Json<ArticleFile>,
) -> Result<Json<Published>, Failed> {
    let began = Instant::now();
    // In a task of its own: a version whose points are written gets its rows, also when whoever sent it goes away.
    let engine = local.engine.clone();
    let outcome = tokio::spawn(async move { sync::publish(&engine, workspace, file).await })
        .await
        .unwrap_or_else(|error| Err(DatabaseError::internal(error).into()));
    histogram!(telemetry::INGEST_DURATION).record(began.elapsed().as_secs_f64());
    let result = if outcome.is_ok() { "published" } else { "failed" };
    counter!(telemetry::INGEST_ARTICLES, "result" => result).increment(1);
    let published = outcome?;
    counter!(telemetry::INGEST_CHUNKS).increment(published.chunks as u64);
    Ok(Json(published))
}

async fn withdraw(
    State(local): State<Local>,
    UrlPath(workspace): UrlPath<WorkspaceId>,
    Json(sources): Json<Vec<String>>,
) -> Result<Json<Withdrawn>, Failed> {
    let articles = sync::withdraw(&local.engine, workspace, &sources).await?;
    counter!(telemetry::INGEST_ARTICLES, "result" => "removed").increment(articles as u64);
    Ok(Json(Withdrawn { articles }))
}

/// Where a new index comes from.
#[derive(Debug, Deserialize, Serialize)]
pub struct Reindex {
    /// The embedded index of the data folder, instead of the articles.
    pub from_edge: bool,
}

async fn reindex(State(local): State<Local>, Json(asked): Json<Reindex>) -> Result<Json<Rebuilt>, Failed> {
    // In a task of its own: a rebuild that was begun is finished, also when whoever asked goes away.
    let engine = local.engine.clone();
    let rebuilt = tokio::spawn(async move {
        if asked.from_edge {
            transfer::from_edge(&engine, |_, _| ()).await
        } else {
            generation::rebuild(&engine, |_, _| ()).await
        }
    })
    .await;
    Ok(Json(rebuilt.map_err(|error| KnowledgeError::from(DatabaseError::internal(error)))??))
}

async fn index_health(State(local): State<Local>) -> Result<Json<Health>, Failed> {
    let generation = local.engine.active_generation().await.map_err(KnowledgeError::from)?;
    Ok(Json(health::examine(local.engine.database(), &generation).await?))
}

struct Failed(KnowledgeError);

impl From<KnowledgeError> for Failed {
    fn from(error: KnowledgeError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let is_about_file = self.0.is_about_file();
        let status = if is_about_file { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::INTERNAL_SERVER_ERROR };
        (status, Json(Refusal { error: self.0.to_string(), is_about_file })).into_response()
    }
}
