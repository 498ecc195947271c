//! A temporary folder with articles and data, the programs that are run in it, and questions to its server.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use candor::config::Config;
use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::stack::{Servers, Stack};

/// How long a test waits for something that must happen: far longer than it ever takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(2);

/// A place that nothing lies at.
pub const NOWHERE: &str = "/nowhere/at/all";

/// Looks again and again until `look` finds what `what` says.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {} s in vain until {what}", PATIENCE.as_secs());
        std::thread::sleep(POLL);
    }
}

/// A runtime for what is asynchronous in the library and in the HTTP client.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The repository's folder, where the model and the runtime library lie.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub fn models_dir() -> PathBuf {
    repository().join("models")
}

pub fn runtime_library() -> PathBuf {
    repository().join(".runtime/libonnxruntime.so")
}

fn candor() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_ingest")).with_file_name("candor");
    assert!(
        beside.is_file(),
        "{} is not there: build the whole workspace first, as `cargo build --release --workspace` does",
        beside.display()
    );
    beside
}

/// A folder with `docs/` for articles and `data/` for what is stored, with one workspace.
pub struct Site {
    folder: TempDir,
    data: PathBuf,
    /// Where the database and the index are, when they are not in the data folder.
    servers: Option<Servers>,
    pub workspace: String,
}

impl Site {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Self::with_data_in(folder, data)
    }

    pub fn with_data_in(folder: TempDir, data: PathBuf) -> Self {
        Self::make(folder, data, None)
    }

    /// One on this stack; `None`, and says so, where the servers for it are missing.
    pub fn on(stack: Stack) -> Option<Self> {
        let servers = match stack {
            Stack::Embedded => return Some(Self::new()),
            Stack::Servers => Servers::fresh()?,
        };
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Some(Self::make(folder, data, Some(servers)))
    }

    fn make(folder: TempDir, data: PathBuf, servers: Option<Servers>) -> Self {
        std::fs::create_dir(folder.path().join("docs")).unwrap();
        let mut site = Self { folder, data, servers, workspace: String::new() };
        let made = site.candor(&["workspace", "create", "Tarnwheel"]).succeeds();
        made.stdout.trim().clone_into(&mut site.workspace);
        site
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn servers(&self) -> Option<&Servers> {
        self.servers.as_ref()
    }

    pub fn database_url(&self) -> SecretString {
        self.config().database_url()
    }

    /// The settings of its programs, for the library.
    pub fn config(&self) -> Config {
        Config {
            data_dir: self.data.clone(),
            models_dir: models_dir(),
            runtime_library: runtime_library(),
            embedding_sessions: 1,
            database_url: self.servers.as_ref().map(|servers| servers.database.clone()),
            qdrant_url: self.servers.as_ref().map(|servers| servers.qdrant.url.clone()),
            ..Config::default()
        }
    }

    pub fn docs(&self) -> PathBuf {
        self.folder.path().join("docs")
    }

    /// Writes the article file `name`.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.docs().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.docs().join(name)).unwrap();
    }

    /// A program in the folder, with no settings but those that a test must set.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("CANDOR_DATA_DIR", &self.data)
            .env("CANDOR_MODELS_DIR", models_dir())
            .env("CANDOR_RUNTIME_LIBRARY", runtime_library())
            .env("CANDOR_EMBEDDING_SESSIONS", "1")
            .env("CANDOR_LISTEN", "127.0.0.1:0")
            .env("CANDOR_METRICS_LISTEN", "127.0.0.1:0")
            .env("CANDOR_LOG_FORMAT", "json")
            .stdin(Stdio::null());
        if let Some(servers) = &self.servers {
            command.env("DATABASE_URL", servers.database.expose_secret()).env("QDRANT_URL", &servers.qdrant.url);
        }
        command
    }

    pub fn candor_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&candor());
        command.args(arguments);
        command
    }

    /// `ingest` with these arguments and the workspace.
    pub fn ingest_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_ingest")));
        command.args(arguments).args(["--workspace", &self.workspace]);
        command
    }

    pub fn candor(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.candor_command(arguments))
    }

    pub fn ingest(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.ingest_command(arguments))
    }

    /// Ingests the whole folder without a failure and gives the summary.
    pub fn ingest_all(&self) -> Value {
        self.ingest(&["docs", "--json"]).succeeds().json()
    }

    /// A key of this kind for the workspace; the whole of what `key create` prints.
    pub fn key(&self, kind: &str, scopes: &str) -> Value {
        let arguments = ["key", "create", "--workspace", &self.workspace, "--kind", kind, "--scopes", scopes, "--json"];
        self.candor(&arguments).succeeds().json()
    }

    /// A server on the data folder that is ready for questions.
    pub fn serve(&self) -> Server {
        Server::start(&mut self.candor_command(&["serve"]))
    }

    /// One more on the same database and index servers, with a data folder of its own.
    pub fn serve_beside(&self) -> Server {
        assert!(self.servers.is_some(), "an embedded index has one process");
        let folder = self.folder.path().join("beside");
        Server::start(self.candor_command(&["serve"]).env("CANDOR_DATA_DIR", folder))
    }

    /// Somebody who asks `server` with a secret key.
    pub fn asker(&self, server: &Server) -> Asker {
        let key = self.key("secret", "chat,tickets");
        Asker::new(&server.url, key["key"].as_str().unwrap())
    }
}

