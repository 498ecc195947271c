//! SQLite and PostgreSQL behind one SQL text.
//!
//! A statement is written once, in the subset that both engines share, and run by one of the macros [`read!`](crate::read) and
//! [`run!`](crate::run), which expand the body once for each driver. Types stay native: no lowest common denominator.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

/// How long a request waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SQLite waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

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
    },
    /// A PostgreSQL server.
    Postgres(PgPool),
}

/// A transaction; what is not committed never happened.
pub enum Transaction {
    /// On SQLite it holds the writer from the start, so that it cannot fail half-way for want of the lock.
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    /// On PostgreSQL.
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// What a caller can do about a failed statement.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The database cannot be reached or is too busy: try again later.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The disk is full: nothing was stored.
    #[error("the disk is full: free some space, nothing was stored")]
    DiskFull(#[source] sqlx::Error),
    /// The row exists already.
    #[error("a row with this {0} exists already")]
    Conflict(String),
    /// A stored value that is not what the schema promises, or a defect of ours.
    #[error("the database failed: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

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
            $crate::database::Database::Postgres(pool) => {
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

impl Database {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`), without changing its schema.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when it cannot be reached, [`DatabaseError::Internal`] when `url` is no such URL.
    pub async fn open(url: &SecretString) -> Result<Self, DatabaseError> {
        let url = url.expose_secret();
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pool = PgPoolOptions::new()
                .max_connections(POSTGRES_CONNECTIONS)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect(url)
                .await?;
            return Ok(Self::Postgres(pool));
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
        Ok(Self::Sqlite { writer, readers })
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
            Self::Postgres(pool) => MIGRATIONS.run(pool).await.map_err(DatabaseError::from),
        }
    }

    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when no connection is free in time.
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Transaction::Sqlite(writer.begin_with("begin immediate").await?),
            Self::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        })
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
            Self::Sqlite { writer, readers } => {
                let (writing, writer_idle) = count(writer.size(), writer.num_idle());
                let (reading, readers_idle) = count(readers.size(), readers.num_idle());
                (writing + reading, writer_idle + readers_idle)
            }
            Self::Postgres(pool) => count(pool.size(), pool.num_idle()),
        }
    }

    /// Closes the connections, after what runs has ended.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
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

impl DatabaseError {
    /// Anything that the caller can do nothing about.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }
}

/// SQLite's codes for a full disk: for the database (`SQLITE_FULL`) and for the file of its WAL index (`SQLITE_IOERR_SHMSIZE`).
const SQLITE_DISK_FULL: [&str; 2] = ["13", "4874"];
/// PostgreSQL's.
const POSTGRES_DISK_FULL: &str = "53100";

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::Tls(_) => {
                Self::Unavailable(error)
            }
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                if SQLITE_DISK_FULL.contains(&&*code) || code == POSTGRES_DISK_FULL {
                    Self::DiskFull(error)
                } else if database.is_unique_violation() {
                    Self::Conflict(database.constraint().unwrap_or("value").to_owned())
                } else {
                    Self::internal(error)
                }
            }
            _ => Self::internal(error),
        }
    }
}

impl From<MigrateError> for DatabaseError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            error => Self::internal(error),
        }
    }
}

impl From<crate::vault::VaultError> for DatabaseError {
    fn from(error: crate::vault::VaultError) -> Self {
        Self::internal(error)
    }
}
