//! A Qdrant server over gRPC: one collection for one index generation.
//!
//! Nothing is kept here: the collection is made where it is missing, and many processes may use it at once.

use std::collections::HashMap;
use std::time::Duration;

use qdrant_client::config::QdrantConfig;
use qdrant_client::qdrant::vectors_output::VectorsOptions;
use qdrant_client::qdrant::with_vectors_selector::SelectorOptions;
use qdrant_client::qdrant::{
    CollectionInfo, CollectionStatus, Condition, CountPointsBuilder, CreateCollectionBuilder,
    CreateFieldIndexCollectionBuilder, Datatype, DeletePointsBuilder, Distance, FieldType, Filter,
    HnswConfigDiffBuilder, KeywordIndexParamsBuilder, MultiVectorComparator, MultiVectorConfigBuilder, NamedVectors,
    PointId, PointStruct, Query, QueryBatchPointsBuilder, QueryPoints, QueryPointsBuilder, RetrievedPoint, ScoredPoint,
    ScrollPointsBuilder, SearchParamsBuilder, SparseVectorParamsBuilder, SparseVectorsConfigBuilder,
    UpsertPointsBuilder, Value, Vector, VectorInput, VectorOutput, VectorParamsBuilder, VectorsConfigBuilder,
    VectorsSelector, point_id, vector_output,
};
use qdrant_client::{Payload, Qdrant, QdrantError};
use secrecy::{ExposeSecret, SecretString};

use crate::ids::{ChunkId, WorkspaceId};
use crate::index::candidates::Collected;
use crate::index::{
    Candidate, Dimensions, HNSW_EF, IndexError, IndexQuery, PassageVectors, Point, Segments, Signal, TAGS, Terms,
    WORKSPACE,
};

/// How long one call may take; the client tries a reading call that failed once more.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Points in one call: about three megabytes.
const UPSERT_POINTS_MAX: usize = 64;
/// Ids in one call that deletes.
const DELETE_POINTS_MAX: usize = 5_000;
/// Ids in one page of a scroll.
const SCROLL_POINTS: u32 = 10_000;

/// Where a Qdrant server is and how it is spoken to.
#[derive(Clone, Debug)]
pub struct ServerAddress {
    /// Its gRPC address, as in `http://qdrant:6334`; `https` for TLS.
    pub url: String,
    /// Its API key, where it asks for one.
    pub key: Option<SecretString>,
}

/// An index generation in a collection; cheap to clone.
#[derive(Clone)]
pub struct ServerIndex {
    client: Qdrant,
    url: String,
    collection: String,
    dimensions: Dimensions,
}

impl std::fmt::Debug for ServerIndex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ServerIndex({} at {})", self.collection, self.url)
    }
}

impl ServerIndex {
    /// The generation in `collection`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`IndexError::Refused`] when the address is no URL.
    pub fn new(address: &ServerAddress, collection: &str, dimensions: Dimensions) -> Result<Self, IndexError> {
        Ok(Self { client: connect(address)?, url: address.url.clone(), collection: collection.to_owned(), dimensions })
    }

    /// Makes the collection where it is missing. Safe to repeat, and to do in several processes at once.
    ///
    /// # Errors
    /// As any call.
    pub async fn prepare(&self) -> Result<(), IndexError> {
        if !self.client.collection_exists(&self.collection).await.map_err(|error| self.failure(&error))? {
            let (vectors, sparse) = layout(self.dimensions);
            let layout =
                CreateCollectionBuilder::new(&self.collection).vectors_config(vectors).sparse_vectors_config(sparse);
            if let Err(error) = self.client.create_collection(layout).await
                && !self.client.collection_exists(&self.collection).await.unwrap_or(false)
            {
                return Err(self.failure(&error));
            }
        }
        for (field, is_tenant) in [(WORKSPACE, true), (TAGS, false)] {
            let index = CreateFieldIndexCollectionBuilder::new(&self.collection, field, FieldType::Keyword)
                .field_index_params(KeywordIndexParamsBuilder::default().is_tenant(is_tenant))
                .wait(true);
            self.client.create_field_index(index).await.map_err(|error| self.failure(&error))?;
        }
        Ok(())
    }

    /// As [`Index::upsert`](crate::index::Index::upsert).
    pub(super) async fn upsert(&self, workspace: WorkspaceId, points: Vec<Point>) -> Result<(), IndexError> {
        let mut points = points.into_iter().map(|point| stored_point(workspace, point)).peekable();
        while points.peek().is_some() {
            let batch: Vec<PointStruct> = points.by_ref().take(UPSERT_POINTS_MAX).collect();
            let upsert = UpsertPointsBuilder::new(&self.collection, batch).wait(true);
            self.client.upsert_points(upsert).await.map_err(|error| self.failure(&error))?;
        }
        Ok(())
    }

