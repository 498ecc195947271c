//! Where the work is done: in this process, or in the server that holds the data folder.

use anyhow::{Context, Result, bail};
use candor::clock::Clock;
use candor::config::Config;
use candor::database::Database;
use candor::engine::{DataFolderLock, Engine, OpenError, Unfit, open_database};
use candor::http::local::{Address, Refusal, Withdrawn};
use candor::ids::{Ids, WorkspaceId};
use candor::knowledge::generation;
use candor::knowledge::parse::ParseError;
use candor::knowledge::store::{self, Known};
use candor::knowledge::sync::{self, ArticleFile, Published};
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Where the work is done; cheap to clone.
#[derive(Clone)]
pub enum Target {
    /// In this process.
    Here(Engine),
    /// In the running server, which has the index open.
    Server { client: Client, url: String, token: SecretString, article_bytes_max: usize },
}

/// Where it is going to be done.
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
pub enum Found {
    /// Nobody has the data folder: only the database is open yet, since there may be nothing to do.
    Free { config: Config, database: Database, lock: DataFolderLock },
    /// A server has it.
    Server(Target),
}

/// Why a file was not published.
pub enum Failure {
    /// The file itself; others may be fine.
    File(String),
    /// Something that every other file would meet too.
    Everything(anyhow::Error),
}

/// Finds out who has the data folder.
pub async fn find(config: Config) -> Result<Found> {
    match DataFolderLock::take(&config.data_dir) {
        Ok(lock) => Ok(Found::Free { database: open_database(&config).await?, config, lock }),
        Err(OpenError::InUse { folder }) => {
            let Some(address) = Address::find(&config.data_dir) else { return Err(OpenError::InUse { folder }.into()) };
            let article_bytes_max = config.article_bytes_max;
            let token = address.token();
            Ok(Found::Server(Target::Server { client: Address::client()?, token, url: address.url, article_bytes_max }))
        }
        Err(error) => Err(error.into()),
    }
}

impl Found {
    /// The articles of the workspace that came from files.
    pub async fn known(&self, workspace: WorkspaceId) -> Result<Vec<Known>> {
        match self {
            Self::Free { database, .. } => {
                if store::standing(database, workspace).await?.is_none() {
                    bail!("there is no workspace {workspace}; `candor workspace list` shows those that there are");
                }
                Ok(store::known_files(database, workspace).await?)
            }
            Self::Server(target) => {
                let Target::Server { client, url, token, .. } = target else { bail!("there is no server to call") };
                let asked = client.get(format!("{url}/workspaces/{workspace}/known"));
                answered(asked.bearer_auth(token.expose_secret()).send().await.context(SILENT)?).await
            }
        }
    }

    /// Opens everything that publishing needs.
    pub async fn open(self) -> Result<Target> {
        match self {
            Self::Free { config, database, lock } => {
                database.close().await;
                drop(lock);
                let engine = Engine::open(config, Clock::System, Ids::Random, Unfit::Refuse).await?;
                // What a run that was cut off has left.
                generation::mend(&engine, |_| ()).await?;
                Ok(Target::Here(engine))
            }
            Self::Server(target) => Ok(target),
        }
    }
}

impl Target {
    /// Makes the file's content what a question can find.
    pub async fn publish(&self, workspace: WorkspaceId, file: ArticleFile) -> Result<Published, Failure> {
        match self {
            Self::Here(engine) => sync::publish(engine, workspace, file).await.map_err(|error| {
                if error.is_about_file() { Failure::File(error.to_string()) } else { Failure::Everything(error.into()) }
            }),
            // A body beyond the server's limit would not be read to its end: the connection breaks, and what was said is lost.
            Self::Server { article_bytes_max, .. } if file.bytes.len() > *article_bytes_max => {
                let error = ParseError::TooLarge { bytes: file.bytes.len(), bytes_max: *article_bytes_max };
                Err(Failure::File(error.to_string()))
            }
            Self::Server { .. } => {
                let response = self.post(workspace, "publish", &file).await.map_err(Failure::Everything)?;
                if response.status().is_success() {
                    return response.json().await.map_err(|error| Failure::Everything(error.into()));
                }
                Err(match response.json::<Refusal>().await {
                    Ok(refusal) if refusal.is_about_file => Failure::File(refusal.error),
                    Ok(refusal) => Failure::Everything(anyhow::anyhow!(refusal.error)),
                    // The server's own limit on a body, which it meets before it knows what it is.
                    Err(_) => Failure::File("the server refused the file; it may be too large".into()),
                })
            }
        }
    }

    /// Takes articles out of what a question can find.
    pub async fn withdraw(&self, workspace: WorkspaceId, sources: &[String]) -> Result<usize> {
        match self {
            Self::Here(engine) => Ok(sync::withdraw(engine, workspace, sources).await?),
            Self::Server { .. } => Ok(self.call::<Withdrawn>(workspace, "withdraw", sources).await?.articles),
        }
    }

    /// Puts everything on the disk and builds the index's graph; a server does so by itself.
    pub async fn settle(&self) -> Result<()> {
        match self {
            Self::Here(engine) => Ok(engine.generation().index.settle().await?),
            Self::Server { .. } => Ok(()),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        workspace: WorkspaceId,
        what: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<T> {
        answered(self.post(workspace, what, body).await?).await
    }

    async fn post(
        &self,
        workspace: WorkspaceId,
        what: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<reqwest::Response> {
        let Self::Server { client, url, token, .. } = self else { bail!("there is no server to call") };
        client
            .post(format!("{url}/workspaces/{workspace}/{what}"))
            .bearer_auth(token.expose_secret())
            .json(body)
            .send()
            .await
            .context(SILENT)
    }
}

const SILENT: &str = "the server on this data folder does not answer; is it stopping?";

/// What the server says, or why it will not.
async fn answered<T: DeserializeOwned>(response: reqwest::Response) -> Result<T> {
    let status = response.status();
    if status.is_success() {
        return Ok(response.json().await?);
    }
    let refusal: Refusal =
        response.json().await.with_context(|| format!("the server on this data folder answered {status}"))?;
    bail!(refusal.error)
}
