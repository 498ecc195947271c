//! The engine: everything that the server, `ingest` and `eval` share, opened once.
//!
//! It wires the parts together, so it may use every area below the doors, and every product area may use it.

pub mod work;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::sync::Mutex as AsyncMutex;

use crate::answer::cache::AnswerCache;
use crate::answer::confidence::{Calibration, CalibrationError};
use crate::answer::in_force::Hashed;
use crate::answer::reading::Readings;
use crate::backup;
use crate::chat::live::Live;
use crate::clock::Clock;
use crate::config::Config;
use crate::database::{Database, DatabaseError, Embedded};
use crate::ids::Ids;
use crate::index::{self, Bm25, EdgeIndex, Index, IndexError, ServerAddress, ServerIndex};
use crate::inference::{Embedder, Entailment, Generators, InferenceError, Reranker, SetUpError};
use crate::jobs::Queue;
use crate::knowledge::chunk::{Chunker, ChunkerError, Chunking};
use crate::knowledge::store;
use crate::knowledge::store::generations::GenerationRow;
use crate::mail::{MailSetUpError, Mailer, Outbox};
use crate::search::{FrequencyCache, Readiness};
use crate::vault::Vault;

/// How often it is looked whether the last question of an old generation is answered.
const CLOSE_LOOK_EVERY: Duration = Duration::from_millis(20);

/// Own calibrations that are kept in memory; each has some ten to hundred kilobytes, and four megabytes at most.
const OWN_CALIBRATIONS_MAX: usize = 100;

