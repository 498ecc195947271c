//! Embeddings that were made before, kept in a file: who measures the same texts again and again pays for them once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use redb::{Database, DatabaseError, ReadableDatabase as _, TableDefinition};
use sha2::{Digest, Sha256};

use crate::inference::Identity;

/// Vectors that wait for the next commit, which takes a moment of the disk's time each.
const UNWRITTEN_MAX: usize = 512;

/// SHA-256 of a text.
type Key = [u8; 32];

/// The vectors of one model, by text.
pub struct KeptEmbeddings {
    database: Database,
    /// The identity of the model, since vectors of two do not compare.
    table: String,
    dimension: usize,
    unwritten: Mutex<HashMap<Key, Vec<f32>>>,
}

/// Why there are no kept embeddings.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Another process has the file.
    #[error("the kept embeddings {0} are in use by another process")]
    InUse(String),
    /// The file cannot be used.
    #[error("the kept embeddings {path} cannot be used: {problem}; remove the file and they are made again")]
    Unusable {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl KeptEmbeddings {
    /// Opens the file, or begins it, for vectors of the model `identity`.
    ///
    /// # Errors
    /// [`KeepError`].
    pub fn open(path: &Path, identity: &Identity) -> Result<Self, KeepError> {
        let unusable = |problem: String| KeepError::Unusable { path: path.display().to_string(), problem };
        let database = Database::create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => KeepError::InUse(path.display().to_string()),
            error => unusable(error.to_string()),
        })?;
        let kept =
            Self { database, table: identity.name.clone(), dimension: identity.dimension, unwritten: Mutex::default() };
        // A reader may not meet a table that is not there.
        kept.commit(&HashMap::new()).map_err(|error| unusable(error.to_string()))?;
        Ok(kept)
    }

    /// The vector of `text`, if it was made before and can be read.
    pub(super) fn get(&self, text: &str) -> Option<Vec<f32>> {
        if let Some(vector) = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).get(&key(text)) {
            return Some(vector.clone());
        }
        let transaction = self.database.begin_read().ok()?;
        let bytes = transaction.open_table(self.definition()).ok()?.get(key(text)).ok()??.value().to_vec();
        let vector: Vec<f32> =
            bytes.chunks_exact(4).filter_map(|four| Some(f32::from_le_bytes(four.try_into().ok()?))).collect();
        (vector.len() == self.dimension).then_some(vector)
    }

    /// Keeps the vector of `text`; a disk that is full costs only that it is made again.
    pub(super) fn put(&self, text: &str, vector: &[f32]) {
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten.insert(key(text), vector.to_vec());
        if unwritten.len() >= UNWRITTEN_MAX {
            self.write(&mut unwritten);
        }
    }

    fn write(&self, unwritten: &mut HashMap<Key, Vec<f32>>) {
        if let Err(error) = self.commit(unwritten) {
            tracing::warn!(%error, "embeddings could not be kept");
        }
        unwritten.clear();
    }

    fn commit(&self, vectors: &HashMap<Key, Vec<f32>>) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(self.definition())?;
            for (key, vector) in vectors {
                let bytes: Vec<u8> = vector.iter().flat_map(|float| float.to_le_bytes()).collect();
                table.insert(*key, bytes.as_slice())?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn definition(&self) -> TableDefinition<'_, Key, &'static [u8]> {
        TableDefinition::new(&self.table)
    }
}

impl Drop for KeptEmbeddings {
    fn drop(&mut self) {
        let mut unwritten = std::mem::take(&mut *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner));
        self.write(&mut unwritten);
    }
}

fn key(text: &str) -> Key {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(name: &str) -> Identity {
        Identity { name: name.to_owned(), dimension: 2 }
    }

    #[test]
    fn a_vector_is_found_again_after_the_file_was_closed_and_only_for_its_model() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("embeddings.redb");
        let kept = KeptEmbeddings::open(&path, &identity("one")).unwrap();
        kept.put("text", &[0.5, -1.0]);
        assert_eq!(kept.get("text"), Some(vec![0.5, -1.0]), "what is not written yet is found too");
        drop(kept);
        let kept = KeptEmbeddings::open(&path, &identity("one")).unwrap();
        assert_eq!(kept.get("text"), Some(vec![0.5, -1.0]));
        assert_eq!(kept.get("other text"), None);
        drop(kept);
        assert_eq!(KeptEmbeddings::open(&path, &identity("two")).unwrap().get("text"), None);
    }

    #[test]
    fn many_are_written_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptEmbeddings::open(&folder.path().join("embeddings.redb"), &identity("one")).unwrap();
        for number in 0..UNWRITTEN_MAX {
            kept.put(&number.to_string(), &[1.0, 2.0]);
        }
        assert_eq!(kept.get("0"), Some(vec![1.0, 2.0]));
    }

    #[test]
    fn a_file_in_use_and_one_that_is_something_else_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("embeddings.redb");
        let _kept = KeptEmbeddings::open(&path, &identity("one")).unwrap();
        assert!(matches!(KeptEmbeddings::open(&path, &identity("one")), Err(KeepError::InUse(_))));
        let path = folder.path().join("letter.txt");
        std::fs::write(&path, "Dear all, this is no such file, however long it may be.").unwrap();
        assert!(matches!(KeptEmbeddings::open(&path, &identity("one")), Err(KeepError::Unusable { .. })));
    }
}
