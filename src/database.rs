//! SQLite and PostgreSQL behind one SQL text.
//!
//! A statement is written once, in the subset that both engines share, and run by one of the macros [`read!`](crate::read) and
//! [`run!`](crate::run), which expand the body once for each driver. Types stay native: no lowest common denominator.

mod error;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub use error::DatabaseError;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// How long a request waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SQLite waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;
const POSTGRES_PUBLISHERS: u32 = 8;
/// How long an article waits until fewer others are being published.
const PUBLISHER_TIMEOUT: Duration = Duration::from_secs(30);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The database that `DATABASE_URL` names; cheap to clone.
#[derive(Clone, Debug)]
pub enum Database {
    /// One writer, several readers: SQLite's own rule, kept by the pools instead of by errors.
    Sqlite {
        /// The only connection that writes.
        writer: SqlitePool,
        /// Connections that only read.
        readers: SqlitePool,
        /// Who publishes and who keeps others from it. Here one process has the database, so a lock in memory is enough.
        publishing: Arc<RwLock<()>>,
    },
    /// A PostgreSQL server.
    Postgres {
        /// For everything but publishing.
        pool: PgPool,
        /// Held while an article is embedded, and waited for by others: questions must not wait for these.
        publishers: PgPool,
    },
}

/// A transaction; what is not committed never happened.
pub enum Transaction {
    /// On SQLite it holds the writer from the start, so that it cannot fail half-way for want of the lock.
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    /// On PostgreSQL.
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// The right to publish: while it lives, no process switches the index generation and none sweeps orphans.
///
/// Points are written outside of SQL, so the right must be had before the first of them and kept until the commit.
pub type Publishing = Held<OwnedRwLockReadGuard<()>>;

/// A time in which nobody publishes, in any process on the database.
pub type Quiet = Held<OwnedRwLockWriteGuard<()>>;

/// A lock that all processes on the database respect.
pub enum Held<Right> {
    /// One process has the database, so it is a lock in memory.
    Sqlite {
        /// For the transaction at the end: the writer is not held while an article is embedded.
        writer: SqlitePool,
        /// Given back when it goes.
        right: Right,
    },
    /// A lock that the server gives back when the transaction or the connection ends, however it ends.
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// The right to build an index generation: while it lives, no other process builds one, and none takes the unfinished one for
/// what is left of a crash.
///
/// On SQLite one process has the database, and keeps order among its own rebuilds itself.
pub struct Rebuilding {
    _lock: Option<sqlx::Transaction<'static, sqlx::Postgres>>,
}

/// The word that an embedded index is the only one for its database.
#[derive(Debug)]
pub struct Embedded {
    _connection: Option<sqlx::PgConnection>,
}

/// The lock of [`Publishing`] and [`Quiet`] among PostgreSQL's advisory locks: "can" in ASCII and a number. The
/// second half of each lock is the schema, so that two installations in one database do not wait for each other.
const PUBLISHING_LOCK: i32 = 0x63_61_6e_01;
/// The lock of [`Rebuilding`].
const REBUILDING_LOCK: i32 = 0x63_61_6e_02;
/// The lock of the one process that has an embedded index beside this database.
const EMBEDDED_LOCK: i32 = 0x63_61_6e_03;

/// Runs `$body` on a connection for reading; `$driver` names the driver in types.
#[macro_export]
macro_rules! read {
    ($database:expr, |$pool:ident : $driver:ident| $body:expr) => {
        match $database {
            $crate::database::Database::Sqlite { readers, .. } => {
                #[allow(dead_code)]
                type $driver = sqlx::Sqlite;
                let $pool = readers;
                $body.await.map_err($crate::database::DatabaseError::from)
            }
            $crate::database::Database::Postgres { pool, .. } => {
                #[allow(dead_code)]
                type $driver = sqlx::Postgres;
                let $pool = pool;
                $body.await.map_err($crate::database::DatabaseError::from)
            }
        }
    };
}

/// Runs `$body` inside of a [`Transaction`]; `$driver` names the driver in types.
#[macro_export]
macro_rules! run {
    ($transaction:expr, |$connection:ident : $driver:ident| $body:expr) => {
        match $transaction {
            $crate::database::Transaction::Sqlite(inner) => {
                #[allow(dead_code)]
                type $driver = sqlx::Sqlite;
                let $connection = &mut **inner;
                $body.await.map_err($crate::database::DatabaseError::from)
            }
            $crate::database::Transaction::Postgres(inner) => {
                #[allow(dead_code)]
                type $driver = sqlx::Postgres;
                let $connection = &mut **inner;
                $body.await.map_err($crate::database::DatabaseError::from)
            }
        }
    };
}

/// Runs a statement inside of a [`Transaction`] and gives the number of rows that it changed.
#[macro_export]
macro_rules! execute {
    ($transaction:expr, $query:expr) => {
        $crate::run!($transaction, |connection: D| async {
            $query.execute(connection).await.map(|done| done.rows_affected())
        })
    };
}

/// The schema that this program brings: the number of its newest migration.
#[must_use]
pub fn schema_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// The tables that the migrations make, a row's parents before it, and at the end the one that the migrations are recorded in.
///
/// A database may have others, which are somebody else's.
#[must_use]
pub fn tables() -> Vec<&'static str> {
    let lines = MIGRATIONS.iter().flat_map(|migration| migration.sql.as_str().lines());
    let made = lines.filter_map(|line| line.strip_prefix("create table ")?.split([' ', '(']).next());
    made.chain(["_sqlx_migrations"]).collect()
}

/// The file of the SQLite database at `url`; `None` for a server.
///
/// # Errors
/// [`DatabaseError::UnknownUrl`] when `url` is neither.
pub fn file(url: &SecretString) -> Result<Option<PathBuf>, DatabaseError> {
    let url = url.expose_secret();
    if is_postgres(url) {
        return Ok(None);
    }
    if !url.starts_with("sqlite:") {
        return Err(DatabaseError::UnknownUrl);
    }
    Ok(Some(SqliteConnectOptions::from_str(url)?.get_filename().to_owned()))
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

impl Database {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`), without changing its schema.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when it cannot be reached, [`DatabaseError::UnknownUrl`] when `url` is no such URL.
    pub async fn open(url: &SecretString) -> Result<Self, DatabaseError> {
        let url = url.expose_secret();
        if is_postgres(url) {
            let options =
                |connections| PgPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
            let pool = options(POSTGRES_CONNECTIONS).connect(url).await?;
            // Whoever publishes has a connection for as long as it takes, so one more waits for its turn and not for an error.
            let publishers = options(POSTGRES_PUBLISHERS).acquire_timeout(PUBLISHER_TIMEOUT).connect_lazy(url)?;
            return Ok(Self::Postgres { pool, publishers });
        }
        if !url.starts_with("sqlite:") {
            return Err(DatabaseError::UnknownUrl);
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .pragma("temp_store", "memory");
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
        let writer = pool(1).connect_with(options.clone()).await?;
        let readers = pool(SQLITE_READERS).connect_with(options).await?;
        Ok(Self::Sqlite { writer, readers, publishing: Arc::default() })
    }

    /// Brings the schema up to date.
    ///
    /// SQLite has no lock for this, so on SQLite it is taken on the file `lock_path`: two programs that start
    /// on a fresh folder at once do not meet half-made tables.
    ///
    /// # Errors
    /// [`DatabaseError::Internal`] when a migration fails or the database is from a newer version.
    pub async fn migrate(&self, lock_path: &Path) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite { writer, .. } => {
                let lock = std::fs::File::create(lock_path).map_err(DatabaseError::internal)?;
                lock.lock().map_err(DatabaseError::internal)?;
                MIGRATIONS.run(writer).await.map_err(DatabaseError::from)
            }
            Self::Postgres { pool, .. } => MIGRATIONS.run(pool).await.map_err(DatabaseError::from),
        }
    }

    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when no connection is free in time.
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Transaction::Sqlite(writer.begin_with("begin immediate").await?),
            Self::Postgres { pool, .. } => Transaction::Postgres(pool.begin().await?),
        })
    }

    /// Waits until nobody keeps others from publishing, and takes the right to publish.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when no connection is free in time.
    pub async fn may_publish(&self) -> Result<Publishing, DatabaseError> {
        Ok(match self {
            Self::Sqlite { writer, publishing, .. } => {
                Publishing::Sqlite { writer: writer.clone(), right: Arc::clone(publishing).read_owned().await }
            }
            Self::Postgres { publishers, .. } => Publishing::Postgres(
                locked(
                    publishers,
                    PUBLISHING_LOCK,
                    "select pg_advisory_xact_lock_shared($1, hashtext(current_schema()))",
                )
                .await?,
            ),
        })
    }

    /// Waits until everybody who publishes has ended, and keeps others from beginning.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when no connection is free in time.
    pub async fn quiet(&self) -> Result<Quiet, DatabaseError> {
        Ok(match self {
            Self::Sqlite { writer, publishing, .. } => {
                Quiet::Sqlite { writer: writer.clone(), right: Arc::clone(publishing).write_owned().await }
            }
            Self::Postgres { publishers, .. } => Quiet::Postgres(locked(publishers, PUBLISHING_LOCK, LOCK).await?),
        })
    }

    /// Waits until no other process builds an index generation, and takes the right to.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when no connection is free in time.
    pub async fn may_rebuild(&self) -> Result<Rebuilding, DatabaseError> {
        let lock = match self {
            Self::Sqlite { .. } => None,
            Self::Postgres { publishers, .. } => Some(locked(publishers, REBUILDING_LOCK, LOCK).await?),
        };
        Ok(Rebuilding { _lock: lock })
    }

    /// As [`Database::may_rebuild`], without waiting: `None` when another process builds a generation.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when no connection is free in time.
    pub async fn may_rebuild_now(&self) -> Result<Option<Rebuilding>, DatabaseError> {
        const SQL: &str = "select pg_try_advisory_xact_lock($1, hashtext(current_schema()))";
        let Self::Postgres { publishers, .. } = self else { return Ok(Some(Rebuilding { _lock: None })) };
        let mut transaction = publishers.begin().await?;
        let is_free: bool = sqlx::query_scalar(SQL).bind(REBUILDING_LOCK).fetch_one(&mut *transaction).await?;
        Ok(is_free.then_some(Rebuilding { _lock: Some(transaction) }))
    }

    /// Says that this process has the only index that is right for this database, embedded in its data folder; `None` when
    /// another process has said so. The word holds as long as what is returned.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when no connection is free in time.
    pub async fn claim_embedded(&self) -> Result<Option<Embedded>, DatabaseError> {
        const SQL: &str = "select pg_try_advisory_lock($1, hashtext(current_schema()))";
        // SQLite lies in the data folder, whose own lock says the same.
        let Self::Postgres { publishers, .. } = self else { return Ok(Some(Embedded { _connection: None })) };
        let mut connection = publishers.acquire().await?.detach();
        let is_ours: bool = sqlx::query_scalar(SQL).bind(EMBEDDED_LOCK).fetch_one(&mut connection).await?;
        Ok(is_ours.then_some(Embedded { _connection: Some(connection) }))
    }

    /// Whether a statement comes back.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        read!(self, |pool: D| sqlx::query_scalar::<_, i32>("select 1").fetch_one(pool)).map(drop)
    }

    /// Connections in use and idle, of all pools.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        let count = |size: u32, idle: usize| ((size as usize).saturating_sub(idle), idle);
        match self {
            Self::Sqlite { writer, readers, .. } => {
                let (writing, writer_idle) = count(writer.size(), writer.num_idle());
                let (reading, readers_idle) = count(readers.size(), readers.num_idle());
                (writing + reading, writer_idle + readers_idle)
            }
            Self::Postgres { pool, publishers } => {
                let (used, idle) = count(pool.size(), pool.num_idle());
                let (publishing, publishers_idle) = count(publishers.size(), publishers.num_idle());
                (used + publishing, idle + publishers_idle)
            }
        }
    }

    /// Closes the connections, after what runs has ended.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { pool, publishers } => {
                publishers.close().await;
                pool.close().await;
            }
        }
    }
}

const LOCK: &str = "select pg_advisory_xact_lock($1, hashtext(current_schema()))";

/// A transaction that holds `lock` to its end.
async fn locked(
    pool: &PgPool,
    lock: i32,
    take: &'static str,
) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, DatabaseError> {
    // Without an end, a process whose machine has gone would keep all others waiting: the server hears of that only by asking.
    const BOUNDS: &str = "
        select set_config('lock_timeout', '30s', true), set_config('tcp_keepalives_idle', '10', true),
            set_config('tcp_keepalives_interval', '5', true), set_config('tcp_keepalives_count', '3', true)";
    let mut transaction = pool.begin().await?;
    sqlx::query(BOUNDS).execute(&mut *transaction).await?;
    sqlx::query(take).bind(lock).execute(&mut *transaction).await?;
    Ok(transaction)
}

impl<Right> Held<Right> {
    /// Begins the transaction that the lock was taken for. What comes second is to be kept until it has been committed.
    ///
    /// # Errors
    /// As [`Database::begin`].
    pub async fn begin(self) -> Result<(Transaction, Option<Right>), DatabaseError> {
        Ok(match self {
            Self::Sqlite { writer, right } => {
                (Transaction::Sqlite(writer.begin_with("begin immediate").await?), Some(right))
            }
            Self::Postgres(transaction) => (Transaction::Postgres(transaction), None),
        })
    }
}

impl Transaction {
    /// Makes everything that was done in it visible at once.
    ///
    /// # Errors
    /// As any statement; then nothing of it happened.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(inner) => inner.commit().await?,
            Self::Postgres(inner) => inner.commit().await?,
        }
        Ok(())
    }
}