/// Everything that is needed to ingest and to answer; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    database: Database,
    embedder: Embedder,
    generators: Generators,
    reranker: Option<Reranker>,
    checker: Option<Entailment>,
    chunker: Chunker,
    bm25: Bm25,
    generation: RwLock<Arc<Generation>>,
    readiness: Readiness,
    rebuilding: AsyncMutex<()>,
    frequencies: FrequencyCache,
    shipped: Hashed,
    readings: Readings,
    answers: AnswerCache,
    /// Workspaces' own calibrations by their SHA-256; `None` for one that this program cannot read.
    own_calibrations: Cache<String, Option<Arc<Hashed>>>,
    live: Live,
    queue: Queue,
    outbox: Outbox,
    vault: Vault,
    clock: Clock,
    ids: Ids,
    _embedded: Option<Embedded>,
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
    /// Another process has an embedded index beside the same PostgreSQL database; this one's would not have its articles.
    #[error(
        "another Candor process keeps the index for this database in its own data folder: stop it, or let both use a Qdrant server (QDRANT_URL)"
    )]
    EmbeddedElsewhere,
    /// The data folder cannot be written.
    #[error("the data folder {folder} cannot be used: {source}")]
    DataFolder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A restore into the database was cut off.
    #[error("a restore into this database did not end: run `candor restore` again, it begins anew")]
    HalfRestored,
    /// The index was built by another model or tokenizer than the settings name.
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
    /// The language models.
    #[error(transparent)]
    Generators(#[from] SetUpError),
    /// The chunker.
    #[error(transparent)]
    Chunker(#[from] ChunkerError),
    /// The calibration that confidence is computed with.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// The mail server's settings.
    #[error(transparent)]
    Mail(#[from] MailSetUpError),
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
        Self::open_cutting(config, clock, ids, unfit, Chunking::SHIPPED).await
    }

    /// As [`Engine::open`], with articles cut in another way than the product's: for measuring.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub async fn open_cutting(
        config: Config,
        clock: Clock,
        ids: Ids,
        unfit: Unfit,
        chunking: Chunking,
    ) -> Result<Self, OpenError> {
        // Two libraries bring a TLS provider each, so one is chosen, before anything connects; a second choice changes nothing.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // Settings that cannot be used are found before anything takes its time.
        let mailer = Mailer::open(&config)?;
        let lock = DataFolderLock::take(&config.data_dir)?;
        let database = open_database(&config).await?;
        let embedded = match qdrant_server(&config) {
            Some(_) => None,
            None => Some(database.claim_embedded().await?.ok_or(OpenError::EmbeddedElsewhere)?),
        };
        let loading = config.clone();
        let load = move || {
            let embedder = Embedder::open(&loading)?;
            Ok::<_, InferenceError>((embedder, Reranker::open(&loading)?, Entailment::open(&loading)?))
        };
        let (embedder, reranker, checker) =
            tokio::task::spawn_blocking(load).await.map_err(|error| InferenceError::Failed(error.to_string()))??;
        let chunker = Chunker::new(embedder.tokenizer().clone(), chunking)?;
        let generation = open_generation(&config, &database, &embedder, &chunker, &clock, &ids, unfit).await?;
        let vault = Vault::default();
        let queue = Queue::new(database.clone(), vault.clone(), clock.clone(), ids.clone());
        let inner = Inner {
            outbox: Outbox::new(mailer, queue.clone(), clock.clone()),
            queue,
            generators: Generators::of(&config)?,
            reranker,
            checker,
            database,
            embedder,
            chunker,
            bm25: Bm25::new()?,
            generation: RwLock::new(Arc::new(generation)),
            readiness: Readiness::default(),
            rebuilding: AsyncMutex::new(()),
            frequencies: FrequencyCache::default(),
            shipped: Hashed::of(Calibration::shipped()?),
            readings: Readings::default(),
            answers: AnswerCache::new(config.answer_cache_bytes),
            own_calibrations: Cache::new(OWN_CALIBRATIONS_MAX),
            live: Live::default(),
            vault,
            clock,
            ids,
            config,
            _embedded: embedded,
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

    /// The language models that are set up.
    #[must_use]
    pub fn generators(&self) -> &Generators {
        &self.inner.generators
    }

    /// The cross-encoder, where the settings name one.
    #[must_use]
    pub fn reranker(&self) -> Option<&Reranker> {
        self.inner.reranker.as_ref()
    }

    /// The model that checks a language model's sentences too, where the settings name one.
    #[must_use]
    pub fn checker(&self) -> Option<&Entailment> {
        self.inner.checker.as_ref()
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

    /// The generation that SQL says is active, which another process on the same database may have switched to.
    ///
    /// # Errors
    /// [`OpenError::OtherGeneration`] when it was built by another model than this process has.
    pub async fn active_generation(&self) -> Result<Arc<Generation>, OpenError> {
        let known = self.generation();
        // Where the index is embedded there is no other process.
        let Some(server) = qdrant_server(self.config()) else { return Ok(known) };
        let Some(row) = store::generations::active(self.database()).await? else { return Ok(known) };
        if row.id == known.row.id {
            return Ok(known);
        }
        fits(&row, self.embedder())?;
        let index = Index::Server(ServerIndex::new(&server, &row.id, row.dimensions())?);
        let generation = Arc::new(Generation { row, index });
        self.switch_generation(Arc::clone(&generation));
        Ok(generation)
    }

    /// Whether the index has all that SQL has.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.inner.readiness
    }

    /// Whether the chunks that questions are answered from were cut in another way than this program cuts them.
    #[must_use]
    pub fn has_other_chunks(&self) -> bool {
        self.generation().row.chunker != self.chunker().name()
    }

    /// An empty index for a generation that is about to be built.
    ///
    /// # Errors
    /// As the index.
    pub async fn new_index(&self, row: &GenerationRow) -> Result<Index, OpenError> {
        let index = open_index(self.config(), row, self.clock(), Unfit::Refuse)?;
        index.prepare().await?;
        Ok(index)
    }

    /// Answers from `generation` from now on. The old one is closed when the last question that uses it is answered; its folder
    /// is removed at the next start.
    pub fn switch_generation(&self, generation: Arc<Generation>) {
        let old =
            std::mem::replace(&mut *self.inner.generation.write().unwrap_or_else(PoisonError::into_inner), generation);
        // Closing waits for the index's own thread, which may be building a graph: that must not be the thread of whichever question
        // is the last to use it.
        tokio::task::spawn_blocking(move || {
            while Arc::strong_count(&old) > 1 {
                std::thread::sleep(CLOSE_LOOK_EVERY);
            }
        });
    }

    /// Held by the one rebuild that may run.
    #[must_use]
    pub fn rebuilding(&self) -> &AsyncMutex<()> {
        &self.inner.rebuilding
    }

    /// Document frequencies of the workspaces.
    #[must_use]
    pub fn frequencies(&self) -> &FrequencyCache {
        &self.inner.frequencies
    }

    /// How evidence becomes a confidence where a workspace has no calibration of its own.
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.inner.shipped.calibration
    }

    /// The same with its hash.
    #[must_use]
    pub fn shipped(&self) -> &Hashed {
        &self.inner.shipped
    }

    /// The passages that were read lately.
    pub(crate) fn readings(&self) -> &Readings {
        &self.inner.readings
    }

    /// The answers that may be given again.
    pub(crate) fn answers(&self) -> &AnswerCache {
        &self.inner.answers
    }

    /// The workspaces' own calibrations that were read lately.
    #[must_use]
    pub fn own_calibrations(&self) -> &Cache<String, Option<Arc<Hashed>>> {
        &self.inner.own_calibrations
    }

    /// The answers that are given at the moment.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.inner.live
    }

    /// Work that outlives this process.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.inner.queue
    }

    /// Mails that are to be sent.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.inner.outbox
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
        wanted_generation(self.embedder(), self.chunker(), number, self.ids())
    }
}

