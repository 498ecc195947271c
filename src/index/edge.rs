//! Qdrant Edge: the engine in process, one shard for one index generation.
//!
//! The shard is blocking and has one writer per folder. Calls run on the runtime's blocking threads; a thread of its own
//! flushes what was written and builds the graph when writing has paused, because the engine does neither by itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use qdrant_edge::external::serde_json::json;
use qdrant_edge::{
    AnyVariants, Condition, CountRequest, CreateIndex, Distance, EdgeConfig, EdgeConfigBuilder, EdgeShard,
    EdgeSparseVectorParamsBuilder, EdgeVectorParamsBuilder, FieldCondition, FieldIndexOperations, Filter,
    HasIdCondition, KeywordIndexParamsBuilder, Match, MatchAny, NamedQuery, OperationError, PayloadFieldSchema,
    PayloadSchemaParams, PointId, PointInsertOperations, PointOperations, PointStruct, QueryEnum, QueryRequestBuilder,
    ScoredPoint, ScoringQuery, ScrollRequestBuilder, SparseVector, UpdateOperation, Vector, VectorInternal, Vectors,
    WithPayloadInterface,
};

use crate::ids::{ChunkId, WorkspaceId};
use crate::index::{Candidate, IndexError, IndexQuery, Point, Terms};

const DENSE: &str = "dense";
const BM25: &str = "bm25";
const WORKSPACE: &str = "workspace_id";
const TAGS: &str = "tags";

/// How long after a write it is on the disk at the latest, should the power fail.
const FLUSH_EVERY: Duration = Duration::from_secs(2);
/// How long writing must have paused before the graph is built.
const QUIET_BEFORE_OPTIMISE: Duration = Duration::from_secs(5);

/// Free space that a write and an opening need. The engine writes through sparse memory maps of up to 32 MiB a file: on a
/// disk that is truly full that ends the process with a signal, and not with an error.
const FREE_BYTES_MIN: u64 = 128 << 20;

/// An index generation in a folder; cheap to clone, closed when the last clone goes.
#[derive(Clone)]
pub struct EdgeIndex {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for EdgeIndex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "EdgeIndex({})", self.inner.shard.path().display())
    }
}

struct Inner {
    shard: Arc<EdgeShard>,
    /// Told of each write; its end ends the upkeep thread.
    writes: Option<SyncSender<()>>,
    upkeep: Option<std::thread::JoinHandle<()>>,
}

impl EdgeIndex {
    /// Opens the generation in `folder`, or makes it: vectors of `dimension` floats.
    ///
    /// # Errors
    /// [`IndexError::InUse`] when another process has it, [`IndexError::Damaged`] when it cannot be read.
    pub fn open(folder: &Path, dimension: usize) -> Result<Self, IndexError> {
        // The engine asserts on some broken files, and a damaged index is a reason to rebuild it, not to crash.
        let opened = std::panic::catch_unwind(|| open_shard(folder, dimension)).map_err(|_| IndexError::Damaged {
            folder: folder.to_owned(),
            why: "a file does not hold what it should".into(),
        })?;
        let shard = Arc::new(opened?);
        let (writes, written) = std::sync::mpsc::sync_channel(1);
        let kept = Arc::clone(&shard);
        let upkeep = std::thread::Builder::new()
            .name("index-upkeep".into())
            .spawn(move || keep_up(&kept, &written))
            .map_err(|error| IndexError::Internal(error.to_string()))?;
        Ok(Self { inner: Arc::new(Inner { shard, writes: Some(writes), upkeep: Some(upkeep) }) })
    }

    /// Writes `points` of `workspace`; one that is there already is replaced.
    ///
    /// When it returns, a crash of the process loses none of them.
    ///
    /// # Errors
    /// [`IndexError::DiskFull`] or [`IndexError::Internal`]; then a part may be written, and writing again is safe.
    pub async fn upsert(&self, workspace: WorkspaceId, points: Vec<Point>) -> Result<(), IndexError> {
        let write = move |shard: &EdgeShard| {
            let points = points.into_iter().map(|point| stored_point(workspace, point).into()).collect();
            shard.update(UpdateOperation::PointOperation(PointOperations::UpsertPoints(
                PointInsertOperations::PointsList(points),
            )))
        };
        self.write(write).await
    }

