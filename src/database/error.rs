//! What can go wrong with a statement, told apart by what a caller can do about it.

use sqlx::migrate::MigrateError;

/// What a caller can do about a failed statement.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The database cannot be reached or is too busy: try again later.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The disk is full: nothing was stored.
    #[error("the disk is full: free some space, nothing was stored")]
    DiskFull(#[source] sqlx::Error),
    /// The URL names no database that Candor knows.
    #[error(
        "DATABASE_URL must begin with postgres:// or sqlite:, as in postgres://user@host/candor or sqlite:candor.sqlite"
    )]
    UnknownUrl,
    /// The row exists already.
    #[error("a row with this {0} exists already")]
    Conflict(String),
    /// A stored value that is not what the schema promises, or a defect of ours.
    #[error("the database failed: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl DatabaseError {
    /// Anything that the caller can do nothing about.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }
}

/// PostgreSQL's classes and codes for a server that is going, coming or has too much to do, and for two transactions that stood
/// in each other's way: nothing happened, and the same again may work.
const POSTGRES_LATER: [&str; 12] =
    ["08", "57P01", "57P02", "57P03", "57P05", "57014", "53300", "40001", "40P01", "55P03", "25P03", "25006"];

/// SQLite's codes for a full disk: for the database (`SQLITE_FULL`) and for the file of its WAL index (`SQLITE_IOERR_SHMSIZE`).
const SQLITE_DISK_FULL: [&str; 2] = ["13", "4874"];
/// PostgreSQL's.
const POSTGRES_DISK_FULL: &str = "53100";

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            // Half a message is what is read from a connection that was cut.
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                if SQLITE_DISK_FULL.contains(&&*code) || code == POSTGRES_DISK_FULL {
                    Self::DiskFull(error)
                } else if POSTGRES_LATER.iter().any(|later| code.starts_with(later)) && code.len() == 5 {
                    Self::Unavailable(error)
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
