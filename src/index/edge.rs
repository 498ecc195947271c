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
    EdgeSparseVectorParamsBuilder, EdgeVectorParams, EdgeVectorParamsBuilder, FieldCondition, FieldIndexOperations,
    Filter, HasIdCondition, HnswIndexConfig, KeywordIndexParamsBuilder, Match, MatchAny, Memory, MultiVectorComparator,
    MultiVectorConfig, NamedQuery, OperationError, PayloadFieldSchema, PayloadSchemaParams, PointId,
    PointInsertOperations, PointOperations, PointStruct, QueryEnum, QueryRequestBuilder, Record, ScoringQuery,
    ScrollRequestBuilder, SearchParams, SparseVector, UpdateOperation, Vector, VectorInternal, VectorStorageDatatype,
    VectorStructInternal, Vectors, WithPayloadInterface, WithVector,
};

use crate::ids::{ChunkId, WorkspaceId};
use crate::index::candidates::Collected;
use crate::index::{
    Candidate, Dimensions, HNSW_EF, IndexError, IndexQuery, PassageVectors, Point, Segments, Signal, TAGS, Terms,
    WORKSPACE,
};

/// How long after a write it is on the disk at the latest, should the power fail.
const FLUSH_EVERY: Duration = Duration::from_secs(2);
/// How long writing must have paused before the graph is built.
const QUIET_BEFORE_OPTIMISE: Duration = Duration::from_secs(5);

/// Vectors that the engine looks at one by one without building a graph: its default, 10,000 KiB.
const SCANNED_BYTES_MAX: usize = 10_000 << 10;

/// Free space that a write and an opening need. The engine writes through sparse memory maps of up to 32 MiB a file: on a
/// disk that is truly full that ends the process with a signal, and not with an error.
pub const FREE_BYTES_MIN: u64 = 128 << 20;

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
    dimensions: Dimensions,
    /// Told of each write; its end ends the upkeep thread.
    writes: Option<SyncSender<()>>,
    upkeep: Option<std::thread::JoinHandle<()>>,
}

