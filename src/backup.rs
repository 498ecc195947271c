//! A copy of an installation, and an installation from a copy.
//!
//! A backup is a folder: the rows of the database, and a manifest that says what they are. The index is derived from SQL, so it is
//! not copied but made again. Settings and secrets, the embedding model and the articles' own files are not in it.

pub mod manifest;
mod postgres;
pub mod restore;
pub mod store;
pub mod verify;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use crate::backup::manifest::{Content, Copied, FORMAT, Kind, Manifest};
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::database::{self, Database, DatabaseError};
use crate::engine::OpenError;
use crate::index::IndexError;
use crate::knowledge::sync::KnowledgeError;
use crate::search::SearchError;

/// How often is looked how much has been written.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct BackedUp {
    /// Its folder.
    pub folder: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
}

/// Why there is no backup, or nothing was restored: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// No database, or none of Candor's.
    #[error(
        "there is nothing to back up: Candor has no tables in the database that CANDOR_DATA_DIR and DATABASE_URL name"
    )]
    Nothing,
    /// Another backup has the name, which has seconds in it.
    #[error("{} is there already: run it again", folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or folder of the backup.
    #[error("{} cannot be read or written: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// One that was cut off, or no backup at all.
    #[error("{} is no whole backup, it has no manifest.json: name a folder that `candor backup` made to its end", folder.display())]
    NotWhole {
        /// The folder.
        folder: PathBuf,
    },
    /// Not what was written.
    #[error("the backup is damaged, {why}: restore another one")]
    Damaged {
        /// What is wrong with it.
        why: String,
    },
    /// Made by a Candor that knows more than this one.
    #[error("{what} {theirs} is newer than this Candor, which knows {ours}: use Candor {program} or a newer one")]
    Newer {
        /// The format or the schema.
        what: &'static str,
        /// What it has.
        theirs: i64,
        /// What this program knows.
        ours: i64,
        /// The version that knows it.
        program: String,
    },
    /// Rows of one engine cannot be given to the other.
    #[error("the backup is of {backup} and the settings name {settings}: {}", backup.how_to_name())]
    OtherKind {
        /// Where it was made.
        backup: Kind,
        /// Where it was to go.
        settings: Kind,
    },
    /// Tables come back into the PostgreSQL schema that they were in.
    #[error(
        "the backup is of the PostgreSQL schema {backup} and DATABASE_URL leads to {settings}: \
         add options[search_path]={backup} to it"
    )]
    OtherNamespace {
        /// Where it was made.
        backup: String,
        /// Where it was to go.
        settings: String,
    },
    /// A restore would have to throw something away.
    #[error(
        "the installation that the settings name is not empty, it has {workspaces} workspace(s); nothing was changed: \
         restore into another one, which --data-dir and DATABASE_URL name"
    )]
    NotEmpty {
        /// How many.
        workspaces: i64,
    },
    /// PostgreSQL's own programs are needed.
    #[error(
        "{program} is not installed: install PostgreSQL's client programs, at least as new as the server (Debian: apt-get \
         install postgresql-client)"
    )]
    NoProgram {
        /// Which.
        program: &'static str,
    },
    /// One of them failed.
    #[error("{program} failed: {said}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it wrote.
        said: String,
    },
    /// The installation cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The index cannot be made.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// The index cannot be asked.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Searching failed.
    #[error(transparent)]
    Search(#[from] SearchError),
}

/// Copies the database of `config` into a new folder below `folder`, as it is at one moment, whoever writes meanwhile.
///
/// `written` is told now and then how many bytes there are.
///
/// # Errors
/// [`BackupError`]; then nothing is left in `folder`.
pub async fn backup(
    config: &Config,
    clock: &Clock,
    folder: &Path,
    written: impl Fn(u64),
) -> Result<BackedUp, BackupError> {
    let url = config.database_url();
    // Opening it would make it.
    if database::file(&url)?.is_some_and(|file| !file.exists()) {
        return Err(BackupError::Nothing);
    }
    let database = Database::open(&url).await?;
    let done = copy(config, &database, clock.now_ms(), folder, written).await;
    database.close().await;
    done
}

