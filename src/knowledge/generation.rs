//! Index generations: built beside each other, switched in one commit, compared with SQL and mended.

use std::collections::HashSet;
use std::sync::Arc;

use crate::database::{Database, DatabaseError};
use crate::engine::{Engine, Generation};
use crate::ids::{ChunkId, WorkspaceId};
use crate::knowledge::parse::{Format, ParsedArticle, parse};
use crate::knowledge::points::{self, Told};
use crate::knowledge::store;
use crate::knowledge::store::generations::CurrentVersion;
use crate::knowledge::sync::{KnowledgeError, blocking, embed, fragment, placed, rows};
use crate::people;

/// Versions that are chunked before the next are read.
const VERSIONS_A_ROUND: i64 = 64;
/// Points that are embedded before they are written.
const POINTS_A_ROUND: usize = 256;

/// What [`mend`] did to the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mended {
    /// Points that SQL has and the index had not.
    pub restored: usize,
    /// Points that the index had and SQL has not.
    pub swept: usize,
}

/// What [`rebuild`] made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rebuilt {
    /// The generation that now answers.
    pub generation: String,
    /// Articles in it.
    pub articles: usize,
    /// Points in it.
    pub points: usize,
}

/// Compares the active generation with SQL, in every workspace, and mends the index where they differ.
///
/// `missing` is told before points are restored, which takes the time of embedding them, and after each round of it, how many of
/// the workspace are still missing.
///
/// # Errors
/// [`KnowledgeError`]; then what was mended so far stays mended.
pub async fn mend(engine: &Engine, missing: impl Fn(usize)) -> Result<Mended, KnowledgeError> {
    let generation = engine.active_generation().await?;
    generation.index.prepare().await?;
    let mut mended = Mended::default();
    // What a rebuild left that was cut off after its switch.
    let mut transaction = engine.database().begin().await?;
    store::generations::forget_retired(&mut transaction).await?;
    transaction.commit().await?;
    for workspace in people::store::workspace_ids(engine.database()).await? {
        let Differences { lost, orphans, .. } = differences(engine.database(), &generation, workspace).await?;
        let mut left = lost.len();
        if left > 0 {
            missing(left);
        }
        for chunks in lost.chunks(POINTS_A_ROUND) {
            mended.restored += restore(engine, &generation, workspace, chunks).await?;
            left -= chunks.len();
            missing(left);
        }
        if !orphans.is_empty() {
            let _nothing_is_being_published = engine.database().quiet().await?;
            let known: HashSet<ChunkId> =
                store::chunk_ids(engine.database(), workspace, &generation.row.id).await?.into_iter().collect();
            let orphans: Vec<ChunkId> = orphans.into_iter().filter(|chunk| !known.contains(chunk)).collect();
            // Nobody sees them, so they are no reason to answer nothing.
            match generation.index.delete(workspace, &orphans).await {
                Ok(()) => mended.swept += orphans.len(),
                Err(error) => tracing::warn!(%error, orphans = orphans.len(), "points that nobody sees stay for now"),
            }
        }
    }
    Ok(mended)
}

/// Where a workspace's points differ from SQL.
pub(super) struct Differences {
    /// Chunks that SQL has.
    pub(super) chunks: usize,
    /// Points that the index has.
    pub(super) points: usize,
    /// Chunks without a point.
    pub(super) lost: Vec<ChunkId>,
    /// Points without a chunk; those of an article that is just being published may be among them.
    pub(super) orphans: Vec<ChunkId>,
}

/// Compares the points of `workspace` in `generation` with SQL, while articles come and go.
pub(super) async fn differences(
    database: &Database,
    generation: &Generation,
    workspace: WorkspaceId,
) -> Result<Differences, KnowledgeError> {
    // Points are written before their rows, so one whose row was there before the index was read, and is there still, is lost if
    // the index did not have it.
    let in_sql = async || -> Result<HashSet<ChunkId>, DatabaseError> {
        Ok(store::chunk_ids(database, workspace, &generation.row.id).await?.into_iter().collect())
    };
    let before = in_sql().await?;
    let in_index: HashSet<ChunkId> = generation.index.chunks(workspace).await?.into_iter().collect();
    let after = in_sql().await?;
    Ok(Differences {
        chunks: after.len(),
        points: in_index.len(),
        lost: before.intersection(&after).filter(|chunk| !in_index.contains(chunk)).copied().collect(),
        orphans: in_index.difference(&after).copied().collect(),
    })
}

/// Whether the index has as many points as SQL has chunks, or more. Never fewer while all is well: points come before their rows and
/// go after them.
///
/// # Errors
/// [`KnowledgeError`] when one of the two does not answer.
pub async fn has_all(engine: &Engine) -> Result<bool, KnowledgeError> {
    let generation = engine.active_generation().await?;
    let chunks = store::count_chunks(engine.database(), &generation.row.id).await?;
    Ok(i64::try_from(generation.index.total().await?).unwrap_or(i64::MAX) >= chunks)
}