impl EdgeIndex {
    /// Opens the generation in `folder`, or makes it.
    ///
    /// # Errors
    /// [`IndexError::InUse`] when another process has it, [`IndexError::Damaged`] when it cannot be read.
    pub fn open(folder: &Path, dimensions: Dimensions) -> Result<Self, IndexError> {
        // The engine asserts on some broken files, and a damaged index is a reason to rebuild it, not to crash.
        let opened = std::panic::catch_unwind(|| open_shard(folder, dimensions)).map_err(|_| IndexError::Damaged {
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
        Ok(Self { inner: Arc::new(Inner { shard, dimensions, writes: Some(writes), upkeep: Some(upkeep) }) })
    }

    /// Has points brought into the graph that a process left out which was killed; where there are none, nothing is done.
    pub fn tidy_up(&self) {
        if let Some(writes) = &self.inner.writes {
            // Full means that the thread has yet to hear of an earlier write: one word is enough.
            let _ = writes.try_send(());
        }
    }

    /// As [`Index::upsert`](crate::index::Index::upsert).
    pub(super) async fn upsert(&self, workspace: WorkspaceId, points: Vec<Point>) -> Result<(), IndexError> {
        let write = move |shard: &EdgeShard| {
            let points = points
                .into_iter()
                .map(|point| Ok(stored_point(workspace, point)?.into()))
                .collect::<Result<_, OperationError>>()?;
            shard.update(UpdateOperation::PointOperation(PointOperations::UpsertPoints(
                PointInsertOperations::PointsList(points),
            )))
        };
        self.write(write).await
    }

    /// As [`Index::delete`](crate::index::Index::delete).
    pub(super) async fn delete(&self, workspace: WorkspaceId, chunks: &[ChunkId]) -> Result<(), IndexError> {
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

    /// As [`Index::search`](crate::index::Index::search).
    pub(super) async fn search(&self, workspace: WorkspaceId, query: IndexQuery) -> Result<Vec<Candidate>, IndexError> {
        self.blocking(move |shard| candidates(shard, workspace, &query)).await
    }

    /// As [`Index::vectors`](crate::index::Index::vectors).
    pub(super) async fn vectors(
        &self,
        workspace: WorkspaceId,
        chunks: &[ChunkId],
    ) -> Result<HashMap<ChunkId, PassageVectors>, IndexError> {
        let mut filter = scope(workspace);
        push(&mut filter, ids_condition(chunks));
        let names = [Signal::Tokens, Signal::Sentences].map(|signal| signal.vector().to_owned());
        let request = ScrollRequestBuilder::new()
            .limit(chunks.len())
            .filter(filter)
            .with_payload(WithPayloadInterface::Bool(false))
            .with_vector(WithVector::Selector(names.to_vec()));
        let (records, _) = self.blocking(move |shard| shard.scroll(request.build())).await?;
        let read = |record: Record| {
            let Some(VectorStructInternal::Named(mut vectors)) = record.vector else { return None };
            let tokens = all_of(vectors.remove(Signal::Tokens.vector())?)?;
            let sentences = all_of(vectors.remove(Signal::Sentences.vector())?)?;
            Some((chunk_id(record.id)?, PassageVectors { tokens, sentences }))
        };
        Ok(records.into_iter().filter_map(read).collect())
    }

    /// At most `limit` points of `workspace` with all that they hold, from `after` on; and where the next begin.
    ///
    /// # Errors
    /// [`IndexError::Internal`].
    pub async fn points(
        &self,
        workspace: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<(Vec<Point>, Option<ChunkId>), IndexError> {
        self.blocking(move |shard| {
            let mut request = ScrollRequestBuilder::new()
                .limit(limit)
                .filter(scope(workspace))
                .with_payload(WithPayloadInterface::Bool(true))
                .with_vector(WithVector::Bool(true));
            if let Some(after) = after {
                request = request.offset(PointId::Uuid(after.as_uuid()));
            }
            let (records, next) = shard.scroll(request.build())?;
            Ok((records.into_iter().filter_map(read_point).collect(), next.and_then(chunk_id)))
        })
        .await
    }

    /// As [`Index::chunks`](crate::index::Index::chunks).
    pub(super) async fn chunks(&self, workspace: WorkspaceId) -> Result<Vec<ChunkId>, IndexError> {
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

    /// As [`Index::total`](crate::index::Index::total).
    ///
    /// # Errors
    /// [`IndexError::Internal`].
    pub async fn total(&self) -> Result<usize, IndexError> {
        self.blocking(|shard| shard.count(CountRequest { filter: None, exact: true })).await
    }

    /// As [`Index::segments`](crate::index::Index::segments).
    pub(super) async fn segments(&self) -> Result<Segments, IndexError> {
        let info = self.blocking(EdgeShard::info).await?;
        Ok(Segments {
            count: info.segments_count,
            points: info.points_count,
            indexed_vectors: info.indexed_vectors_count,
            pending: pending(info.points_count, info.indexed_vectors_count, self.inner.dimensions),
        })
    }

    /// As [`Index::settle`](crate::index::Index::settle).
    pub(super) async fn settle(&self) -> Result<(), IndexError> {
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
        self.tidy_up();
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

/// What is still to be done, as far as the engine's sums tell. It sums up all kinds of vectors, of which a point has four, or six where
/// it and its title have words: fewer than four a point are certainly not in the graph.
fn pending(points: usize, indexed_vectors: usize, dimensions: Dimensions) -> Option<String> {
    const VECTORS_OF_A_POINT_MIN: usize = 4;
    let outside = points.saturating_sub(indexed_vectors / Signal::ALL.len());
    let is_certain = indexed_vectors < points * VECTORS_OF_A_POINT_MIN;
    let is_scanned_at_once = outside * dimensions.dense * size_of::<f32>() <= SCANNED_BYTES_MAX;
    (is_certain && !is_scanned_at_once)
        .then(|| format!("about {outside} of {points} points are not in the graph and are looked at one by one"))
}

fn report(what: &str, shard: &EdgeShard, outcome: Result<(), OperationError>) {
    if let Err(error) = outcome {
        tracing::error!(what, %error, folder = %shard.path().display(), "index upkeep failed");
    }
}

/// Whether the folder's disk has room for what the engine may write next.
fn has_room(folder: &Path) -> Result<(), IndexError> {
    match free_bytes(folder) {
        Ok(free) if free < FREE_BYTES_MIN => Err(IndexError::DiskFull),
        // Where the system does not tell, the write itself will.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Free bytes of the disk that `folder` lies on.
///
/// # Errors
/// Where the system does not tell.
pub fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn open_shard(folder: &Path, dimensions: Dimensions) -> Result<EdgeShard, IndexError> {
    let damaged = |why: String| IndexError::Damaged { folder: folder.to_owned(), why };
    if folder.join("edge_config.json").exists() {
        has_room(folder)?;
        return EdgeShard::load(folder, Some(layout(dimensions))).map_err(|error| {
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
    let shard = EdgeShard::new(folder, layout(dimensions)).map_err(|error| failure(&error))?;
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

fn layout(Dimensions { dense, tokens }: Dimensions) -> EdgeConfig {
    EdgeConfigBuilder::new()
        .vector(Signal::Meaning.vector(), EdgeVectorParamsBuilder::new(dense, Distance::Cosine).build())
        .vector(Signal::Title.vector(), looked_up(EdgeVectorParamsBuilder::new(dense, Distance::Cosine)))
        .vector(Signal::Sentences.vector(), looked_up(many(EdgeVectorParamsBuilder::new(dense, Distance::Cosine))))
        .vector(Signal::Tokens.vector(), looked_up(many(EdgeVectorParamsBuilder::new(tokens, Distance::Dot))))
        .sparse_vector(Signal::Words.vector(), EdgeSparseVectorParamsBuilder::new().build())
        .sparse_vector(Signal::TitleWords.vector(), EdgeSparseVectorParamsBuilder::new().build())
        // Searches run beside each other; one on several threads would only take them from others.
        .max_search_threads(1)
        .build()
}

/// Several vectors a point, of which the nearest to each of the query's counts.
fn many(vector: EdgeVectorParamsBuilder) -> EdgeVectorParamsBuilder {
    vector.multivector_config(MultiVectorConfig { comparator: MultiVectorComparator::MaxSim })
}

/// A vector that nothing is found by: no graph, two bytes a float, read from the disk when a candidate is looked at.
fn looked_up(vector: EdgeVectorParamsBuilder) -> EdgeVectorParams {
    let no_graph = HnswIndexConfig { m: 0, payload_m: Some(0), ..HnswIndexConfig::default() };
    vector.hnsw_config(no_graph).datatype(VectorStorageDatatype::Float16).memory(Memory::Cold).build()
}

fn candidates(shard: &EdgeShard, workspace: WorkspaceId, query: &IndexQuery) -> Result<Vec<Candidate>, OperationError> {
    let mut filter = scope(workspace);
    if !query.tags.is_empty() {
        push(&mut filter, any_of(TAGS, query.tags.clone()));
    }
    let mut collected = Collected::default();
    for signal in query.that_find() {
        collected.add(signal, nearest(shard, query, signal, filter.clone(), query.limit)?);
    }
    for (signal, missing) in query.missing(&collected) {
        let mut filter = scope(workspace);
        push(&mut filter, ids_condition(&missing));
        collected.add(signal, nearest(shard, query, signal, filter, missing.len())?);
    }
    Ok(collected.into_candidates())
}

/// The engine's answer for one signal.
fn nearest(
    shard: &EdgeShard,
    query: &IndexQuery,
    signal: Signal,
    filter: Filter,
    limit: usize,
) -> Result<Vec<(ChunkId, f32)>, OperationError> {
    let vector: VectorInternal = match signal {
        Signal::Meaning | Signal::Title => query.dense.clone().into(),
        Signal::Sentences => Vector::new_multi(vec![query.dense.clone()])?.into(),
        Signal::Tokens => Vector::new_multi(query.tokens.clone())?.into(),
        Signal::Words | Signal::TitleWords => sparse(query.terms.clone()).into(),
    };
    let request = QueryRequestBuilder::new(limit)
        .query(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::new(vector, signal.vector()))))
        .filter(filter)
        .params(SearchParams { hnsw_ef: usize::try_from(HNSW_EF).ok(), ..SearchParams::default() })
        .with_payload(WithPayloadInterface::Bool(false));
    let found = shard.query(request.build())?;
    Ok(found.into_iter().filter_map(|point| Some((chunk_id(point.id)?, point.score))).collect())
}

fn sparse(terms: Terms) -> SparseVector {
    SparseVector { indices: terms.ids, values: terms.weights }
}

fn stored_point(workspace: WorkspaceId, point: Point) -> Result<PointStruct, OperationError> {
    let vectors = [
        (Signal::Meaning, Vector::new_dense(point.dense)),
        (Signal::Words, Vector::from(sparse(point.terms))),
        (Signal::Tokens, Vector::new_multi(point.tokens)?),
        (Signal::Sentences, Vector::new_multi(point.sentences)?),
        (Signal::Title, Vector::new_dense(point.title)),
        (Signal::TitleWords, Vector::from(sparse(point.title_terms))),
    ];
    Ok(PointStruct::new(
        PointId::Uuid(point.chunk.as_uuid()),
        Vectors::new_named(vectors.map(|(signal, vector)| (signal.vector(), vector))),
        json!({ WORKSPACE: workspace.to_string(), TAGS: point.tags }),
    ))
}

fn all_of(vector: VectorInternal) -> Option<Vec<Vec<f32>>> {
    match vector {
        VectorInternal::MultiDense(many) => Some(many.into_multi_vectors()),
        VectorInternal::Dense(_) | VectorInternal::Sparse(_) => None,
    }
}

fn read_point(record: Record) -> Option<Point> {
    let Some(VectorStructInternal::Named(mut vectors)) = record.vector else { return None };
    let mut taken = |signal: Signal| vectors.remove(signal.vector());
    let dense = |vector| match vector {
        VectorInternal::Dense(dense) => Some(dense),
        VectorInternal::Sparse(_) | VectorInternal::MultiDense(_) => None,
    };
    let terms = |vector| match vector {
        VectorInternal::Sparse(sparse) => Some(Terms { ids: sparse.indices, weights: sparse.values }),
        VectorInternal::Dense(_) | VectorInternal::MultiDense(_) => None,
    };
    let tags = record.payload.as_ref().and_then(|payload| payload.0.get(TAGS)?.as_array().cloned()).unwrap_or_default();
    Some(Point {
        chunk: chunk_id(record.id)?,
        dense: dense(taken(Signal::Meaning)?)?,
        tokens: all_of(taken(Signal::Tokens)?)?,
        sentences: all_of(taken(Signal::Sentences)?)?,
        title: dense(taken(Signal::Title)?)?,
        terms: terms(taken(Signal::Words)?)?,
        title_terms: terms(taken(Signal::TitleWords)?)?,
        tags: tags.iter().filter_map(|tag| Some(tag.as_str()?.to_owned())).collect(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_outside_of_the_graph_are_told_when_they_are_too_many_to_be_scanned() {
        let dimensions = Dimensions { dense: 384, tokens: 64 };
        let cases = [
            (0, 0, false),
            (6_000, 0, false),
            (7_000, 0, true),
            (100_000, 600_000, false),
            // Neither chunks nor titles with words.
            (100_000, 400_000, false),
            (100_000, 300_000, true),
        ];
        for (points, indexed_vectors, is_pending) in cases {
            let found = pending(points, indexed_vectors, dimensions);
            assert_eq!(found.is_some(), is_pending, "{points} {indexed_vectors} {found:?}");
        }
    }
}
