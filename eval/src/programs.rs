//! The real programs in a folder of their own, for what is measured of all of them together. They lie beside the one that measures.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A data folder with a workspace and a key, and settings that say what else it stands on.
#[derive(Clone)]
pub struct Installation {
    pub programs: PathBuf,
    pub settings: Vec<(&'static str, String)>,
    data: PathBuf,
    workspace: String,
    key: String,
}

impl Installation {
    /// An empty folder, and the settings beside it.
    pub fn new(data: PathBuf, settings: Vec<(&'static str, String)>) -> Result<Self> {
        let programs = std::env::current_exe()?.parent().context("no folder")?.to_owned();
        Ok(Self { programs, data, settings, workspace: String::new(), key: String::new() })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        for name in ["DATABASE_URL", "QDRANT_URL"] {
            command.env_remove(name);
        }
        command.env("CANDOR_DATA_DIR", &self.data).envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<Value> {
        let output = self.command(program).args(arguments).output()?;
        serde_json::from_slice(&output.stdout).with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Makes a workspace with a secret key.
    pub fn make_workspace(&mut self) -> Result<()> {
        let made = self.run("candor", &["workspace", "create", "sample", "--json"])?;
        made["id"].as_str().context("no workspace")?.clone_into(&mut self.workspace);
        self.make_key()
    }

    fn make_key(&mut self) -> Result<()> {
        let scopes = "chat,tickets,admin:read";
        let arguments =
            ["key", "create", "--workspace", &self.workspace, "--kind", "secret", "--scopes", scopes, "--json"];
        let made = self.run("candor", &arguments)?;
        made["key"].as_str().context("no key")?.clone_into(&mut self.key);
        Ok(())
    }

    /// Ingests a folder; gives the summary and how long it took, in seconds.
    pub fn ingest(&self, docs: &Path) -> Result<(Value, f64)> {
        let began = Instant::now();
        let docs = docs.display().to_string();
        let summary = self.run("ingest", &[&docs, "--workspace", &self.workspace, "--json"])?;
        Ok((summary, began.elapsed().as_secs_f64()))
    }

    /// Starts a server and waits until it is ready.
    pub async fn serve(&self) -> Result<Server> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = self.command("candor");
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}")]);
        command.env("CANDOR_METRICS_LISTEN", "127.0.0.1:0").env("CANDOR_LOG", "error").stdout(Stdio::null());
        let server = Server {
            child: command.spawn()?,
            client: reqwest::Client::builder().no_proxy().build()?,
            url: format!("http://127.0.0.1:{port}"),
            key: self.key.clone(),
        };
        for _ in 0..6_000 {
            let ready = server.client.get(format!("{}/readyz", server.url)).send().await;
            if ready.is_ok_and(|ready| ready.status().is_success()) {
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the server does not get ready")
    }
}

/// A server; killed, as by a crash, when it is dropped.
pub struct Server {
    child: Child,
    pub client: reqwest::Client,
    pub url: String,
    pub key: String,
}

impl Server {
    /// Posts JSON and gives what comes back.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.post(format!("{}{path}", self.url)).header("X-API-Key", &self.key).json(body);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fake of the tests, as a program.
pub struct Fake {
    child: Child,
    pub url: String,
}

impl Fake {
    /// Starts it, to do as `scenario` says.
    pub fn start(programs: &Path, scenario: &str) -> Result<Self> {
        let mut command = Command::new(programs.join("fake-gemini"));
        command.args(["--listen", "127.0.0.1:0", "--scenario", scenario]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("fake-gemini is not beside this program: build the whole workspace")?;
        let mut said = BufReader::new(child.stdout.take().context("no output")?).lines();
        let url = said.find_map(|line| line.ok().filter(|line| line.starts_with("http")));
        Ok(Self { child, url: url.context("the fake did not say where it is")? })
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
