//! Moving an installation's index from the embedded engine to a Qdrant server, without embedding anything again.

use crate::engine::Engine;
use crate::index::{EdgeIndex, IndexError};
use crate::knowledge::generation::{self, Rebuilt};
use crate::knowledge::store;
use crate::knowledge::sync::{KnowledgeError, blocking};
use crate::people;

/// Points that are on their way at once.
const POINTS_A_ROUND: usize = 256;

/// Copies the active generation's points from the data folder to the server that the settings name, then compares the server
/// with SQL and mends what differs. The folder stays as it is.
///
/// `progress` is told how many points are done and how many there are.
///
/// # Errors
/// [`KnowledgeError`], among them [`IndexError::NothingToMove`]; running it again is safe.
pub async fn from_edge(engine: &Engine, progress: impl Fn(usize, usize)) -> Result<Rebuilt, KnowledgeError> {
    let generation = engine.active_generation().await?;
    let folder = engine.config().index_dir().join(&generation.row.id);
    if engine.config().qdrant_url.is_none() || !folder.exists() {
        return Err(IndexError::NothingToMove { folder }.into());
    }
    let dimensions = generation.row.dimensions();
    let edge = blocking(move || EdgeIndex::open(&folder, dimensions)).await??;
    generation.index.prepare().await?;
    let total = edge.total().await?;
    let mut done = 0;
    for workspace in people::store::workspace_ids(engine.database()).await? {
        let mut after = None;
        loop {
            let (points, next) = edge.points(workspace, after, POINTS_A_ROUND).await?;
            done += points.len();
            generation.index.upsert(workspace, points).await?;
            progress(done, total.max(done));
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    generation::mend(engine, |_| ()).await?;
    let articles = store::count_published(engine.database()).await?;
    Ok(Rebuilt {
        generation: generation.row.id.clone(),
        articles: usize::try_from(articles).unwrap_or_default(),
        points: generation.index.total().await?,
    })
}
