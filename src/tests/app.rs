//! The whole of Candor in a temporary folder: SQLite, the embedded index, the real model, the real router.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use candor::clock::Clock;
use candor::config::Config;
use candor::database::Database;
use candor::engine::{Engine, OpenError, Unfit};
use candor::http::router;
use candor::ids::{Ids, WorkspaceId};
use candor::knowledge::generation;
use candor::knowledge::sync::{self, ArticleFile, Published};
use candor::people::store::{self, Workspace};
use candor::people::{ApiKey, KeyKind, Scope, key};
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// When every test begins: 2026-11-18.
pub(crate) const NOW_MS: i64 = 1_795_000_000_000;

/// Stands in one article of the bicycle shop and nowhere else.
pub(crate) const SECRET_OF_BIKES: &str = "KESTREL-4417";
/// A question that only [`SECRET_OF_BIKES`]'s article answers.
pub(crate) const QUESTION_OF_BIKES: &str = "What is the workshop code for a Zephyrine brake repair?";

/// Articles of the bicycle shop.
pub(crate) const BIKES: [(&str, &str); 4] = [
    (
        "brakes.md",
        "# Brake repair\n\nThe workshop code for a Zephyrine brake repair is KESTREL-4417. Say it at the counter.\n\n\
         ## Rim brakes\n\nRim brake pads wear out after about 3,000 kilometres. Replace both pads of a wheel together.\n",
    ),
    (
        "battery.md",
        "---\ntags: [battery]\n---\n# Charging the battery\n\nGrößere Akkus laden länger 🔋. The battery charges in 4 hours. \
         It lasts for about 60 kilometres.\n\n## Storage\n\nStore the battery at room temperature in winter.\n",
    ),
    (
        "returns.md",
        "# Returning a bicycle\n\nYou can return a bicycle within 30 days. The refund is paid to the original payment \
         method within 14 days after we received the bicycle.\n",
    ),
    ("opening-hours.txt", "Opening hours\n\nThe shop opens at 9 in the morning and closes at 6 in the evening.\n"),
];

/// Articles of the bakery.
pub(crate) const BREAD: [(&str, &str); 2] = [
    (
        "sourdough.md",
        "# Sourdough\n\nOur sourdough bread rests for 24 hours. It contains wheat flour, water and salt.\n",
    ),
    ("delivery.md", "# Delivery\n\nWe deliver bread every morning before 7 o'clock.\n"),
];

/// One company with its keys.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) workspace: WorkspaceId,
    /// For chat and tickets.
    pub(crate) publishable: String,
    /// For everything.
    pub(crate) secret: String,
}

/// A running Candor. The folder goes last.
pub(crate) struct TestApp {
    pub(crate) engine: Engine,
    pub(crate) router: Router,
    pub(crate) clock: Clock,
    /// A shop with [`BIKES`].
    pub(crate) bikes: Tenant,
    /// A bakery with [`BREAD`].
    pub(crate) bread: Tenant,
    /// A company without articles: nothing that is asked there can be answered.
    pub(crate) empty: Tenant,
    pub(crate) folder: Arc<TempDir>,
}

/// The settings of a test, with everything that is written in `data_dir`.
pub(crate) fn config(data_dir: &Path) -> Config {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    Config {
        data_dir: data_dir.to_owned(),
        models_dir: root.join("models"),
        runtime_library: root.join(".runtime/libonnxruntime.so"),
        embedding_sessions: 1,
        // Each question is answered anew: most tests ask the same one again after something has changed.
        answer_cache_bytes: 0,
        ..Config::default()
    }
}

/// Opens the engine of `config` as a test does.
pub(crate) async fn open(config: Config, unfit: Unfit) -> Result<Engine, OpenError> {
    Engine::open(config, Clock::fixed(NOW_MS), Ids::counted(), unfit).await
}

