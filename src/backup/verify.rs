//! Whether a restored installation is what it was: its index has what SQL has, and its articles are found.

use crate::backup::BackupError;
use crate::engine::Engine;
use crate::ids::{ChunkId, WorkspaceId};
use crate::knowledge::generation::{self, Mended};
use crate::knowledge::points::told;
use crate::knowledge::store::{self, VisibleChunk};
use crate::people;
use crate::search::{SearchQuery, search};
use crate::telemetry::Stages;

/// Passages that are asked for.
const ASKED_MAX: usize = 20;
/// Among how many of the best a passage must be that is asked for in its own words.
const PLACES: usize = 5;

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Where the index still differed from SQL after it was made.
    pub differences: Mended,
    /// How many articles were asked for.
    pub asked: usize,
    /// Those of them that were not found.
    pub lost: Vec<String>,
}

impl Verified {
    /// Whether everything is as it was.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.differences == Mended::default() && self.lost.is_empty()
    }
}

/// Compares the index with SQL once more, and asks for a sample of the articles through the search that questions take.
///
/// An article is asked for by its title, its heading and the words of one of its passages: a title alone may fit many articles as
/// well, and then nothing would be wrong.
///
/// # Errors
/// [`BackupError`], when it cannot be found out.
pub async fn verify(engine: &Engine) -> Result<Verified, BackupError> {
    let differences = generation::mend(engine, |_| ()).await?;
    let generation = engine.generation().row.id.clone();
    let mut verified = Verified { differences, asked: 0, lost: Vec::new() };
    for (workspace, chunks) in sample(engine, &generation).await? {
        for chunk in store::visible_chunks(engine.database(), workspace, &generation, &chunks).await? {
            verified.asked += 1;
            if !is_found(engine, workspace, &chunk).await? {
                verified.lost.push(chunk.source);
            }
        }
    }
    Ok(verified)
}

/// Chunks from all over every workspace, each workspace about as many.
async fn sample(engine: &Engine, generation: &str) -> Result<Vec<(WorkspaceId, Vec<ChunkId>)>, BackupError> {
    let mut all = Vec::new();
    for workspace in people::store::workspace_ids(engine.database()).await? {
        let mut chunks = store::chunk_ids(engine.database(), workspace, generation).await?;
        // An id says nothing about the place, so this is any order, and the same in each run.
        chunks.sort_unstable();
        if !chunks.is_empty() {
            all.push((workspace, chunks));
        }
    }
    all.truncate(ASKED_MAX);
    let each = ASKED_MAX / all.len().max(1);
    for (_, chunks) in &mut all {
        chunks.truncate(each);
    }
    Ok(all)
}

async fn is_found(engine: &Engine, workspace: WorkspaceId, chunk: &VisibleChunk) -> Result<bool, BackupError> {
    let words = told(&chunk.title, &chunk.heading_path, &chunk.text);
    let query = SearchQuery::new(&words, PLACES);
    let found = search(engine, workspace, &query, &mut Stages::default()).await?;
    // Where two articles say the same, either may come first.
    Ok(found.passages.iter().any(|passage| passage.article == chunk.article || passage.text == chunk.text))
}