    /// Removes the points of these chunks from `workspace`; one that is not there, or another's, is passed over.
    ///
    /// # Errors
    /// As [`EdgeIndex::upsert`].
    pub async fn delete(&self, workspace: WorkspaceId, chunks: &[ChunkId]) -> Result<(), IndexError> {
        if chunks.is_empty() {
            return Ok(());
        }
        let mut filter = scope(workspace);
        push(&mut filter, ids_condition(chunks));
        self.write(move |shard| {
            shard.update(UpdateOperation::PointOperation(PointOperations::DeletePointsByFilter(filter)))
        })
        .await
    }

    /// The best candidates of `workspace` by meaning and by words, each with both scores, in no order.
    ///
    /// # Errors
    /// [`IndexError::Internal`].
    pub async fn search(&self, workspace: WorkspaceId, query: IndexQuery) -> Result<Vec<Candidate>, IndexError> {
        self.blocking(move |shard| candidates(shard, workspace, &query)).await
    }

    /// The ids of all points of `workspace`.
    ///
    /// # Errors
    /// [`IndexError::Internal`].
    pub async fn chunks(&self, workspace: WorkspaceId) -> Result<Vec<ChunkId>, IndexError> {
        const PAGE: usize = 10_000;
        self.blocking(move |shard| {
            let (mut chunks, mut offset) = (Vec::new(), None);
            loop {
                let mut request = ScrollRequestBuilder::new()
                    .limit(PAGE)
                    .filter(scope(workspace))
                    .with_payload(WithPayloadInterface::Bool(false));
                if let Some(offset) = offset {
                    request = request.offset(offset);
                }
                let (records, next) = shard.scroll(request.build())?;
                chunks.extend(records.into_iter().filter_map(|record| chunk_id(record.id)));
                match next {
                    Some(next) => offset = Some(next),
                    None => return Ok(chunks),
                }
            }
        })
        .await
    }

    /// How many points `workspace` has.
    ///
    /// # Errors
    /// [`IndexError::Internal`].
    pub async fn count(&self, workspace: WorkspaceId) -> Result<usize, IndexError> {
        self.blocking(move |shard| shard.count(CountRequest { filter: Some(scope(workspace)), exact: true })).await
    }

    /// How many points there are in all workspaces, for the operator's figures.
    ///
    /// # Errors
    /// [`IndexError::Internal`].
    pub async fn total(&self) -> Result<usize, IndexError> {
        self.blocking(|shard| shard.count(CountRequest { filter: None, exact: true })).await
    }

    /// Puts everything that was written on the disk and builds the graph, now.
    ///
    /// # Errors
    /// [`IndexError::DiskFull`] or [`IndexError::Internal`].
    pub async fn settle(&self) -> Result<(), IndexError> {
        has_room(self.inner.shard.path())?;
        self.blocking(|shard| {
            shard.flush()?;
            shard.optimize()?;
            shard.flush()
        })
        .await
    }

    async fn write(
        &self,
        operation: impl FnOnce(&EdgeShard) -> Result<(), OperationError> + Send + 'static,
    ) -> Result<(), IndexError> {
        has_room(self.inner.shard.path())?;
        self.blocking(operation).await?;
        if let Some(writes) = &self.inner.writes {
            // Full means that the thread has yet to hear of an earlier write: one word is enough.
            let _ = writes.try_send(());
        }
        Ok(())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&EdgeShard) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || operation(&inner.shard))
            .await
            .map_err(|error| IndexError::Internal(error.to_string()))?
            .map_err(|error| failure(&error))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.writes = None;
        if let Some(upkeep) = self.upkeep.take() {
            // A thread that failed has said so in the log.
            let _ = upkeep.join();
        }
    }
}