/// Embeds again what SQL has of `chunks` and writes the points.
async fn restore(
    engine: &Engine,
    generation: &Generation,
    workspace: WorkspaceId,
    chunks: &[ChunkId],
) -> Result<usize, KnowledgeError> {
    let chunks = store::visible_chunks(engine.database(), workspace, &generation.row.id, chunks).await?;
    let told: Vec<Told<'_>> = chunks
        .iter()
        .map(|chunk| Told {
            chunk: chunk.id,
            title: &chunk.title,
            heading_path: &chunk.heading_path,
            text: &chunk.text,
            tags: &chunk.tags,
        })
        .collect();
    let points = points::points(engine, &told).await?;
    let restored = points.len();
    generation.index.upsert(workspace, points).await?;
    Ok(restored)
}

/// Builds a new generation from SQL beside the active one and switches to it; questions are answered throughout.
///
/// `progress` is told how many articles are done and how many there are.
///
/// # Errors
/// [`KnowledgeError`]; then the old generation stays active.
pub async fn rebuild(
    engine: &Engine,
    progress: impl Fn(usize, usize) + Send + Sync,
) -> Result<Rebuilt, KnowledgeError> {
    // Two would choose the same number, and the first to switch would retire the other's.
    let _the_only_rebuild_here = engine.rebuilding().lock().await;
    let _the_only_rebuild = engine.database().may_rebuild().await?;
    build(engine, progress).await
}

/// After a change to how articles are cut: as [`rebuild`]; `None` where there is nothing to do, also because another process on the same
/// database has done it while this one waited for its turn.
///
/// # Errors
/// As [`rebuild`].
pub async fn cut_again(engine: &Engine) -> Result<Option<Rebuilt>, KnowledgeError> {
    if !engine.has_other_chunks() {
        return Ok(None);
    }
    let _the_only_rebuild_here = engine.rebuilding().lock().await;
    let _the_only_rebuild = engine.database().may_rebuild().await?;
    engine.active_generation().await?;
    if !engine.has_other_chunks() {
        return Ok(None);
    }
    tracing::info!("articles are cut in a new way; the index is built again beside the one that answers");
    build(engine, |_, _| ()).await.map(Some)
}

async fn build(engine: &Engine, progress: impl Fn(usize, usize) + Send + Sync) -> Result<Rebuilt, KnowledgeError> {
    let at_ms = engine.clock().now_ms();
    let row = engine.generation_row(store::generations::count(engine.database()).await? + 1);
    // The row first: a collection that no row names would never be removed.
    let mut transaction = engine.database().begin().await?;
    store::generations::insert(&mut transaction, &row, at_ms).await?;
    transaction.commit().await?;
    let index = engine.new_index(&row).await?;
    let generation = Arc::new(Generation { row, index });

    let total = usize::try_from(store::count_published(engine.database()).await?).unwrap_or_default();
    let (mut articles, mut points) = (0, 0);
    loop {
        let versions = store::generations::unchunked(engine.database(), &generation.row.id, VERSIONS_A_ROUND).await?;
        for version in &versions {
            points += rebuild_version(engine, &generation, version).await?;
            articles += 1;
            progress(articles, total.max(articles));
        }
        if versions.is_empty() && activate(engine, &generation).await? {
            break;
        }
    }
    let id = generation.row.id.clone();
    // After the switch: a question that still went to the old generation finds that, and asks the new one. Points of versions
    // that were replaced in the meantime are swept with it.
    mend(engine, |_| ()).await?;
    Ok(Rebuilt { generation: id, articles, points })
}

/// Switches to the generation, unless something was published that it does not have.
async fn activate(engine: &Engine, generation: &Arc<Generation>) -> Result<bool, KnowledgeError> {
    // What is published from here on must go into the new generation, so nothing is published during the switch.
    let (mut transaction, _nothing_is_being_published) = engine.database().quiet().await?.begin().await?;
    if !store::generations::activate(&mut transaction, &generation.row.id, engine.clock().now_ms()).await? {
        return Ok(false);
    }
    transaction.commit().await?;
    engine.switch_generation(Arc::clone(generation));
    Ok(true)
}

async fn rebuild_version(
    engine: &Engine,
    generation: &Generation,
    current: &CurrentVersion,
) -> Result<usize, KnowledgeError> {
    let (worker, version) = (engine.clone(), current.clone());
    let chunks = blocking(move || {
        let format = Format::of_file_name(&version.source).unwrap_or(Format::PlainText);
        let reparsed =
            parse(&version.source, format, version.body.as_bytes(), &|path| fragment(&version.fragments, path));
        // Citations point into the stored plain text. A parser that has changed since would chunk another one: then the stored
        // text is chunked as it stands, without its headings, until the file is ingested again.
        let article = match reparsed {
            Ok(article) if article.text == version.plain_text => article,
            _ => ParsedArticle::unsectioned(&version.title, &version.plain_text),
        };
        placed(&version.plain_text, worker.chunker().chunk(&article))
    })
    .await?;
    let points = embed(engine, current.version, generation, &current.title, &current.tags, &chunks).await?;
    let chunks = rows(current.version, &generation.row.id, &chunks, &points);
    generation.index.upsert(current.workspace, points).await?;
    let mut transaction = engine.database().begin().await?;
    let article = current.article.to_string();
    store::insert_chunks(&mut transaction, current.workspace, &article, current.version, &generation.row.id, &chunks)
        .await?;
    transaction.commit().await?;
    Ok(chunks.len())
}