async fn copy(
    config: &Config,
    database: &Database,
    at_ms: i64,
    folder: &Path,
    written: impl Fn(u64),
) -> Result<BackedUp, BackupError> {
    if store::is_half_restored(database).await? {
        return Err(OpenError::HalfRestored.into());
    }
    let kind = Kind::of(database);
    // Before anything is made, and what PostgreSQL's copy is made of.
    let mut moment = store::moment(database).await?;
    let mut content = content(&mut moment).await?;
    let partial = Partial::begin(folder, at_ms)?;
    let file = partial.file(kind.file_name())?;
    match kind {
        Kind::Sqlite => {
            drop(moment);
            watched(store::copy_to(database, &file), &file, &written).await?;
            // Rows may have come between the look and the copy, so what was copied is looked at.
            let copy = store::open_copy(&file).await?;
            content = self::content(&mut store::moment(&copy).await?).await?;
            copy.close().await;
        }
        Kind::Postgres => {
            let snapshot = store::exported(&mut moment).await?;
            let url = config.database_url();
            let tables = content.tables();
            let dump = postgres::dump(&url, &snapshot, content.namespace.as_deref(), &tables, &file);
            watched(dump, &file, &written).await?;
        }
    }
    // Neither VACUUM INTO nor pg_dump waits for the disk.
    sync(&file)?;
    let manifest = Manifest {
        format: FORMAT,
        candor: env!("CARGO_PKG_VERSION").to_owned(),
        engine: kind,
        created_at: clock::rfc3339(at_ms),
        content,
        database: Copied::of(&file).await?,
    };
    manifest.write(&partial.file(manifest::FILE)?)?;
    Ok(BackedUp { folder: partial.keep()?, manifest })
}

/// What is in the database, when this program knows what it means.
async fn content(moment: &mut database::Transaction) -> Result<Content, BackupError> {
    let content = store::content(moment).await?.ok_or(BackupError::Nothing)?;
    let (theirs, ours) = (content.schema, database::schema_version());
    if theirs > ours {
        let program = "that serves it".to_owned();
        return Err(BackupError::Newer { what: "the database's schema", theirs, ours, program });
    }
    Ok(content)
}

/// Tells how much has been written while it is being written.
async fn watched<T>(writing: impl Future<Output = T>, file: &Path, written: &impl Fn(u64)) -> T {
    let mut writing = pin!(writing);
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            done = &mut writing => return done,
            _ = look.tick() => written(file.metadata().map_or(0, |metadata| metadata.len())),
        }
    }
}

/// A backup that is being written, under a name that says so; gone when it is not kept.
struct Partial {
    folder: PathBuf,
    whole: PathBuf,
}

impl Partial {
    fn begin(folder: &Path, at_ms: i64) -> Result<Self, BackupError> {
        let time = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
        let whole = folder.join(format!("candor-{time}"));
        let partial = folder.join(format!("candor-{time}.partial"));
        make_folder(folder, true)?;
        if whole.exists() || partial.exists() {
            return Err(BackupError::Taken { folder: whole });
        }
        make_folder(&partial, false)?;
        Ok(Self { folder: partial, whole })
    }

    /// An empty file in it, for its owner's eyes only.
    fn file(&self, name: &str) -> Result<PathBuf, BackupError> {
        let path = self.folder.join(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).map_err(at(&path))?;
        Ok(path)
    }

    /// Gives it the name of a whole one; it is on the disk then.
    fn keep(self) -> Result<PathBuf, BackupError> {
        sync(&self.folder)?;
        std::fs::rename(&self.folder, &self.whole).map_err(at(&self.whole))?;
        if let Some(parent) = self.whole.parent() {
            sync(parent)?;
        }
        Ok(self.whole.clone())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Renamed, or not wanted; what cannot be removed has a name that says what it is.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Makes a folder for its owner's eyes only: customers' words lie in it.
fn make_folder(folder: &Path, may_exist: bool) -> Result<(), BackupError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(may_exist);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(at(folder))
}

/// Waits until a file, or which files a folder has, is on the disk.
fn sync(path: &Path) -> Result<(), BackupError> {
    // The parent of a bare name is nothing, and means the working directory.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    |source| BackupError::File { path: path.to_owned(), source }
}
