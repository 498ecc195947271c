//! What a backup says about itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::backup::{BackupError, at, sync};
use crate::database::{self, Database, DatabaseError};
use crate::knowledge::store::generations::GenerationRow;

/// The manifest's file. It is written last: a folder without one is no whole backup.
pub const FILE: &str = "manifest.json";

/// Goes up when a backup is written that older programs would restore wrongly.
pub const FORMAT: i64 = 1;

/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;

/// What a backup is of, and what it must be to be restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: i64,
    /// The version of the program that made it.
    pub candor: String,
    /// Where the rows come from, and can go to.
    pub engine: Kind,
    /// When, RFC 3339.
    pub created_at: String,
    /// What the database had in it.
    #[serde(flatten)]
    pub content: Content,
    /// The file with the rows.
    pub database: Copied,
}

/// What a database has in it at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The newest migration that it has seen.
    pub schema: i64,
    /// The PostgreSQL schema that the tables are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The index generation that questions are answered from.
    pub generation: Option<GenerationRow>,
    /// How many rows a table has.
    pub rows: BTreeMap<String, i64>,
}

/// The engine of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Its name in the backup's folder.
    pub file: String,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Reads the manifest of the backup in `folder`.
    ///
    /// # Errors
    /// [`BackupError::NotWhole`], [`BackupError::Newer`] or [`BackupError::Damaged`].
    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        /// What every format has.
        #[derive(Deserialize)]
        struct Any {
            format: i64,
            candor: String,
        }
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => BackupError::NotWhole { folder: folder.to_owned() },
            _ => BackupError::File { path: path.clone(), source },
        })?;
        let damaged =
            |error: serde_json::Error| BackupError::Damaged { why: format!("{FILE} cannot be understood ({error})") };
        let any: Any = serde_json::from_str(&text).map_err(damaged)?;
        if any.format > FORMAT {
            let what = "the backup's format";
            return Err(BackupError::Newer { what, theirs: any.format, ours: FORMAT, program: any.candor });
        }
        serde_json::from_str(&text).map_err(damaged)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), BackupError> {
        let text = serde_json::to_string_pretty(self).map_err(DatabaseError::internal)?;
        std::fs::write(path, text + "\n").map_err(at(path))?;
        sync(path)
    }

    /// Whether its rows can be given to a database of this kind by this program.
    ///
    /// # Errors
    /// [`BackupError::OtherKind`] or [`BackupError::Newer`].
    pub fn fits(&self, settings: Kind) -> Result<(), BackupError> {
        if self.engine != settings {
            return Err(BackupError::OtherKind { backup: self.engine, settings });
        }
        let (theirs, ours) = (self.content.schema, database::schema_version());
        if theirs > ours {
            let (what, program) = ("the backup's schema", self.candor.clone());
            return Err(BackupError::Newer { what, theirs, ours, program });
        }
        Ok(())
    }

    /// Whether the rows in `folder` are still what was written.
    ///
    /// # Errors
    /// [`BackupError::Damaged`].
    pub async fn check(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(self.engine.file_name());
        if !path.is_file() {
            return Err(BackupError::Damaged { why: format!("{} is missing", self.engine.file_name()) });
        }
        let found = Copied::of(&path).await?;
        if found != self.database {
            let why = format!(
                "{} has {} bytes and the SHA-256 {} instead of {} bytes and {}",
                found.file, found.bytes, found.sha256, self.database.bytes, self.database.sha256
            );
            return Err(BackupError::Damaged { why });
        }
        Ok(())
    }
}

impl Content {
    /// The tables.
    pub(super) fn tables(&self) -> Vec<&str> {
        self.rows.keys().map(String::as_str).collect()
    }
}

impl Kind {
    pub(super) fn of(database: &Database) -> Self {
        match database {
            Database::Sqlite { .. } => Self::Sqlite,
            Database::Postgres { .. } => Self::Postgres,
        }
    }

    pub(super) fn of_url(url: &SecretString) -> Result<Self, DatabaseError> {
        Ok(if database::file(url)?.is_some() { Self::Sqlite } else { Self::Postgres })
    }

    /// The file that a backup has its rows in.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Sqlite => "database.sqlite",
            Self::Postgres => "database.dump",
        }
    }

    /// What to change in the settings so that they name a database of this kind.
    pub(super) fn how_to_name(self) -> &'static str {
        match self {
            Self::Sqlite => "unset DATABASE_URL, or set it to sqlite:PATH",
            Self::Postgres => "set DATABASE_URL to an empty database on a server, as in postgres://user@host/candor",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

impl Copied {
    /// Reads the whole of `path`.
    pub(super) async fn of(path: &Path) -> Result<Self, BackupError> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || Self::read(&path)).await.map_err(DatabaseError::internal)?
    }

    fn read(path: &Path) -> Result<Self, BackupError> {
        let mut file = File::open(path).map_err(at(path))?;
        let (mut digest, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; READ_BYTES]);
        loop {
            let read = file.read(&mut buffer).map_err(at(path))?;
            if read == 0 {
                break;
            }
            digest.update(&buffer[..read]);
            bytes += read as u64;
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { file, bytes, sha256: hex::encode(digest.finalize()) })
    }
}