    /// As [`Index::delete`](crate::index::Index::delete).
    pub(super) async fn delete(&self, workspace: WorkspaceId, chunks: &[ChunkId]) -> Result<(), IndexError> {
        for batch in chunks.chunks(DELETE_POINTS_MAX) {
            let filter = Filter::must([of(workspace), among(batch)]);
            let delete = DeletePointsBuilder::new(&self.collection).points(filter).wait(true);
            self.client.delete_points(delete).await.map_err(|error| self.failure(&error))?;
        }
        Ok(())
    }

    /// As [`Index::search`](crate::index::Index::search).
    pub(super) async fn search(
        &self,
        workspace: WorkspaceId,
        query: &IndexQuery,
    ) -> Result<Vec<Candidate>, IndexError> {
        let mut filter = Filter::must([of(workspace)]);
        if !query.tags.is_empty() {
            filter.must.push(Condition::matches(TAGS, query.tags.clone()));
        }
        let mut collected = Collected::default();
        let first = query.that_find().into_iter().map(|signal| (signal, filter.clone(), query.limit)).collect();
        self.ask(query, first, &mut collected).await?;
        let missing = query.missing(&collected).into_iter();
        let second =
            missing.map(|(signal, chunks)| (signal, Filter::must([of(workspace), among(&chunks)]), chunks.len()));
        self.ask(query, second.collect(), &mut collected).await?;
        Ok(collected.into_candidates())
    }

    /// Asks for several signals in one call.
    async fn ask(
        &self,
        query: &IndexQuery,
        asked: Vec<(Signal, Filter, usize)>,
        collected: &mut Collected,
    ) -> Result<(), IndexError> {
        if asked.is_empty() {
            return Ok(());
        }
        let signals: Vec<Signal> = asked.iter().map(|(signal, ..)| *signal).collect();
        let queries: Vec<QueryPoints> = asked
            .into_iter()
            .map(|(signal, filter, limit)| {
                QueryPointsBuilder::new(&self.collection)
                    .query(Query::new_nearest(vector(query, signal)))
                    .using(signal.vector())
                    .filter(filter)
                    .params(SearchParamsBuilder::default().hnsw_ef(HNSW_EF))
                    .limit(u64::try_from(limit).unwrap_or(u64::MAX))
                    .with_payload(false)
                    .build()
            })
            .collect();
        let batch = QueryBatchPointsBuilder::new(&self.collection, queries);
        let found = self.client.query_batch(batch).await.map_err(|error| self.failure(&error))?;
        for (signal, batch) in signals.into_iter().zip(found.result) {
            collected.add(signal, batch.result.into_iter().filter_map(scored));
        }
        Ok(())
    }

    /// As [`Index::vectors`](crate::index::Index::vectors).
    pub(super) async fn vectors(
        &self,
        workspace: WorkspaceId,
        chunks: &[ChunkId],
    ) -> Result<HashMap<ChunkId, PassageVectors>, IndexError> {
        let names = [Signal::Tokens, Signal::Sentences].map(|signal| signal.vector().to_owned()).to_vec();
        let ids = chunks.iter().map(|chunk| PointId::from(chunk.to_string()));
        let page = ScrollPointsBuilder::new(&self.collection)
            .filter(Filter::must([of(workspace), Condition::has_id(ids)]))
            .limit(u32::try_from(chunks.len()).unwrap_or(u32::MAX))
            .with_payload(false)
            .with_vectors(SelectorOptions::Include(VectorsSelector { names }));
        let found = self.client.scroll(page).await.map_err(|error| self.failure(&error))?;
        let read = |point: RetrievedPoint| {
            let Some(VectorsOptions::Vectors(mut vectors)) = point.vectors?.vectors_options else { return None };
            let mut taken = |signal: Signal| all_of(vectors.vectors.remove(signal.vector())?);
            let read = PassageVectors { tokens: taken(Signal::Tokens)?, sentences: taken(Signal::Sentences)? };
            Some((chunk_id(point.id)?, read))
        };
        Ok(found.result.into_iter().filter_map(read).collect())
    }

