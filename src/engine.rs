//! The engine: everything that the server, `ingest` and `eval` share, opened once.
//!
//! It wires the parts together, so it may use every area below the doors, and every product area may use it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex as AsyncMutex, RwLock as AsyncRwLock};

use crate::answer::confidence::{Calibration, CalibrationError};
use crate::clock::Clock;
use crate::config::Config;
use crate::database::{Database, DatabaseError};
use crate::ids::Ids;
use crate::index::{self, Bm25, Index, IndexError};
use crate::inference::{Embedder, InferenceError};
use crate::knowledge::chunk::{Chunker, ChunkerError};
use crate::knowledge::store::{self, GenerationRow};
use crate::search::FrequencyCache;
use crate::vault::Vault;

/// Everything that is needed to ingest and to answer; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    database: Database,
    embedder: Embedder,
    chunker: Chunker,
    bm25: Bm25,
    generation: RwLock<Arc<Generation>>,
    publishing: AsyncRwLock<()>,
    rebuilding: AsyncMutex<()>,
    frequencies: FrequencyCache,
    calibration: Calibration,
    vault: Vault,
    clock: Clock,
    ids: Ids,
    // Last, so that the folder is free only when everything above is closed.
    _lock: DataFolderLock,
}

/// An index generation and its open index.
#[derive(Debug)]
pub struct Generation {
    /// Its name and contents.
    pub row: GenerationRow,
    /// Its points.
    pub index: Index,
}

/// Why the engine cannot be opened: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another Candor process has the data folder.
    #[error(
        "the data folder {folder} is in use by another Candor process; stop it, or set CANDOR_DATA_DIR to another folder"
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The data folder cannot be written.
    #[error("the data folder {folder} cannot be used: {source}")]
    DataFolder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The index was built by another model, tokenizer or chunker than the settings name.
    #[error(
        "the index was built with {built}, the settings ask for {asked}: run `candor reindex`, or set the old model again"
    )]
    OtherGeneration {
        /// What it was built with.
        built: String,
        /// What is asked for.
        asked: String,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The embedding model.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The chunker.
    #[error(transparent)]
    Chunker(#[from] ChunkerError),
    /// The calibration that confidence is computed with.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
}

/// What to do with an index that does not fit or cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Refuse to open.
    Refuse,
    /// Begin an empty generation beside it, for [`crate::knowledge::generation::rebuild`] to fill and switch to.
    Rebuild,
}

impl Engine {
    /// Opens the database, the model and the index of `config`, and brings the schema up to date.
    ///
    /// # Errors
    /// [`OpenError`], each a sentence that says what to do.
    pub async fn open(config: Config, clock: Clock, ids: Ids, unfit: Unfit) -> Result<Self, OpenError> {
        let lock = DataFolderLock::take(&config.data_dir)?;
        let database = open_database(&config).await?;
        let loading = config.clone();
        let embedder = tokio::task::spawn_blocking(move || Embedder::open(&loading))
            .await
            .map_err(|error| InferenceError::Failed(error.to_string()))??;
        let chunker = Chunker::for_tokenizer(embedder.tokenizer().clone())?;
        let generation = open_generation(&config, &database, &embedder, &clock, unfit).await?;
        let inner = Inner {
            database,
            embedder,
            chunker,
            bm25: Bm25::new()?,
            generation: RwLock::new(Arc::new(generation)),
            publishing: AsyncRwLock::new(()),
            rebuilding: AsyncMutex::new(()),
            frequencies: FrequencyCache::default(),
            calibration: Calibration::shipped()?,
            vault: Vault::default(),
            clock,
            ids,
            config,
            _lock: lock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.inner.database
    }

    /// The embedding model.
    #[must_use]
    pub fn embedder(&self) -> &Embedder {
        &self.inner.embedder
    }

    /// Articles to chunks.
    #[must_use]
    pub fn chunker(&self) -> &Chunker {
        &self.inner.chunker
    }

    /// Text to terms.
    #[must_use]
    pub fn bm25(&self) -> &Bm25 {
        &self.inner.bm25
    }

    /// The generation that questions are answered from.
    #[must_use]
    pub fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.inner.generation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers from `generation` from now on. The old one is closed when the last question that uses it is answered; its folder
    /// is removed at the next start.
    pub fn switch_generation(&self, generation: Arc<Generation>) {
        let old =
            std::mem::replace(&mut *self.inner.generation.write().unwrap_or_else(PoisonError::into_inner), generation);
        // Closing waits for the index's own thread, which may be building a graph.
        tokio::task::spawn_blocking(move || drop(old));
    }

    /// Held by the one rebuild that may run.
    #[must_use]
    pub fn rebuilding(&self) -> &AsyncMutex<()> {
        &self.inner.rebuilding
    }

    /// Held for reading while an article is published and for writing while nothing may be.
    #[must_use]
    pub fn publishing(&self) -> &AsyncRwLock<()> {
        &self.inner.publishing
    }

    /// Document frequencies of the workspaces.
    #[must_use]
    pub fn frequencies(&self) -> &FrequencyCache {
        &self.inner.frequencies
    }

    /// How evidence becomes a confidence.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.inner.calibration
    }