/// Opens the database of `config` and brings its schema up to date; makes the data folder.
///
/// # Errors
/// [`OpenError::DataFolder`], [`OpenError::HalfRestored`] or [`OpenError::Database`].
pub async fn open_database(config: &Config) -> Result<Database, OpenError> {
    make_folder(&config.data_dir)?;
    let database = Database::open(&config.database_url()).await?;
    if backup::store::is_half_restored(&database).await? {
        return Err(OpenError::HalfRestored);
    }
    database.migrate(&config.data_dir.join("migrate.lock")).await?;
    Ok(database)
}

/// Opens the index of a generation to look at it: nothing is made, moved or removed.
///
/// # Errors
/// [`IndexError::Damaged`] when an embedded one is not there or cannot be read, [`IndexError::InUse`] when another process has it.
pub fn look_at_index(config: &Config, row: &GenerationRow) -> Result<Index, IndexError> {
    if let Some(server) = qdrant_server(config) {
        return Ok(Index::Server(ServerIndex::new(&server, &row.id, row.dimensions())?));
    }
    let folder = config.index_dir().join(&row.id);
    if !folder.is_dir() {
        return Err(IndexError::Damaged { folder, why: "it is not there".to_owned() });
    }
    EdgeIndex::open(&folder, row.dimensions()).map(Index::Edge)
}

async fn open_generation(
    config: &Config,
    database: &Database,
    embedder: &Embedder,
    chunker: &Chunker,
    clock: &Clock,
    ids: &Ids,
    unfit: Unfit,
) -> Result<Generation, OpenError> {
    if let Some(active) = store::generations::active(database).await? {
        return open_active(config, database, embedder, clock, active, unfit).await;
    }
    // Of several processes that start on a fresh database one makes the first generation.
    let quiet = database.quiet().await?;
    if let Some(active) = store::generations::active(database).await? {
        drop(quiet);
        return open_active(config, database, embedder, clock, active, unfit).await;
    }
    let row = wanted_generation(embedder, chunker, store::generations::count(database).await? + 1, ids);
    // Nothing was ever stored in it: what is there is left of a first start that was cut off.
    let index = open_index(config, &row, clock, Unfit::Rebuild)?;
    let (mut transaction, _right) = quiet.begin().await?;
    store::generations::insert(&mut transaction, &row, clock.now_ms()).await?;
    store::generations::activate(&mut transaction, &row.id, clock.now_ms()).await?;
    transaction.commit().await?;
    Ok(Generation { row, index })
}

