//! Whether the index has what SQL has, and is in order: looked at, and nothing changed.

use std::collections::HashSet;

use crate::database::Database;
use crate::engine::Generation;
use crate::ids::{ChunkId, WorkspaceId};
use crate::index::Segments;
use crate::knowledge::generation::differences;
use crate::knowledge::store;
use crate::knowledge::store::generations::GenerationRow;
use crate::knowledge::sync::KnowledgeError;
use crate::people;

/// How an index generation is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Health {
    /// The generation that questions are answered from.
    pub generation: GenerationRow,
    /// Where its points are.
    pub place: String,
    /// Each workspace's points against SQL.
    pub workspaces: Vec<Compared>,
    /// Points that belong to none of the workspaces.
    pub strays: usize,
    /// How far the engine is with putting them in order.
    pub segments: Segments,
}

/// The points of a workspace against its chunks in SQL.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Compared {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Chunks that SQL has.
    pub chunks: usize,
    /// Those of them that have no point: questions do not find them.
    pub missing: usize,
    /// Points that have no chunk: nobody sees them.
    pub left_over: usize,
}

/// Compares `generation` with SQL in every workspace, also while articles are published.
///
/// # Errors
/// [`KnowledgeError`] when one of the two does not answer.
pub async fn examine(database: &Database, generation: &Generation) -> Result<Health, KnowledgeError> {
    let index = &generation.index;
    let before = index.total().await?;
    let (mut workspaces, mut points) = (Vec::new(), 0);
    for workspace in people::store::workspace_ids(database).await? {
        let found = differences(database, generation, workspace).await?;
        points += found.points;
        let left_over = if found.orphans.is_empty() {
            0
        } else {
            // Points come before their rows, so what was being published looked like this too.
            let _nothing_is_being_published = database.quiet().await?;
            let known: HashSet<ChunkId> =
                store::chunk_ids(database, workspace, &generation.row.id).await?.into_iter().collect();
            found.orphans.iter().filter(|chunk| !known.contains(chunk)).count()
        };
        workspaces.push(Compared { workspace, chunks: found.chunks, missing: found.lost.len(), left_over });
    }
    // What came or went meanwhile is no stray.
    let strays = before.min(index.total().await?).saturating_sub(points);
    Ok(Health {
        generation: generation.row.clone(),
        place: index.place().to_owned(),
        workspaces,
        strays,
        segments: index.segments().await?,
    })
}

impl Health {
    /// Chunks that SQL has, in all workspaces.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.workspaces.iter().map(|compared| compared.chunks).sum()
    }

    /// Those of them that have no point.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.workspaces.iter().map(|compared| compared.missing).sum()
    }

    /// Points that nobody sees.
    #[must_use]
    pub fn left_over(&self) -> usize {
        self.workspaces.iter().map(|compared| compared.left_over).sum::<usize>() + self.strays
    }
}
