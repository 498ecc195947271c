//! Embeddings of questions that were made before, kept in a file: who measures the same set again and again pays for it once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use redb::{Database, DatabaseError, ReadableDatabase as _, TableDefinition};
use sha2::{Digest, Sha256};

use crate::inference::token_states::{QuestionEmbedding, QuestionToken};
use crate::inference::{Identity, token_projection};

/// Vectors that wait for the next commit, which takes a moment of the disk's time each.
const UNWRITTEN_MAX: usize = 512;

/// SHA-256 of a question.
type Key = [u8; 32];

/// The vector of the whole; those of the tokens one after the other; the first and the last byte of each one's word.
type Stored = (Vec<f32>, Vec<f32>, Vec<(u64, u64)>);

/// The vectors of one model, by question.
pub struct KeptEmbeddings {
    database: Database,
    /// The identity of the model, since vectors of two do not compare.
    table: String,
    dimension: usize,
    unwritten: Mutex<HashMap<Key, QuestionEmbedding>>,
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

    /// The vectors of `question`, if they were made before and can be read.
    pub(super) fn get(&self, question: &str) -> Option<QuestionEmbedding> {
        if let Some(embedding) = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).get(&key(question)) {
            return Some(embedding.clone());
        }
        let transaction = self.database.begin_read().ok()?;
        let stored = transaction.open_table(self.definition()).ok()?.get(key(question)).ok()??.value();
        let embedding = read(stored)?;
        (embedding.dense.len() == self.dimension).then_some(embedding)
    }

    /// Keeps the vectors of `question`; a disk that is full costs only that they are made again.
    pub(super) fn put(&self, question: &str, embedding: &QuestionEmbedding) {
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten.insert(key(question), embedding.clone());
        if unwritten.len() >= UNWRITTEN_MAX {
            self.write(&mut unwritten);
        }
    }

    fn write(&self, unwritten: &mut HashMap<Key, QuestionEmbedding>) {
        if let Err(error) = self.commit(unwritten) {
            tracing::warn!(%error, "embeddings could not be kept");
        }
        unwritten.clear();
    }

    fn commit(&self, embeddings: &HashMap<Key, QuestionEmbedding>) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(self.definition())?;
            for (key, embedding) in embeddings {
                table.insert(*key, stored(embedding))?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn definition(&self) -> TableDefinition<'_, Key, Stored> {
        TableDefinition::new(&self.table)
    }
}

fn stored(embedding: &QuestionEmbedding) -> Stored {
    let place = |byte: usize| u64::try_from(byte).unwrap_or(u64::MAX);
    let tokens = embedding.tokens.iter().flat_map(|token| token.vector.iter().copied()).collect();
    let words = embedding.tokens.iter().map(|token| (place(token.word.start), place(token.word.end))).collect();
    (embedding.dense.clone(), tokens, words)
}

fn read((dense, tokens, words): Stored) -> Option<QuestionEmbedding> {
    let vectors = tokens.chunks_exact(token_projection::DIMENSION);
    let tokens = vectors.zip(words).map(|(vector, (start, end))| {
        Some(QuestionToken { vector: vector.to_vec(), word: usize::try_from(start).ok()?..usize::try_from(end).ok()? })
    });
    Some(QuestionEmbedding { dense, tokens: tokens.collect::<Option<_>>()? })
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

    fn embedding(first: f32) -> QuestionEmbedding {
        let token = |start| QuestionToken { vector: vec![first; token_projection::DIMENSION], word: start..start + 3 };
        QuestionEmbedding { dense: vec![first, -1.0], tokens: vec![token(0), token(4)] }
    }

    #[test]
    fn vectors_are_found_again_after_the_file_was_closed_and_only_for_their_model() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("embeddings.redb");
        let kept = KeptEmbeddings::open(&path, &identity("one")).unwrap();
        kept.put("question", &embedding(0.5));
        assert_eq!(kept.get("question"), Some(embedding(0.5)), "what is not written yet is found too");
        drop(kept);
        let kept = KeptEmbeddings::open(&path, &identity("one")).unwrap();
        assert_eq!(kept.get("question"), Some(embedding(0.5)));
        assert_eq!(kept.get("other question"), None);
        drop(kept);
        assert_eq!(KeptEmbeddings::open(&path, &identity("two")).unwrap().get("question"), None);
    }

    #[test]
    fn many_are_written_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptEmbeddings::open(&folder.path().join("embeddings.redb"), &identity("one")).unwrap();
        for number in 0..UNWRITTEN_MAX {
            kept.put(&number.to_string(), &embedding(1.0));
        }
        assert!(kept.unwritten.lock().unwrap().is_empty());
        assert_eq!(kept.get("0"), Some(embedding(1.0)));
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