async fn open_active(
    config: &Config,
    database: &Database,
    embedder: &Embedder,
    clock: &Clock,
    active: GenerationRow,
    unfit: Unfit,
) -> Result<Generation, OpenError> {
    // One whose vectors do not compare with this model's is opened only to be replaced.
    match fits(&active, embedder) {
        Ok(()) => remove_retired(config, database, &active.id).await?,
        Err(error) if unfit == Unfit::Refuse => return Err(error),
        Err(_) => (),
    }
    let index = open_index(config, &active, clock, unfit)?;
    Ok(Generation { row: active, index })
}

/// Whether questions of this process can be compared with what the generation holds. Chunks that were cut in another way can be
/// answered from as they are.
fn fits(row: &GenerationRow, embedder: &Embedder) -> Result<(), OpenError> {
    let asked = (embedder.identity().name.as_str(), Bm25::NAME);
    let built = (row.embedding.as_str(), row.tokenizer.as_str());
    if built == asked {
        return Ok(());
    }
    let words = |(embedding, tokenizer): (&str, &str)| format!("{embedding}, {tokenizer}");
    Err(OpenError::OtherGeneration { built: words(built), asked: words(asked) })
}

/// Opens the index of a generation. An embedded one that cannot be read is moved aside and begun anew, where that is asked for;
/// a server's is asked for nothing yet.
fn open_index(config: &Config, row: &GenerationRow, clock: &Clock, unfit: Unfit) -> Result<Index, IndexError> {
    if let Some(server) = qdrant_server(config) {
        return Ok(Index::Server(ServerIndex::new(&server, &row.id, row.dimensions())?));
    }
    let folder = config.index_dir().join(&row.id);
    let opened = match EdgeIndex::open(&folder, row.dimensions()) {
        Err(error @ IndexError::Damaged { .. }) if unfit == Unfit::Rebuild => {
            let aside = index::set_aside(&folder, clock.now_ms())?;
            tracing::warn!(%error, kept = %aside.display(), "the index was moved aside");
            EdgeIndex::open(&folder, row.dimensions())
        }
        opened => opened,
    }?;
    opened.tidy_up();
    Ok(Index::Edge(opened))
}

/// The server that the index is on; `None` when it is embedded.
fn qdrant_server(config: &Config) -> Option<ServerAddress> {
    Some(ServerAddress { url: config.qdrant_url.clone()?, key: config.qdrant_api_key.clone() })
}

fn wanted_generation(embedder: &Embedder, chunker: &Chunker, number: i64, ids: &Ids) -> GenerationRow {
    let identity = embedder.identity();
    GenerationRow {
        id: generation_name(number, &identity.name, ids),
        embedding: identity.name.clone(),
        tokenizer: Bm25::NAME.to_owned(),
        chunker: chunker.name(),
        dimension: i64::try_from(identity.dimension).unwrap_or_default(),
    }
}

/// What the generation with the number `number` is called. Two installations may share a Qdrant server, so no two names are the
/// same.
#[must_use]
pub fn generation_name(number: i64, embedding: &str, ids: &Ids) -> String {
    format!("{number}-{embedding}-{}", ids.short())
}

/// Removes what is left of generations that no question is answered from any more.
async fn remove_retired(config: &Config, database: &Database, active: &str) -> Result<(), OpenError> {
    // A rebuild that was cut off before its switch; its rows go with those of the others, when the index is compared with SQL.
    if let Some(_nobody_builds_one) = database.may_rebuild_now().await? {
        let mut transaction = database.begin().await?;
        store::generations::retire_unfinished(&mut transaction).await?;
        transaction.commit().await?;
    }
    if let Some(server) = qdrant_server(config) {
        let retired = store::generations::retired(database).await?;
        if !retired.is_empty()
            && let Err(error) = index::remove_collections(&server, &retired).await
        {
            tracing::warn!(%error, "collections of retired index generations stay for now");
        }
        // The folder of an embedded index that was moved from is kept: whoever moved may want to go back.
        return Ok(());
    }
    let Ok(entries) = config.index_dir().read_dir() else { return Ok(()) };
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
    Ok(())
}

/// Makes the data folder, for its owner's eyes only: customers' words lie in it.
fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| OpenError::DataFolder { folder: folder.to_owned(), source })
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