    /// As [`Index::chunks`](crate::index::Index::chunks).
    pub(super) async fn chunks(&self, workspace: WorkspaceId) -> Result<Vec<ChunkId>, IndexError> {
        let (mut chunks, mut offset) = (Vec::new(), None);
        loop {
            let mut page = ScrollPointsBuilder::new(&self.collection)
                .filter(Filter::must([of(workspace)]))
                .limit(SCROLL_POINTS)
                .with_payload(false);
            if let Some(offset) = offset {
                page = page.offset::<PointId>(offset);
            }
            let found = self.client.scroll(page).await.map_err(|error| self.failure(&error))?;
            chunks.extend(found.result.into_iter().filter_map(|point| chunk_id(point.id)));
            match found.next_page_offset {
                Some(next) => offset = Some(next),
                None => return Ok(chunks),
            }
        }
    }

    /// As [`Index::total`](crate::index::Index::total).
    pub(super) async fn total(&self) -> Result<usize, IndexError> {
        let count = CountPointsBuilder::new(&self.collection).exact(true);
        let counted = self.client.count(count).await.map_err(|error| self.failure(&error))?;
        Ok(counted.result.map_or(0, |result| usize::try_from(result.count).unwrap_or(usize::MAX)))
    }

    /// As [`Index::segments`](crate::index::Index::segments).
    pub(super) async fn segments(&self) -> Result<Segments, IndexError> {
        let answer = self.client.collection_info(&self.collection).await.map_err(|error| self.failure(&error))?;
        let info = answer.result.unwrap_or_default();
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Segments {
            count: count(info.segments_count),
            points: count(info.points_count.unwrap_or_default()),
            indexed_vectors: count(info.indexed_vectors_count.unwrap_or_default()),
            pending: pending(&info),
        })
    }

    fn failure(&self, error: &QdrantError) -> IndexError {
        failure(&self.url, error)
    }
}

/// What the server still has to do to a collection, or what has failed.
fn pending(info: &CollectionInfo) -> Option<String> {
    if let Some(status) = info.optimizer_status.as_ref().filter(|status| !status.ok) {
        return Some(format!("the server's optimiser has failed: {}", status.error));
    }
    match info.status() {
        CollectionStatus::Green => None,
        CollectionStatus::Yellow => Some("the server is optimising".to_owned()),
        // As after a start: the server waits until something is written.
        CollectionStatus::Grey => Some("the server waits for a write before it optimises".to_owned()),
        CollectionStatus::Red => Some("the server says that something is wrong with the collection".to_owned()),
        CollectionStatus::UnknownCollectionStatus => Some("the server does not say how the collection is".to_owned()),
    }
}

/// Removes the collections among `retired` that the server still has.
///
/// # Errors
/// As any call.
pub async fn remove_collections(address: &ServerAddress, retired: &[String]) -> Result<(), IndexError> {
    let client = connect(address)?;
    let failed = |error| failure(&address.url, &error);
    let there = client.list_collections().await.map_err(failed)?;
    for collection in there.collections.into_iter().filter(|collection| retired.contains(&collection.name)) {
        client.delete_collection(collection.name).await.map_err(failed)?;
    }
    Ok(())
}

fn connect(address: &ServerAddress) -> Result<Qdrant, IndexError> {
    let key = address.key.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
    // The client would say the key in its error.
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let why = "QDRANT_API_KEY is no key: it has a space, a line break or the like".to_owned();
        return Err(IndexError::Refused { url: address.url.clone(), why });
    }
    let mut config = QdrantConfig::from_url(&address.url)
        .timeout(CALL_TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        // It is a call of its own, made while the client is built. What is used here is old enough for every server in use.
        .skip_compatibility_check();
    config.set_api_key(key);
    config.build().map_err(|error| failure(&address.url, &error))
}

fn layout(Dimensions { dense, tokens }: Dimensions) -> (VectorsConfigBuilder, SparseVectorsConfigBuilder) {
    let params =
        |floats: usize, distance| VectorParamsBuilder::new(u64::try_from(floats).unwrap_or_default(), distance);
    // Several vectors a point, of which the nearest to each of the query's counts.
    let many = |vector: VectorParamsBuilder| {
        vector.multivector_config(MultiVectorConfigBuilder::new(MultiVectorComparator::MaxSim))
    };
    // A vector that nothing is found by: no graph, two bytes a float, read from the disk when a candidate is looked at.
    let looked_up = |vector: VectorParamsBuilder| {
        let no_graph = HnswConfigDiffBuilder::default().m(0).payload_m(0);
        vector.hnsw_config(no_graph).datatype(Datatype::Float16).on_disk(true)
    };
    let mut vectors = VectorsConfigBuilder::default();
    vectors.add_named_vector_params(Signal::Meaning.vector(), params(dense, Distance::Cosine));
    vectors.add_named_vector_params(Signal::Title.vector(), looked_up(params(dense, Distance::Cosine)));
    vectors.add_named_vector_params(Signal::Sentences.vector(), looked_up(many(params(dense, Distance::Cosine))));
    vectors.add_named_vector_params(Signal::Tokens.vector(), looked_up(many(params(tokens, Distance::Dot))));
    let mut sparse = SparseVectorsConfigBuilder::default();
    sparse.add_named_vector_params(Signal::Words.vector(), SparseVectorParamsBuilder::default());
    sparse.add_named_vector_params(Signal::TitleWords.vector(), SparseVectorParamsBuilder::default());
    (vectors, sparse)
}

