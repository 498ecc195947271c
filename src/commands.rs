//! Commands that do one thing and end.

mod backup;
mod calibration;
mod doctor;

pub use backup::{backup, restore};
pub use calibration::{CalibrationCommand, calibration};
pub use doctor::doctor;

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use candor::clock::Clock;
use candor::config::Config;
use candor::engine::{DataFolderLock, Engine, OpenError, Unfit, open_database};
use candor::http::local::{Address, Refusal, Reindex};
use candor::ids::{ApiKeyId, Ids, WorkspaceId};
use candor::knowledge::generation::{self, Rebuilt};
use candor::knowledge::transfer;
use candor::people::store::{self, Workspace};
use candor::people::{KeyKind, Scope, key};
use candor::telemetry;
use clap::{Subcommand, ValueEnum};
use secrecy::ExposeSecret;
use serde_json::json;

#[derive(Subcommand)]
pub enum WorkspaceCommand {
    /// Makes a workspace and prints its id.
    Create {
        /// What it is called.
        name: String,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lists the workspaces.
    List {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Makes a key and prints it, this once.
    Create {
        /// The workspace that it opens.
        #[arg(long)]
        workspace: WorkspaceId,
        /// What it may do: chat, tickets, knowledge:read, knowledge:write, admin:read, admin:write.
        #[arg(long, value_delimiter = ',', default_value = "chat,tickets")]
        scopes: Vec<Scope>,
        /// Whether it may stand in a web page.
        #[arg(long, value_enum, default_value = "publishable")]
        kind: Kind,
        /// What it is called.
        #[arg(long, default_value = "key")]
        name: String,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Refuses a key from now on.
    Revoke {
        /// The workspace that it opens.
        #[arg(long)]
        workspace: WorkspaceId,
        /// The key's id: the part of the key between its underscores.
        id: ApiKeyId,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    /// `pk_…`: chat and ticket creation only.
    Publishable,
    /// `sk_…`: never from a browser.
    Secret,
}

/// Where an index can be copied from.
#[derive(Clone, Copy, ValueEnum)]
pub enum From {
    /// The embedded index of the data folder.
    Edge,
}

/// How long a server may take to say how it is.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest name of a workspace or a key.
const NAME_CHARS_MAX: usize = 200;

pub async fn workspace(flags: &[(&str, String)], command: WorkspaceCommand) -> Result<()> {
    let database = open_database(&Config::load(flags)?).await?;
    match command {
        WorkspaceCommand::Create { name, json } => {
            let name = checked_name(&name)?;
            let at_ms = Clock::System.now_ms();
            let workspace = Workspace { id: WorkspaceId::new(&Ids::Random, at_ms), name };
            let mut transaction = database.begin().await?;
            store::insert_workspace(&mut transaction, &workspace, at_ms).await?;
            transaction.commit().await?;
            print(json, &json!(workspace), &workspace.id.to_string())?;
        }
        WorkspaceCommand::List { json } => {
            let workspaces = store::workspaces(&database).await?;
            if workspaces.is_empty() {
                eprintln!("there is none yet in this database (CANDOR_DATA_DIR and DATABASE_URL say which it is)");
            }
            let lines: Vec<String> =
                workspaces.iter().map(|workspace| format!("{}  {}", workspace.id, workspace.name)).collect();
            print(json, &json!(workspaces), &lines.join("\n"))?;
        }
    }
    database.close().await;
    Ok(())
}

pub async fn key(flags: &[(&str, String)], command: KeyCommand) -> Result<()> {
    let database = open_database(&Config::load(flags)?).await?;
    let at_ms = Clock::System.now_ms();
    match command {
        KeyCommand::Create { workspace, scopes, kind, name, json } => {
            let kind = match kind {
                Kind::Publishable => KeyKind::Publishable,
                Kind::Secret => KeyKind::Secret,
            };
            if let Some(scope) = scopes.iter().find(|scope| kind == KeyKind::Publishable && !scope.may_be_published()) {
                bail!(
                    "a publishable key, which anybody can read, cannot have the scope {}; add --kind secret",
                    scope.name()
                );
            }
            if !store::workspace_ids(&database).await?.contains(&workspace) {
                bail!("there is no workspace {workspace}; `candor workspace list` shows those that there are");
            }
            let (stored, secret) = key::new_key(&Ids::Random, at_ms, workspace, &checked_name(&name)?, kind, scopes);
            let mut transaction = database.begin().await?;
            store::insert_key(&mut transaction, &stored, at_ms).await?;
            transaction.commit().await?;
            let shown = json!({ "id": stored.id, "workspaceId": workspace, "kind": stored.kind, "scopes": stored.scopes, "key": secret.expose_secret() });
            print(json, &shown, secret.expose_secret())?;
        }
        KeyCommand::Revoke { workspace, id } => {
            let mut transaction = database.begin().await?;
            let revoked = store::revoke_key(&mut transaction, workspace, id, at_ms).await?;
            transaction.commit().await?;
            if !revoked {
                bail!("workspace {workspace} has no key {id} that could be revoked");
            }
        }
    }
    database.close().await;
    Ok(())
}

pub async fn migrate(flags: &[(&str, String)]) -> Result<()> {
    open_database(&Config::load(flags)?).await?.close().await;
    Ok(())
}

/// Through the server where one runs, else here.
pub async fn reindex(flags: &[(&str, String)], from: Option<From>, json: bool) -> Result<()> {
    let config = Config::load(flags)?.quiet();
    telemetry::start_log(&config);
    let rebuilt = match DataFolderLock::take(&config.data_dir) {
        Ok(lock) => {
            drop(lock);
            let engine = Engine::open(config, Clock::System, Ids::Random, Unfit::Rebuild).await?;
            let rebuilt = match from {
                Some(From::Edge) => transfer::from_edge(&engine, |done, total| tell(done, total, "points")).await?,
                None => generation::rebuild(&engine, |done, total| tell(done, total, "articles")).await?,
            };
            engine.generation().index.settle().await?;
            rebuilt
        }
        Err(OpenError::InUse { folder }) => {
            let Some(server) = Address::find(&config.data_dir) else { return Err(OpenError::InUse { folder }.into()) };
            eprintln!("the server on this data folder builds the index; it goes on answering from the old one");
            reindex_by_server(&server, &Reindex { from_edge: from.is_some() }).await?
        }
        Err(error) => return Err(error.into()),
    };
    let sentence = format!(
        "generation {} with {} points of {} articles answers now",
        rebuilt.generation, rebuilt.points, rebuilt.articles
    );
    print(json, &json!(rebuilt), &sentence)
}

/// How far it is, on one line that is written over, where somebody looks at it.
fn tell(done: usize, total: usize, what: &str) {
    let mut errors = std::io::stderr();
    if errors.is_terminal() {
        let end = if done == total { "\n" } else { "" };
        // Nobody may look on any more.
        let _ = write!(errors, "\r{done} of {total} {what}{end}");
    }
}

async fn reindex_by_server(server: &Address, asked: &Reindex) -> Result<Rebuilt> {
    let response = Address::client()?
        .post(format!("{}/reindex", server.url))
        .bearer_auth(server.token().expose_secret())
        .json(asked)
        .send()
        .await
        .context("the server on this data folder does not answer")?;
    if !response.status().is_success() {
        let refusal: Refusal = response.json().await.context("the server on this data folder refused")?;
        bail!(refusal.error);
    }
    Ok(response.json().await?)
}

pub async fn healthcheck(flags: &[(&str, String)], live: bool) -> Result<()> {
    let mut address = Config::load(flags)?.listen;
    // A server that listens everywhere is asked here.
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let url = format!("http://{address}/{}", if live { "healthz" } else { "readyz" });
    let response = Address::client()?.get(&url).timeout(HEALTH_TIMEOUT).send().await.context("no server answers")?;
    let (status, body) = (response.status(), response.text().await.unwrap_or_default());
    if !status.is_success() {
        bail!("{url} says {status}: {body}");
    }
    print(false, &json!(null), &body)
}

pub fn print_config(flags: &[(&str, String)], json: bool) -> Result<()> {
    let settings = Config::explain(flags)?;
    let lines: Vec<String> = settings
        .iter()
        .map(|setting| format!("{} = {}  ({}; {})", setting.name, setting.value, setting.from, setting.variable))
        .collect();
    print(json, &json!(settings), &lines.join("\n"))
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        bail!("a name has 1 to {NAME_CHARS_MAX} characters and no line breaks");
    }
    Ok(name.to_owned())
}

/// Writes a command's result. A reader that has seen enough and closed the pipe, as `head` does, is no failure.
fn print(json: bool, value: &serde_json::Value, text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    let written = match (json, text) {
        (true, _) => writeln!(output, "{value:#}"),
        (false, "") => Ok(()),
        (false, text) => writeln!(output, "{text}"),
    };
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the result cannot be written to standard output"),
    }
}
