//! All that is looked at, once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret as _;

use crate::backup::manifest::Content;
use crate::backup::store;
use crate::config::Config;
use crate::database::{self, Database, DatabaseError};
use crate::engine::{DataFolderLock, Generation, OpenError, look_at_index};
use crate::http::local::{Address, Refusal};
use crate::index::{IndexError, free_bytes};
use crate::inference::{Embedder, InferenceError};
use crate::knowledge::chunk::{Chunker, Chunking};
use crate::knowledge::health::{self, Health};
use crate::knowledge::sync::KnowledgeError;

/// How long a running server may take to compare its index with SQL.
const SERVER_TIMEOUT: Duration = Duration::from_secs(120);

/// Why something could not be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is broken.
    Broken {
        /// In a sentence.
        cause: String,
        /// What to do about it.
        remedy: String,
    },
    /// It may be well, but cannot be looked at now.
    Hidden {
        /// In a sentence.
        cause: String,
        /// What to do to see it.
        remedy: String,
    },
}

/// Who uses the data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// Nobody; it is held while it is looked at.
    Nobody,
    /// A server that has left the address of its local door.
    Server(String),
    /// Another program, or a server that is just starting.
    Program,
}

/// The model that this program would load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What its vectors are called.
    pub embedding: String,
    /// How articles are cut for it.
    pub chunker: String,
}

/// What was seen of an installation.
#[derive(Debug)]
pub struct Seen {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Who uses it.
    pub user: Result<User, Trouble>,
    /// Free bytes of its disk.
    pub free_bytes: Result<u64, Trouble>,
    /// The ONNX Runtime library, and the model that it loads.
    pub model: Result<Model, InferenceError>,
    /// What is in the database; `None` when nothing of Candor's is.
    pub database: Result<Option<Content>, Trouble>,
    /// The index against SQL.
    pub index: Result<Health, Trouble>,
}

impl Seen {
    /// Looks at everything.
    pub async fn look(config: &Config) -> Self {
        let data_dir = &config.data_dir;
        // Held while the index is looked at, so that no server opens it meanwhile.
        let (user, _lock) = who_uses(data_dir);
        let database = open(config).await;
        let content = match &database {
            Ok(Some(database)) => content(database).await,
            Ok(None) => Ok(None),
            Err(trouble) => Err(trouble.clone()),
        };
        let index = match (&user, &database, &content) {
            (Err(trouble), ..) | (_, Err(trouble), _) | (.., Err(trouble)) => Err(not_seen(trouble)),
            (Ok(User::Server(_) | User::Program), ..) => ask_server(data_dir).await,
            (Ok(User::Nobody), Ok(Some(database)), Ok(Some(content))) => compare(config, database, content).await,
            (Ok(User::Nobody), ..) => Err(Trouble::hidden("there is no database yet", "run `candor workspace create`")),
        };
        if let Ok(Some(database)) = database {
            database.close().await;
        }
        let free_bytes = free_bytes(data_dir).map_err(|error| {
            let cause = format!("the disk of {} cannot be looked at: {error}", data_dir.display());
            Trouble::hidden(cause, "name the data folder with CANDOR_DATA_DIR or --data-dir")
        });
        Self { data_dir: data_dir.clone(), user, free_bytes, model: load(config).await, database: content, index }
    }
}

impl Trouble {
    fn broken(cause: impl Into<String>, remedy: &str) -> Self {
        Self::Broken { cause: cause.into(), remedy: remedy.to_owned() }
    }

    fn hidden(cause: impl Into<String>, remedy: &str) -> Self {
        Self::Hidden { cause: cause.into(), remedy: remedy.to_owned() }
    }
}

/// What depends on something in trouble could not be looked at, which is told once.
fn not_seen(on: &Trouble) -> Trouble {
    let (Trouble::Broken { cause, .. } | Trouble::Hidden { cause, .. }) = on;
    Trouble::hidden(format!("not looked at: {cause}"), "mend that first")
}

fn who_uses(data_dir: &Path) -> (Result<User, Trouble>, Option<DataFolderLock>) {
    if !data_dir.is_dir() {
        let cause = format!("there is no data folder {}", data_dir.display());
        let remedy = "name it with CANDOR_DATA_DIR or --data-dir, or begin with `candor workspace create`";
        return (Err(Trouble::broken(cause, remedy)), None);
    }
    match DataFolderLock::take(data_dir) {
        Ok(lock) => (Ok(User::Nobody), Some(lock)),
        Err(OpenError::InUse { .. }) => {
            (Ok(Address::find(data_dir).map_or(User::Program, |address| User::Server(address.url))), None)
        }
        Err(error) => (Err(Trouble::broken(error.to_string(), "see that this user may write in it")), None),
    }
}