impl TestApp {
    /// Opens everything and publishes the articles of both companies.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// As [`TestApp::start`], with other settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_ids(Ids::counted(), change).await
    }

    /// As [`TestApp::with`]; with [`Ids::Random`], what is outside of the folder is not what another test has there.
    pub(crate) async fn with_ids(ids: Ids, change: impl FnOnce(&mut Config)) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut config = config(folder.path());
        change(&mut config);
        let engine = Engine::open(config, Clock::fixed(NOW_MS), ids, Unfit::Refuse).await.unwrap();
        generation::mend(&engine, |_| ()).await.unwrap();
        let bikes = tenant(&engine, "Bikes").await;
        let bread = tenant(&engine, "Bread").await;
        let empty = tenant(&engine, "Empty").await;
        for (source, text) in BIKES {
            publish(&engine, &bikes, source, text).await;
        }
        for (source, text) in BREAD {
            publish(&engine, &bread, source, text).await;
        }
        engine.readiness().compared();
        let router = router(engine.clone());
        Self { clock: engine.clock().clone(), engine, router, bikes, bread, empty, folder }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        Call {
            router: self.router.clone(),
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Body::empty(),
        }
    }

    /// Asks in a session of `tenant` with its secret key, which needs no session token.
    pub(crate) async fn ask(&self, tenant: &Tenant, session: &str, message: &str) -> Value {
        let body = serde_json::json!({ "sessionId": session, "message": message });
        let reply = self.post("/chat/query", &body).key(&tenant.secret).send().await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()
    }

    /// The passages that `query` finds in `tenant`, best first.
    pub(crate) async fn search(&self, tenant: &Tenant, query: &str) -> Vec<Value> {
        let body = serde_json::json!({ "query": query });
        let reply = self.post("/chat/search", &body).key(&tenant.secret).send().await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()["passages"].as_array().unwrap().clone()
    }

    /// Closes the engine and everything that holds it, and gives the folder, which then is free.
    pub(crate) async fn close(self) -> Arc<TempDir> {
        self.engine.database().close().await;
        self.folder
    }
}

/// Makes a company with a publishable and a secret key.
pub(crate) async fn tenant(engine: &Engine, name: &str) -> Tenant {
    let workspace = WorkspaceId::new(engine.ids(), NOW_MS);
    let mut transaction = engine.database().begin().await.unwrap();
    let row = Workspace { id: workspace, name: name.to_owned() };
    store::insert_workspace(&mut transaction, &row, NOW_MS).await.unwrap();
    transaction.commit().await.unwrap();
    Tenant {
        workspace,
        publishable: make_key(engine, workspace, KeyKind::Publishable, &[Scope::Chat, Scope::Tickets], |_| ()).await,
        secret: make_key(engine, workspace, KeyKind::Secret, &Scope::ALL, |_| ()).await,
    }
}

/// Stores a key, after `change`, and gives what its owner sends.
pub(crate) async fn make_key(
    engine: &Engine,
    workspace: WorkspaceId,
    kind: KeyKind,
    scopes: &[Scope],
    change: impl FnOnce(&mut ApiKey),
) -> String {
    let (mut stored, text) = key::new_key(engine.ids(), NOW_MS, workspace, "test", kind, scopes.to_vec());
    change(&mut stored);
    let mut transaction = engine.database().begin().await.unwrap();
    store::insert_key(&mut transaction, &stored, NOW_MS).await.unwrap();
    transaction.commit().await.unwrap();
    text.expose_secret().to_owned()
}

/// Publishes an article.
pub(crate) async fn publish(engine: &Engine, tenant: &Tenant, source: &str, text: &str) -> Published {
    sync::publish(engine, tenant.workspace, article(source, text)).await.unwrap()
}

pub(crate) fn article(source: &str, text: &str) -> ArticleFile {
    ArticleFile { source: source.to_owned(), bytes: text.as_bytes().to_vec(), fragments: Vec::new() }
}

/// The plain text of a version as it is stored.
pub(crate) async fn plain_text(database: &Database, version: &str) -> String {
    const SQL: &str = "select plain_text from article_versions where id = $1";
    candor::read!(database, |pool: D| sqlx::query_scalar(SQL).bind(version.to_owned()).fetch_one(pool)).unwrap()
}

/// Tries until it works out; a test that has to wait fails after ten seconds instead of hanging.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut attempt: impl FnMut() -> F) -> T {
    let trying = async {
        loop {
            if let Some(value) = attempt().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), trying).await.unwrap_or_else(|_| panic!("{what}: not in ten seconds"))
}

/// A request that is being put together.
pub(crate) struct Call {
    router: Router,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
}

impl Call {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.insert(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("x-api-key", key)
    }

    pub(crate) fn session_token(self, token: &str) -> Self {
        self.header("x-session-token", token)
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Sends it and leaves what comes back unread.
    pub(crate) async fn open(self) -> Response<Body> {
        let mut request = Request::builder().method(self.method).uri(&self.path).body(self.body).unwrap();
        *request.headers_mut() = self.headers;
        self.router.oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(self) -> Reply {
        let (parts, body) = self.open().await.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Reply { status: parts.status, headers: parts.headers, body }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a whole problem with `status` and `code`, and gives its body.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.header(header::CONTENT_TYPE.as_str()), "application/problem+json", "{}", self.text());
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_str()), (status, Some(code)), "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(body["type"], format!("/problems/{code}"), "{body}");
        assert!(!body["title"].as_str().unwrap().is_empty(), "{body}");
        assert!(body["instance"].as_str().unwrap().starts_with('/'), "{body}");
        let request_id = body["requestId"].as_str().unwrap();
        assert!(!request_id.is_empty() && request_id == self.header("x-request-id"), "{body} {:?}", self.headers);
        body
    }
}
