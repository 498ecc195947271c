//! An installation from a copy: the rows first, then an index from them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::backup::manifest::{Kind, Manifest};
use crate::backup::store::{self, Cleared};
use crate::backup::{BackupError, postgres};
use crate::clock::Clock;
use crate::config::Config;
use crate::database::Database;
use crate::engine::{DataFolderLock, Engine, Unfit, generation_name};
use crate::ids::Ids;
use crate::knowledge::generation;
use crate::knowledge::store as knowledge;

/// An installation that was restored.
pub struct Restored {
    /// The installation, ready for questions.
    pub engine: Engine,
    /// What it was restored from.
    pub manifest: Manifest,
    /// The rows that each table has got.
    pub rows: BTreeMap<String, i64>,
    /// Where the points of its index come from.
    pub index: Made,
}

/// How an index was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Made {
    /// From the chunks of the backup.
    Mended,
    /// From its articles, cut and embedded anew: the backup's chunks were another model's or another chunker's.
    Rebuilt,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The backup is read from end to end.
    Checking,
    /// The rows are written.
    Rows,
    /// So many points of so many are in the index.
    Points(usize, usize),
    /// So many articles of so many are in the index.
    Articles(usize, usize),
}

/// Restores the backup in `folder` into the installation that `config` names, which must be empty.
///
/// # Errors
/// [`BackupError`]. A refusal changes nothing; what is cut off later can be begun again, and until then the installation does not open.
pub async fn restore(
    config: Config,
    clock: Clock,
    ids: Ids,
    folder: &Path,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Restored, BackupError> {
    let manifest = Manifest::read(folder)?;
    manifest.fits(Kind::of_url(&config.database_url())?)?;
    progress(Progress::Checking);
    manifest.check(folder).await?;
    // A server on the folder would go on answering from the index that it has.
    let lock = DataFolderLock::take(&config.data_dir)?;
    let database = Database::open(&config.database_url()).await?;
    progress(Progress::Rows);
    let rows = give_rows(&config, &database, &ids, &manifest, folder).await;
    database.close().await;
    drop(lock);
    let (rows, chunks) = rows?;

    let engine = Engine::open(config, clock, ids, Unfit::Rebuild).await?;
    let index = make_index(&engine, chunks, progress).await?;
    Ok(Restored { engine, manifest, rows, index })
}

/// Gives an empty database the rows of the backup, and an index generation of its own. Returns how many rows each table has got,
/// and how many chunks must be in the index.
async fn give_rows(
    config: &Config,
    database: &Database,
    ids: &Ids,
    manifest: &Manifest,
    folder: &Path,
) -> Result<(BTreeMap<String, i64>, usize), BackupError> {
    // One restore at a time; and of several servers on the database, none publishes.
    let _alone = database.quiet().await?;
    write_rows(config, database, manifest, folder).await?;
    // Before anything else is done to them.
    let content = store::content(&mut store::moment(database).await?).await?;
    database.migrate(&config.data_dir.join("migrate.lock")).await?;
    let number = knowledge::generations::count(database).await? + 1;
    let mut transaction = database.begin().await?;
    let mut chunks = 0;
    if let Some(active) = &manifest.content.generation {
        chunks = store::adopt(&mut transaction, &generation_name(number, &active.embedding, ids)).await?;
    }
    store::unmark(&mut transaction).await?;
    transaction.commit().await?;
    Ok((content.map(|content| content.rows).unwrap_or_default(), usize::try_from(chunks).unwrap_or_default()))
}

async fn write_rows(
    config: &Config,
    database: &Database,
    manifest: &Manifest,
    folder: &Path,
) -> Result<(), BackupError> {
    let file = folder.join(manifest.engine.file_name());
    if manifest.engine == Kind::Sqlite {
        store::attach(database, &file).await?;
    }
    let mut transaction = database.begin().await?;
    let settings = store::namespace(&mut transaction).await?;
    if let Some(backup) = manifest.content.namespace.clone().filter(|backup| settings.as_ref() != Some(backup)) {
        let settings = settings.unwrap_or_else(|| "none that exists".to_owned());
        return Err(BackupError::OtherNamespace { backup, settings });
    }
    if let Cleared::No(workspaces) = store::clear(&mut transaction).await? {
        return Err(BackupError::NotEmpty { workspaces });
    }
    store::fill(&mut transaction).await?;
    transaction.commit().await?;
    if manifest.engine == Kind::Postgres
        && let Err(error) = postgres::restore(&config.database_url(), &file).await
    {
        // It wrote nothing, so this is an empty database again. Where that cannot be said any more, the mark stays and says so.
        let mut transaction = database.begin().await?;
        store::unmark(&mut transaction).await?;
        transaction.commit().await?;
        return Err(error);
    }
    Ok(())
}

/// Makes the points of all chunks; where these are of another model than the settings name, also the chunks.
async fn make_index(
    engine: &Engine,
    chunks: usize,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Made, BackupError> {
    let generation = engine.generation();
    let wanted = engine.generation_row(0);
    let made = |row: &knowledge::generations::GenerationRow| {
        (row.embedding.clone(), row.tokenizer.clone(), row.chunker.clone())
    };
    let index = if made(&generation.row) == made(&wanted) {
        let (done, left) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let count = |missing: usize| {
            // It goes down within a workspace, and up to the next one's.
            let made = left.swap(missing, Ordering::Relaxed).saturating_sub(missing);
            let done = done.fetch_add(made, Ordering::Relaxed) + made;
            progress(Progress::Points(done, chunks.max(done)));
        };
        generation::mend(engine, count).await?;
        Made::Mended
    } else {
        generation::rebuild(engine, |done, total| progress(Progress::Articles(done, total))).await?;
        Made::Rebuilt
    };
    engine.generation().index.settle().await?;
    Ok(index)
}