/// Flushes after writes and builds the graph after a pause, until nobody can write any more.
fn keep_up(shard: &EdgeShard, written: &Receiver<()>) {
    let (mut unflushed, mut unoptimised) = (false, false);
    let (mut flushed_at, mut written_at) = (Instant::now(), Instant::now());
    loop {
        let news = if unflushed || unoptimised {
            written.recv_timeout(FLUSH_EVERY)
        } else {
            written.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        if news.is_ok() {
            (unflushed, unoptimised, written_at) = (true, true, Instant::now());
        }
        let closed = news == Err(RecvTimeoutError::Disconnected);
        if unflushed && (closed || flushed_at.elapsed() >= FLUSH_EVERY) {
            report("flush", shard, shard.flush());
            (unflushed, flushed_at) = (false, Instant::now());
        }
        if closed {
            return;
        }
        // Searches are right without the graph, only slower: on a full disk it waits.
        if unoptimised && written_at.elapsed() >= QUIET_BEFORE_OPTIMISE && has_room(shard.path()).is_ok() {
            report("optimise", shard, shard.optimize().and_then(|_| shard.flush()));
            unoptimised = false;
        }
    }
}

fn report(what: &str, shard: &EdgeShard, outcome: Result<(), OperationError>) {
    if let Err(error) = outcome {
        tracing::error!(what, %error, folder = %shard.path().display(), "index upkeep failed");
    }
}

/// Whether the folder's disk has room for what the engine may write next.
fn has_room(folder: &Path) -> Result<(), IndexError> {
    match rustix::fs::statvfs(folder) {
        Ok(disk) if disk.f_bavail.saturating_mul(disk.f_frsize) < FREE_BYTES_MIN => Err(IndexError::DiskFull),
        // Where the system does not tell, the write itself will.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn open_shard(folder: &Path, dimension: usize) -> Result<EdgeShard, IndexError> {
    let damaged = |why: String| IndexError::Damaged { folder: folder.to_owned(), why };
    if folder.join("edge_config.json").exists() {
        has_room(folder)?;
        return EdgeShard::load(folder, Some(layout(dimension))).map_err(|error| {
            let why = error.to_string();
            // The engine reports the lock that another process holds as a WAL that would block.
            if why.contains("WouldBlock") { IndexError::InUse { folder: folder.to_owned() } } else { damaged(why) }
        });
    }
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(damaged("its edge_config.json is missing".into()));
    }
    std::fs::create_dir_all(folder).map_err(|error| IndexError::Internal(error.to_string()))?;
    has_room(folder)?;
    let shard = EdgeShard::new(folder, layout(dimension)).map_err(|error| failure(&error))?;
    for (field, is_tenant) in [(WORKSPACE, true), (TAGS, false)] {
        let keyword = KeywordIndexParamsBuilder::new().is_tenant(is_tenant).build();
        let index = CreateIndex {
            field_name: path(field),
            field_schema: Some(PayloadFieldSchema::FieldParams(PayloadSchemaParams::Keyword(keyword))),
        };
        shard
            .update(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(index)))
            .map_err(|error| failure(&error))?;
    }
    shard.flush().map_err(|error| failure(&error))?;
    Ok(shard)
}

fn layout(dimension: usize) -> EdgeConfig {
    EdgeConfigBuilder::new()
        .vector(DENSE, EdgeVectorParamsBuilder::new(dimension, Distance::Cosine).build())
        .sparse_vector(BM25, EdgeSparseVectorParamsBuilder::new().build())
        // A search takes well under a millisecond: the caller's thread is the cheapest place for it.
        .max_search_threads(1)
        .build()
}

/// Cosine and BM25 of a candidate, as far as they are known.
type Scores = (Option<f32>, Option<f32>);

fn candidates(shard: &EdgeShard, workspace: WorkspaceId, query: &IndexQuery) -> Result<Vec<Candidate>, OperationError> {
    let mut filter = scope(workspace);
    if !query.tags.is_empty() {
        push(&mut filter, any_of(TAGS, query.tags.clone()));
    }
    let by_meaning = nearest(shard, dense(query), filter.clone(), query.limit)?;
    let by_words = if query.terms.ids.is_empty() {
        Vec::new()
    } else {
        nearest(shard, sparse(&query.terms), filter.clone(), query.limit)?
    };
    let mut scores: HashMap<ChunkId, Scores> = HashMap::new();
    collect(by_meaning, &mut scores, |score| &mut score.0);
    collect(by_words, &mut scores, |score| &mut score.1);

    // A candidate of one ranking still has a score in the other: fused scores need both.
    let without = |is_missing: fn(&Scores) -> bool| -> Vec<ChunkId> {
        scores.iter().filter(|(_, score)| is_missing(score)).map(|(chunk, _)| *chunk).collect()
    };
    let (no_meaning, no_words) = (without(|score| score.0.is_none()), without(|score| score.1.is_none()));
    if !no_meaning.is_empty() {
        let mut filter = scope(workspace);
        push(&mut filter, ids_condition(&no_meaning));
        collect(nearest(shard, dense(query), filter, no_meaning.len())?, &mut scores, |score| &mut score.0);
    }
    if !no_words.is_empty() && !query.terms.ids.is_empty() {
        let mut filter = scope(workspace);
        push(&mut filter, ids_condition(&no_words));
        collect(nearest(shard, sparse(&query.terms), filter, no_words.len())?, &mut scores, |score| &mut score.1);
    }
    Ok(scores
        .into_iter()
        .map(|(chunk, (cosine, bm25))| Candidate { chunk, cosine: cosine.unwrap_or(0.0), bm25: bm25.unwrap_or(0.0) })
        .collect())
}