fn all_of(vector: VectorOutput) -> Option<Vec<Vec<f32>>> {
    match vector.into_vector() {
        vector_output::Vector::MultiDense(many) => Some(many.vectors.into_iter().map(|vector| vector.data).collect()),
        vector_output::Vector::Dense(_) | vector_output::Vector::Sparse(_) => None,
    }
}

fn vector(query: &IndexQuery, signal: Signal) -> VectorInput {
    match signal {
        Signal::Meaning | Signal::Title => VectorInput::new_dense(query.dense.clone()),
        Signal::Sentences => VectorInput::new_multi(vec![query.dense.clone()]),
        Signal::Tokens => VectorInput::new_multi(query.tokens.clone()),
        Signal::Words | Signal::TitleWords => {
            VectorInput::new_sparse(query.terms.ids.clone(), query.terms.weights.clone())
        }
    }
}

fn stored_point(workspace: WorkspaceId, point: Point) -> PointStruct {
    let sparse = |terms: Terms| Vector::new_sparse(terms.ids, terms.weights);
    let vectors = NamedVectors::default()
        .add_vector(Signal::Meaning.vector(), Vector::new_dense(point.dense))
        .add_vector(Signal::Words.vector(), sparse(point.terms))
        .add_vector(Signal::Tokens.vector(), Vector::new_multi(point.tokens))
        .add_vector(Signal::Sentences.vector(), Vector::new_multi(point.sentences))
        .add_vector(Signal::Title.vector(), Vector::new_dense(point.title))
        .add_vector(Signal::TitleWords.vector(), sparse(point.title_terms));
    let mut payload = Payload::new();
    payload.insert(WORKSPACE, workspace.to_string());
    payload.insert(TAGS, point.tags.into_iter().map(Value::from).collect::<Vec<_>>());
    PointStruct::new(point.chunk.as_uuid(), vectors, payload)
}

fn of(workspace: WorkspaceId) -> Condition {
    Condition::matches(WORKSPACE, workspace.to_string())
}

fn among(chunks: &[ChunkId]) -> Condition {
    Condition::has_id(chunks.iter().map(|chunk| PointId::from(chunk.as_uuid())))
}

fn scored(point: ScoredPoint) -> Option<(ChunkId, f32)> {
    Some((chunk_id(point.id)?, point.score))
}

fn chunk_id(point: Option<PointId>) -> Option<ChunkId> {
    match point?.point_id_options? {
        point_id::PointIdOptions::Uuid(uuid) => uuid.parse().ok(),
        // Only this module writes points, and it writes UUIDs.
        point_id::PointIdOptions::Num(_) => None,
    }
}

/// What a caller can do about it.
fn failure(url: &str, error: &QdrantError) -> IndexError {
    let unreachable = |why: String| IndexError::Unreachable { url: url.to_owned(), why };
    match error {
        QdrantError::ResponseError { status } => {
            // The numbers of the gRPC standard, so that its crate need not be one of ours.
            const NOT_FOUND: i32 = 5;
            const REFUSED: [i32; 2] = [7, 16];
            const LATER: [i32; 4] = [1, 4, 8, 14];
            let (code, why) = (i32::from(status.code()), status.message().to_owned());
            if why.contains("No space left") || why.contains("WAL buffer size exceeds available disk space") {
                IndexError::DiskFull
            } else if REFUSED.contains(&code) {
                IndexError::Refused { url: url.to_owned(), why }
            } else if code == NOT_FOUND {
                IndexError::Missing { url: url.to_owned() }
            // A connection that cannot be made is reported as the server's own failure.
            } else if LATER.contains(&code) || why.starts_with("Failed to connect") || why.contains("transport error") {
                unreachable(why)
            } else {
                IndexError::Internal(why)
            }
        }
        QdrantError::ResourceExhaustedError { status, .. } => unreachable(status.message().to_owned()),
        QdrantError::Io(error) => unreachable(error.to_string()),
        QdrantError::InvalidUri(error) => IndexError::Refused { url: url.to_owned(), why: error.to_string() },
        error => IndexError::Internal(error.to_string()),
    }
}