/// `None` where there is no database file yet: opening would make one.
async fn open(config: &Config) -> Result<Option<Database>, Trouble> {
    let url = config.database_url();
    if database::file(&url).map_err(|error| of_database(&error))?.is_some_and(|file| !file.exists()) {
        return Ok(None);
    }
    Database::open(&url).await.map(Some).map_err(|error| of_database(&error))
}

async fn content(database: &Database) -> Result<Option<Content>, Trouble> {
    let content = async {
        if store::is_half_restored(database).await? {
            return Ok(Err(Trouble::broken(OpenError::HalfRestored.to_string(), "run `candor restore` again")));
        }
        let mut moment = store::moment(database).await?;
        Ok::<_, DatabaseError>(Ok(store::content(&mut moment).await?))
    };
    content.await.unwrap_or_else(|error| Err(of_database(&error)))
}

async fn compare(config: &Config, database: &Database, content: &Content) -> Result<Health, Trouble> {
    let Some(row) = content.generation.clone() else {
        return Err(Trouble::hidden("there is no index yet", "ingest articles, or start the server"));
    };
    if content.schema != database::schema_version() {
        return Err(not_seen(&Trouble::hidden("the database has the schema of another version", "")));
    }
    let opening = config.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let index = look_at_index(&opening, &row)?;
        Ok::<_, IndexError>(Generation { row, index })
    });
    let compared = async {
        let generation = opened.await.map_err(|error| IndexError::Internal(error.to_string()))??;
        health::examine(database, &generation).await
    };
    compared.await.map_err(|error| of_knowledge(&error))
}

/// Asks the server that has the data folder: what it holds nobody else can open.
async fn ask_server(data_dir: &Path) -> Result<Health, Trouble> {
    let remedy = "wait until it has ended, or stop it, and look again";
    let Some(server) = Address::find(data_dir) else {
        return Err(Trouble::hidden("another Candor process that is no server has the data folder", remedy));
    };
    let asked = async {
        let request = Address::client()?.get(format!("{}/index", server.url)).timeout(SERVER_TIMEOUT);
        request.bearer_auth(server.token().expose_secret()).send().await
    };
    let silent = |error: reqwest::Error| {
        Trouble::hidden(format!("the server on the data folder does not answer: {error}"), remedy)
    };
    let response = asked.await.map_err(silent)?;
    let status = response.status();
    if status.is_success() {
        return response.json().await.map_err(silent);
    }
    match response.json::<Refusal>().await {
        Ok(refusal) => {
            Err(Trouble::broken(refusal.error, "the server's log says more; `GET /readyz` says what it lacks"))
        }
        // A server of an older version knows no such question.
        Err(_) => Err(Trouble::hidden(format!("the server on the data folder says {status}"), remedy)),
    }
}

async fn load(config: &Config) -> Result<Model, InferenceError> {
    let mut config = config.clone();
    // One is enough to see that it loads.
    config.embedding_sessions = 1;
    let loading = tokio::task::spawn_blocking(move || {
        let embedder = Embedder::open(&config)?;
        let chunker = Chunker::new(embedder.tokenizer().clone(), Chunking::SHIPPED)
            .map_err(|error| InferenceError::Failed(error.to_string()))?;
        Ok(Model { embedding: embedder.identity().name.clone(), chunker: chunker.name() })
    });
    loading.await.map_err(|error| InferenceError::Failed(error.to_string()))?
}

fn of_database(error: &DatabaseError) -> Trouble {
    let remedy = match error {
        DatabaseError::Unavailable(_) => "start it, or correct DATABASE_URL",
        DatabaseError::UnknownUrl => "correct DATABASE_URL",
        DatabaseError::DiskFull(_) => "free some space",
        DatabaseError::Conflict(_) | DatabaseError::Internal(_) => {
            "see that it is Candor's and can be read; else `candor restore` a backup"
        }
    };
    Trouble::broken(error.to_string(), remedy)
}

fn of_knowledge(error: &KnowledgeError) -> Trouble {
    match error {
        KnowledgeError::Database(error) => of_database(error),
        KnowledgeError::Index(error) => {
            let remedy = match error {
                IndexError::InUse { .. } => {
                    return Trouble::hidden(error.to_string(), "wait until it has ended, or stop it, and look again");
                }
                IndexError::DiskFull => "free some space",
                IndexError::Unreachable { .. } => "start the Qdrant server, or correct QDRANT_URL",
                IndexError::Refused { .. } => "correct QDRANT_URL and QDRANT_API_KEY",
                IndexError::Missing { .. } => "start the server, which makes it again, or run `candor reindex`",
                IndexError::Damaged { .. } | IndexError::NothingToMove { .. } | IndexError::Internal(_) => {
                    "run `candor reindex`"
                }
            };
            Trouble::broken(error.to_string(), remedy)
        }
        error => Trouble::broken(error.to_string(), "start the server; its log says more"),
    }
}