/// What a program that has ended left.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// Checks the exit code, and that nothing panicked.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.ends_with(0)
    }

    /// Checks that what it said on standard error contains each of `parts`.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {}", self.stderr);
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// A program that runs; killed when the test is done with it.
pub struct Running(Option<Child>);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Ends it at once, as a crash does; `false` when it had ended by itself, which it must have done without a failure.
    #[must_use]
    pub fn crash(mut self) -> bool {
        if self.has_ended() {
            self.end().succeeds();
            return false;
        }
        let mut child = self.0.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        true
    }

    /// Waits for its own end.
    pub fn end(mut self) -> Ran {
        self.0.take().unwrap().wait_with_output().unwrap().into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// `candor serve`; killed when the test is done with it.
pub struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
    pub url: String,
}

impl Server {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (log, lines) = (Arc::<Mutex<String>>::default(), BufReader::new(child.stderr.take().unwrap()).lines());
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = written.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut server = Self { child, log, url: String::new() };
        server.url = until("the server is ready for questions", || {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended with {ended:?}: {}", server.log());
            server.log().lines().find_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                let fields = &line["fields"];
                let address = fields["listen"].as_str()?;
                (fields["message"] == "ready for questions").then(|| format!("http://{address}"))
            })
        });
        server
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        until("the server has stopped", || self.child.try_wait().unwrap())
    }

    /// Ends it at once, as a crash does.
    pub fn crash(mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the server had ended before: {}", self.log());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it still runs, or how it ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who asks a server.
pub struct Asker {
    runtime: Runtime,
    client: Client,
    url: String,
    key: String,
}

impl Asker {
    pub fn new(url: &str, key: &str) -> Self {
        Self { runtime: runtime(), client: Client::new(), url: url.to_owned(), key: key.to_owned() }
    }

    /// Another one with the same key.
    pub fn again(&self) -> Self {
        Self::new(&self.url, &self.key)
    }

    /// Status and body of a request; an error when there was no whole response.
    pub fn post(&self, path: &str, body: &Value) -> Result<(u16, Value), reqwest::Error> {
        self.runtime.block_on(async {
            let request = self.client.post(format!("{}{path}", self.url)).header("X-API-Key", &self.key).json(body);
            let response = request.send().await?;
            Ok((response.status().as_u16(), response.json().await?))
        })
    }

    /// Asks in a session of its own; the status and the reply.
    pub fn try_ask(&self, message: &str) -> Result<(u16, Value), reqwest::Error> {
        static VISITORS: AtomicU32 = AtomicU32::new(0);
        let visitor = format!("visitor-{}", VISITORS.fetch_add(1, Ordering::Relaxed));
        self.post("/chat/query", &json!({ "sessionId": visitor, "message": message }))
    }

    #[track_caller]
    pub fn ask(&self, message: &str) -> Value {
        let (status, reply) = self.try_ask(message).unwrap();
        assert_eq!(status, 200, "{reply:#}");
        reply
    }

    /// Whether the server says of itself that it is ready, its index compared with the database.
    pub fn finds_it_ready(&self) -> bool {
        self.runtime.block_on(async {
            let response = self.client.get(format!("{}/readyz", self.url)).send().await;
            response.is_ok_and(|response| response.status().is_success())
        })
    }

    /// The passages that are found.
    #[track_caller]
    pub fn search(&self, words: &str) -> Vec<Value> {
        let (status, reply) = self.post("/chat/search", &json!({ "query": words })).unwrap();
        assert_eq!(status, 200, "{reply:#}");
        reply["passages"].as_array().unwrap().clone()
    }
}
