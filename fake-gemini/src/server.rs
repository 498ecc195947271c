//! The running fake: its settings, its connections, its end.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use crate::fake::{Fake, lock, router};
use crate::plan::Plan;
use crate::record::{Log, RecordedRequest};
use crate::script::Script;
use crate::wire::HangUp;

/// How long to wait when no connection can be accepted, for instance because no file descriptors are left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How a fake is started. The defaults suit a test.
#[derive(Clone)]
pub struct Settings {
    /// Default: 127.0.0.1 and a port that is free.
    pub listen: SocketAddr,
    /// The keys that are valid. Default: none, which makes every key valid.
    pub keys: Vec<String>,
    /// The models that exist beside those whose name is a scenario. Default: `gemini-3.8-flash` and
    /// `gemini-3.5-flash-lite`.
    pub models: Vec<String>,
    /// What is done with requests that name no scenario. Default: `ok_json`.
    pub script: Script,
    /// Identifiers and signatures in answers depend on it. Default: 0.
    pub seed: u64,
    /// How many requests are kept for assertions, the last ones. Default: 1,000.
    pub requests_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            keys: Vec::new(),
            models: ["gemini-3.8-flash", "gemini-3.5-flash-lite"].map(str::to_owned).into(),
            script: Script::default(),
            seed: 0,
            requests_max: 1_000,
        }
    }
}

/// A running fake. It stops when this is dropped, and so do its connections.
pub struct FakeGemini {
    fake: Arc<Fake>,
    address: SocketAddr,
    accepting: JoinHandle<Infallible>,
}

impl FakeGemini {
    /// Starts to listen.
    ///
    /// # Errors
    /// The address is not free.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let fake = Arc::new(Fake {
            keys: settings.keys.into_iter().collect(),
            models: settings.models,
            seed: settings.seed,
            plan: Mutex::new(Plan::new(settings.script)),
            log: Mutex::new(Log::new(settings.requests_max)),
        });
        let accepting = tokio::spawn(accept(listener, router(Arc::clone(&fake))));
        Ok(Self { fake, address, accepting })
    }

    /// The base address, without a path: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says what is done from now on with requests that name no scenario. Every script begins anew.
    pub fn set_scenario(&self, script: impl Into<Script>) {
        *lock(&self.fake.plan) = Plan::new(script.into());
    }

    /// The requests so far, oldest first, as many as are kept.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.fake.log).all()
    }
}

impl Drop for FakeGemini {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves connections until it is dropped; they end with it, because the set that they are in does.
async fn accept(listener: TcpListener, router: Router) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(stream, router.clone()))),
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection. An error is how it ends when it is told to, so there is nobody to tell of it.
async fn serve(stream: TcpStream, router: Router) {
    // What is flushed is sent by itself. Where that cannot be set the answers are the same.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request));
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

/// Axum always answers; an error here makes hyper close the connection without a byte.
async fn answer(router: Router, request: Request<Incoming>) -> io::Result<Response> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    match response.extensions().get::<HangUp>() {
        Some(HangUp) => Err(io::ErrorKind::ConnectionAborted.into()),
        None => Ok(response),
    }
}
