//! A Qdrant server over gRPC: one collection for one index generation.
//!
//! Nothing is kept here: the collection is made where it is missing, and many processes may use it at once.

use std::time::Duration;

use qdrant_client::config::QdrantConfig;
use qdrant_client::qdrant::{
    Condition, CountPointsBuilder, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, DeletePointsBuilder,
    Distance, FieldType, Filter, KeywordIndexParamsBuilder, NamedVectors, PointId, PointStruct, Query,
    QueryBatchPointsBuilder, QueryPoints, QueryPointsBuilder, ScoredPoint, ScrollPointsBuilder,
    SparseVectorParamsBuilder, SparseVectorsConfigBuilder, UpsertPointsBuilder, Value, Vector, VectorInput,
    VectorParamsBuilder, VectorsConfigBuilder, point_id,
};
use qdrant_client::{Payload, Qdrant, QdrantError};
use secrecy::{ExposeSecret, SecretString};

use crate::ids::{ChunkId, WorkspaceId};
use crate::index::candidates::{Collected, Ranking};
use crate::index::{BM25, Candidate, DENSE, IndexError, IndexQuery, Point, TAGS, WORKSPACE};

/// How long one call may take; the client tries a reading call that failed once more.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Points in one call: about half a megabyte.
const UPSERT_POINTS_MAX: usize = 256;
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
    dimension: usize,
}

impl std::fmt::Debug for ServerIndex {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ServerIndex({} at {})", self.collection, self.url)
    }
}

impl ServerIndex {
    /// The generation in `collection`: vectors of `dimension` floats. Nothing is sent yet.
    ///
    /// # Errors
    /// [`IndexError::Refused`] when the address is no URL.
    pub fn new(address: &ServerAddress, collection: &str, dimension: usize) -> Result<Self, IndexError> {
        Ok(Self { client: connect(address)?, url: address.url.clone(), collection: collection.to_owned(), dimension })
    }

    /// Makes the collection where it is missing. Safe to repeat, and to do in several processes at once.
    ///
    /// # Errors
    /// As any call.
    pub async fn prepare(&self) -> Result<(), IndexError> {
        if !self.client.collection_exists(&self.collection).await.map_err(|error| self.failure(&error))? {
            let mut vectors = VectorsConfigBuilder::default();
            let dimension = u64::try_from(self.dimension).unwrap_or_default();
            vectors.add_named_vector_params(DENSE, VectorParamsBuilder::new(dimension, Distance::Cosine));
            let mut sparse = SparseVectorsConfigBuilder::default();
            sparse.add_named_vector_params(BM25, SparseVectorParamsBuilder::default());
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
        let rankings = query.rankings();
        let first = rankings.iter().map(|ranking| (*ranking, filter.clone(), query.limit)).collect();
        self.rank(query, first, &mut collected).await?;
        let second: Vec<_> = rankings
            .iter()
            .map(|ranking| (*ranking, collected.missing(*ranking)))
            .filter(|(_, missing)| !missing.is_empty())
            .map(|(ranking, missing)| (ranking, Filter::must([of(workspace), among(&missing)]), missing.len()))
            .collect();
        if !second.is_empty() {
            self.rank(query, second, &mut collected).await?;
        }
        Ok(collected.into_candidates())
    }

    /// Asks for several rankings in one call.
    async fn rank(
        &self,
        query: &IndexQuery,
        asked: Vec<(Ranking, Filter, usize)>,
        collected: &mut Collected,
    ) -> Result<(), IndexError> {
        let rankings: Vec<Ranking> = asked.iter().map(|(ranking, ..)| *ranking).collect();
        let queries: Vec<QueryPoints> = asked
            .into_iter()
            .map(|(ranking, filter, limit)| {
                let (name, vector) = vector(query, ranking);
                QueryPointsBuilder::new(&self.collection)
                    .query(Query::new_nearest(vector))
                    .using(name)
                    .filter(filter)
                    .limit(u64::try_from(limit).unwrap_or(u64::MAX))
                    .with_payload(false)
                    .build()
            })
            .collect();
        let batch = QueryBatchPointsBuilder::new(&self.collection, queries);
        let found = self.client.query_batch(batch).await.map_err(|error| self.failure(&error))?;
        for (ranking, batch) in rankings.into_iter().zip(found.result) {
            collected.add(ranking, batch.result.into_iter().filter_map(scored));
        }
        Ok(())
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

    fn failure(&self, error: &QdrantError) -> IndexError {
        failure(&self.url, error)
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

fn vector(query: &IndexQuery, ranking: Ranking) -> (&'static str, VectorInput) {
    match ranking {
        Ranking::Meaning => (DENSE, VectorInput::new_dense(query.dense.clone())),
        Ranking::Words => (BM25, VectorInput::new_sparse(query.terms.ids.clone(), query.terms.weights.clone())),
    }
}

fn stored_point(workspace: WorkspaceId, point: Point) -> PointStruct {
    let vectors = NamedVectors::default()
        .add_vector(DENSE, Vector::new_dense(point.dense))
        .add_vector(BM25, Vector::new_sparse(point.terms.ids, point.terms.weights));
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