    /// Seals what customers say.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// New identifiers.
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.inner.ids
    }

    /// What a generation with the number `number` of this engine's model is called.
    #[must_use]
    pub fn generation_row(&self, number: i64) -> GenerationRow {
        wanted_generation(&self.inner.embedder, number)
    }
}

/// Opens the database of `config` and brings its schema up to date; makes the data folder.
///
/// # Errors
/// [`OpenError::DataFolder`] or [`OpenError::Database`].
pub async fn open_database(config: &Config) -> Result<Database, OpenError> {
    make_folder(&config.data_dir)?;
    let database = Database::open(&config.database_url()).await?;
    database.migrate(&config.data_dir.join("migrate.lock")).await?;
    Ok(database)
}

async fn open_generation(
    config: &Config,
    database: &Database,
    embedder: &Embedder,
    clock: &Clock,
    unfit: Unfit,
) -> Result<Generation, OpenError> {
    let folder = |row: &GenerationRow| config.index_dir().join(&row.id);
    if let Some(active) = store::active_generation(database).await? {
        let wanted = wanted_generation(embedder, 0);
        let built = (active.embedding.clone(), active.tokenizer.clone(), active.chunker.clone());
        let asked = (wanted.embedding.clone(), wanted.tokenizer.clone(), wanted.chunker.clone());
        if built == asked {
            let index = open_index(&folder(&active), embedder.identity().dimension, clock, unfit)?;
            remove_retired(config, &active.id);
            return Ok(Generation { row: active, index });
        }
        if unfit == Unfit::Refuse {
            let words = |(embedding, tokenizer, chunker): (String, String, String)| {
                format!("{embedding}, {tokenizer}, {chunker}")
            };
            return Err(OpenError::OtherGeneration { built: words(built), asked: words(asked) });
        }
        // Its vectors do not compare with this model's: it is opened only to be replaced.
        let dimension = usize::try_from(active.dimension).unwrap_or_default();
        let index = open_index(&folder(&active), dimension, clock, unfit)?;
        return Ok(Generation { row: active, index });
    }
    let row = wanted_generation(embedder, store::count_generations(database).await? + 1);
    // Nothing was ever stored in it: what is there is left of a first start that was cut off.
    let index = open_index(&folder(&row), embedder.identity().dimension, clock, Unfit::Rebuild)?;
    let mut transaction = database.begin().await?;
    store::insert_generation(&mut transaction, &row, clock.now_ms()).await?;
    store::activate_generation(&mut transaction, &row.id, clock.now_ms()).await?;
    transaction.commit().await?;
    Ok(Generation { row, index })
}

/// Opens the index in `folder`. One that cannot be read is moved aside and begun anew, where that is asked for.
fn open_index(folder: &Path, dimension: usize, clock: &Clock, unfit: Unfit) -> Result<Index, IndexError> {
    match Index::open(folder, dimension) {
        Err(error @ IndexError::Damaged { .. }) if unfit == Unfit::Rebuild => {
            let aside = index::set_aside(folder, clock.now_ms())?;
            tracing::warn!(%error, kept = %aside.display(), "the index was moved aside");
            Index::open(folder, dimension)
        }
        opened => opened,
    }
}

fn wanted_generation(embedder: &Embedder, number: i64) -> GenerationRow {
    let identity = embedder.identity();
    GenerationRow {
        id: format!("{number}-{}", identity.name),
        embedding: identity.name.clone(),
        tokenizer: Bm25::NAME.to_owned(),
        chunker: Chunker::NAME.to_owned(),
        dimension: i64::try_from(identity.dimension).unwrap_or_default(),
    }
}

/// Removes the folders of generations that no question is answered from any more.
fn remove_retired(config: &Config, active: &str) {
    let Ok(entries) = config.index_dir().read_dir() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_damaged =
            Path::new(&name).extension().is_some_and(|extension| extension.to_string_lossy().starts_with("damaged-"));
        if name != active
            && !is_damaged
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!(%error, folder = %entry.path().display(), "a retired index generation could not be removed");
        }
    }
}

fn make_folder(folder: &Path) -> Result<(), OpenError> {
    std::fs::create_dir_all(folder).map_err(|source| OpenError::DataFolder { folder: folder.to_owned(), source })
}

/// The one process that may use the embedded index holds this; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct DataFolderLock {
    _file: File,
}

impl DataFolderLock {
    /// # Errors
    /// [`OpenError::InUse`] when another process holds it.
    pub fn take(data_dir: &Path) -> Result<Self, OpenError> {
        make_folder(data_dir)?;
        let refused = |source| OpenError::DataFolder { folder: data_dir.to_owned(), source };
        let file = File::create(data_dir.join("candor.lock")).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { folder: data_dir.to_owned() }),
            Err(TryLockError::Error(source)) => Err(refused(source)),
        }
    }
}
