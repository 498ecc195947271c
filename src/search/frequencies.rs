//! The document frequencies of each workspace, kept in memory and read again when its articles have changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as AsyncMutex;

use crate::database::{Database, DatabaseError};
use crate::ids::WorkspaceId;
use crate::index::TermFrequencies;
use crate::knowledge::store;

/// While articles come in one after the other, frequencies this old are good enough: one article changes them little.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// Workspaces that are kept; the one that was not asked for longest goes first.
const WORKSPACES_MAX: usize = 1_000;

/// Workspaces that are read at a time, at most.
const READERS: usize = 16;

/// Frequencies by workspace.
#[derive(Debug, Default)]
pub struct FrequencyCache {
    entries: Mutex<HashMap<WorkspaceId, Entry>>,
    /// Held by whoever reads a workspace's, chosen by its id.
    reading: [AsyncMutex<()>; READERS],
}

#[derive(Clone, Debug)]
struct Entry {
    generation: String,
    knowledge_version: i64,
    frequencies: Arc<TermFrequencies>,
    read_at: Instant,
    asked_at: Instant,
}

impl FrequencyCache {
    /// The frequencies of `workspace`, which stands at `knowledge_version`.
    ///
    /// # Errors
    /// As the database.
    pub async fn of(
        &self,
        database: &Database,
        workspace: WorkspaceId,
        generation: &str,
        knowledge_version: i64,
    ) -> Result<Arc<TermFrequencies>, DatabaseError> {
        if let Some(frequencies) = self.kept(workspace, generation, knowledge_version) {
            return Ok(frequencies);
        }
        // Of many questions that find them missing, one reads them.
        let [.., last] = *workspace.as_uuid().as_bytes();
        let _reading = self.reading[usize::from(last) % READERS].lock().await;
        if let Some(frequencies) = self.kept(workspace, generation, knowledge_version) {
            return Ok(frequencies);
        }
        let frequencies = Arc::new(store::term_frequencies(database, workspace, generation).await?);
        self.keep(workspace, generation, knowledge_version, Arc::clone(&frequencies));
        Ok(frequencies)
    }

    fn kept(&self, workspace: WorkspaceId, generation: &str, knowledge_version: i64) -> Option<Arc<TermFrequencies>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get_mut(&workspace)?;
        let is_current = entry.knowledge_version == knowledge_version;
        // A workspace that has just been filled must not be read with the frequencies of when it was empty.
        let is_close = entry.read_at.elapsed() < STALE_AFTER && entry.frequencies.chunks() > 1_000;
        if entry.generation != generation || !(is_current || is_close) {
            return None;
        }
        entry.asked_at = Instant::now();
        Some(Arc::clone(&entry.frequencies))
    }

    fn keep(
        &self,
        workspace: WorkspaceId,
        generation: &str,
        knowledge_version: i64,
        frequencies: Arc<TermFrequencies>,
    ) {
        let now = Instant::now();
        let entry =
            Entry { generation: generation.to_owned(), knowledge_version, frequencies, read_at: now, asked_at: now };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let is_newer = |kept: &Entry| kept.generation == generation && kept.knowledge_version > knowledge_version;
        if entries.get(&workspace).is_some_and(is_newer) {
            return;
        }
        entries.insert(workspace, entry);
        if entries.len() > WORKSPACES_MAX {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.asked_at).map(|(workspace, _)| *workspace);
            if let Some(oldest) = oldest {
                entries.remove(&oldest);
            }
        }
    }
}