/// The engine's answer for one named vector.
fn nearest(
    shard: &EdgeShard,
    (name, vector): (&str, VectorInternal),
    filter: Filter,
    limit: usize,
) -> Result<Vec<ScoredPoint>, OperationError> {
    let request = QueryRequestBuilder::new(limit)
        .query(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::new(vector, name))))
        .filter(filter)
        .with_payload(WithPayloadInterface::Bool(false));
    shard.query(request.build())
}

fn collect(found: Vec<ScoredPoint>, scores: &mut HashMap<ChunkId, Scores>, side: fn(&mut Scores) -> &mut Option<f32>) {
    for point in found {
        if let Some(chunk) = chunk_id(point.id) {
            *side(scores.entry(chunk).or_default()) = Some(point.score);
        }
    }
}

fn dense(query: &IndexQuery) -> (&'static str, VectorInternal) {
    (DENSE, query.dense.clone().into())
}

fn sparse(terms: &Terms) -> (&'static str, VectorInternal) {
    (BM25, SparseVector { indices: terms.ids.clone(), values: terms.weights.clone() }.into())
}

fn stored_point(workspace: WorkspaceId, point: Point) -> PointStruct {
    let terms = SparseVector { indices: point.terms.ids, values: point.terms.weights };
    PointStruct::new(
        PointId::Uuid(point.chunk.as_uuid()),
        Vectors::new_named([(DENSE, Vector::new_dense(point.dense)), (BM25, Vector::from(terms))]),
        json!({ WORKSPACE: workspace.to_string(), TAGS: point.tags }),
    )
}

fn scope(workspace: WorkspaceId) -> Filter {
    Filter { must: Some(vec![any_of(WORKSPACE, vec![workspace.to_string()])]), ..Filter::new() }
}

fn push(filter: &mut Filter, condition: Condition) {
    filter.must.get_or_insert_default().push(condition);
}

fn any_of(field: &str, values: Vec<String>) -> Condition {
    let any = AnyVariants::Strings(values.into_iter().collect());
    Condition::Field(FieldCondition::new_match(path(field), Match::Any(MatchAny { any })))
}

fn ids_condition(chunks: &[ChunkId]) -> Condition {
    let ids = chunks.iter().map(|chunk| PointId::Uuid(chunk.as_uuid())).collect();
    Condition::HasId(HasIdCondition { has_id: ids })
}

fn chunk_id(point: PointId) -> Option<ChunkId> {
    match point {
        PointId::Uuid(uuid) => Some(ChunkId::from(uuid)),
        // Only this module writes points, and it writes UUIDs.
        PointId::NumId(_) => None,
    }
}

fn path(field: &str) -> qdrant_edge::JsonPath {
    // Field names are constants of this file.
    field.parse().unwrap_or_else(|()| unreachable!("{field} is a field name"))
}

fn failure(error: &OperationError) -> IndexError {
    let text = error.to_string();
    if text.contains("No space left") { IndexError::DiskFull } else { IndexError::Internal(text) }
}

/// Moves a folder that cannot be read out of the way; it is kept, for whoever wants to look.
///
/// # Errors
/// [`IndexError::Internal`] when it cannot be moved.
pub fn set_aside(folder: &Path, now_ms: i64) -> Result<PathBuf, IndexError> {
    let aside = folder.with_extension(format!("damaged-{now_ms}"));
    std::fs::rename(folder, &aside).map_err(|error| IndexError::Internal(error.to_string()))?;
    Ok(aside)
}
