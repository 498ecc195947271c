//! What is stored, read without the programs under test: the rows by SQL, the points through the index.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use candor::clock::Clock;
use candor::database::Database;
use candor::engine::{Engine, Unfit};
use candor::ids::{ChunkId, Ids, VersionId, WorkspaceId};
use candor::index::{Candidate, Dimensions, EdgeIndex, Index, IndexQuery, ServerIndex, Signal, Terms};
use candor::inference::token_projection;
use candor::knowledge::generation::{self, Mended};
use candor::read;
use tokio::task::JoinSet;

use crate::site::{Site, runtime};

/// Floats in a vector of the model.
const DIMENSION: usize = 384;

/// Everything that makes up what a question can find, without what differs between two runs: ids and times.
#[derive(Debug, PartialEq)]
pub struct Stored {
    /// By source.
    pub articles: BTreeMap<String, Article>,
}

#[derive(Debug, PartialEq)]
pub struct Article {
    title: String,
    tags: String,
    plain_text: String,
    chunks: Vec<Chunk>,
}

#[derive(Debug, PartialEq)]
struct Chunk {
    ordinal: i64,
    heading_path: String,
    start_char: i64,
    end_char: i64,
    terms: Vec<u8>,
    /// The bits of its point's dense vector.
    vector: Vec<u32>,
    /// The bits of what each of its terms alone gives it, by term.
    words: BTreeMap<u32, u32>,
    /// The bits of its scores for one made-up question.
    scores: Vec<u32>,
}

/// What two numbers of one data folder say.
#[derive(Debug, PartialEq, Eq)]
pub struct Counts {
    pub rows: usize,
    pub points: usize,
}

#[derive(sqlx::FromRow)]
struct Row {
    source: String,
    title: String,
    tags: String,
    plain_text: String,
    version_id: String,
    chunk_id: String,
    generation_id: String,
    ordinal: i64,
    heading_path: String,
    start_char: i64,
    end_char: i64,
    terms: Vec<u8>,
}

/// Opens the data folder as the server does at its start, and compares the index with the database.
pub fn mend(site: &Site) -> Mended {
    runtime().block_on(async {
        let engine = Engine::open(site.config(), Clock::System, Ids::Random, Unfit::Refuse).await.unwrap();
        let mended = generation::mend(&engine, |_| ()).await.unwrap();
        engine.database().close().await;
        mended
    })
}

impl Stored {
    /// Reads the data folder; panics where the database and the index do not hold the same chunks.
    pub fn of(site: &Site) -> (Self, Counts) {
        runtime().block_on(Self::read(site))
    }

    async fn read(site: &Site) -> (Self, Counts) {
        const ROWS: &str = "
            select a.source, v.title, v.tags, v.plain_text, c.version_id, c.id as chunk_id, c.generation_id, c.ordinal,
                c.heading_path, c.start_char, c.end_char, c.terms
            from chunks c
            join article_versions v on v.id = c.version_id
            join articles a on a.id = c.article_id and a.status = 'published' and a.current_version_id = v.id
            join index_generations g on g.id = c.generation_id and g.state = 'active'
            order by a.source, c.ordinal";
        let database = Database::open(&site.database_url()).await.unwrap();
        let rows: Vec<Row> = read!(&database, |pool: D| sqlx::query_as(ROWS).fetch_all(pool)).unwrap();
        let all: i64 =
            read!(&database, |pool: D| sqlx::query_scalar("select count(*) from chunks").fetch_one(pool)).unwrap();
        assert_eq!(usize::try_from(all).unwrap(), rows.len(), "there are chunks of versions that nobody can find");
        database.close().await;

        let generation = &rows.first().expect("nothing is published").generation_id;
        let index = open_index(site, &site.config().index_dir(), generation);
        let workspace: WorkspaceId = site.workspace.parse().unwrap();
        let points: BTreeSet<ChunkId> = index.chunks(workspace).await.unwrap().into_iter().collect();
        let known: BTreeSet<ChunkId> = rows.iter().map(|row| row.chunk_id.parse().unwrap()).collect();
        assert_eq!(points, known, "the index and the database do not hold the same chunks");
        let counts = Counts { rows: rows.len(), points: index.total().await.unwrap() };

        let vectors = vectors(&index, workspace, points.len()).await;
        let mut words = words(&index, workspace, &rows).await;
        let scores = scores(&index, workspace, points.len()).await;
        let mut articles = BTreeMap::new();
        for row in rows {
            let (chunk, version): (ChunkId, VersionId) =
                (row.chunk_id.parse().unwrap(), row.version_id.parse().unwrap());
            let place = usize::try_from(row.ordinal).unwrap();
            assert_eq!(chunk, ChunkId::of(version, &row.generation_id, place), "a chunk's id does not fit its place");
            let article = articles.entry(row.source).or_insert_with(|| Article {
                title: row.title,
                tags: row.tags,
                plain_text: row.plain_text,
                chunks: Vec::new(),
            });
            article.chunks.push(Chunk {
                ordinal: row.ordinal,
                heading_path: row.heading_path,
                start_char: row.start_char,
                end_char: row.end_char,
                terms: row.terms,
                vector: vectors[&chunk].clone(),
                words: words.remove(&chunk).unwrap_or_default(),
                scores: scores[&chunk].clone(),
            });
        }
        (Self { articles }, counts)
    }
}

/// The index of `generation`: on the site's server, or else in `folder`.
pub fn open_index(site: &Site, folder: &Path, generation: &str) -> Index {
    let dimensions = Dimensions { dense: DIMENSION, tokens: token_projection::DIMENSION };
    match site.servers() {
        Some(servers) => Index::Server(ServerIndex::new(&servers.qdrant, generation, dimensions).unwrap()),
        None => Index::Edge(EdgeIndex::open(&folder.join(generation), dimensions).unwrap()),
    }
}

/// Each point's vector, float by float: the product with the unit vector of one dimension is the float itself.
async fn vectors(index: &Index, workspace: WorkspaceId, points: usize) -> HashMap<ChunkId, Vec<u32>> {
    let mut vectors: HashMap<ChunkId, Vec<u32>> = HashMap::new();
    for (place, found) in
        search_all(index, workspace, (0..DIMENSION).map(|place| (place, query(place, None, points)))).await
    {
        assert_eq!(found.len(), points);
        for candidate in found {
            vectors.entry(candidate.chunk).or_insert_with(|| vec![0; DIMENSION])[place] =
                candidate.scores[Signal::Meaning].to_bits();
        }
    }
    vectors
}

/// What each term that any chunk has gives to each point by itself: its weight there times how telling it is.
async fn words(index: &Index, workspace: WorkspaceId, rows: &[Row]) -> HashMap<ChunkId, BTreeMap<u32, u32>> {
    let terms: BTreeSet<u32> = rows
        .iter()
        .flat_map(|row| row.terms.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap())))
        .collect();
    let mut words: HashMap<ChunkId, BTreeMap<u32, u32>> = HashMap::new();
    let queries = terms.into_iter().map(|term| (term, query(0, Some(term), rows.len())));
    for (term, found) in search_all(index, workspace, queries).await {
        for candidate in found {
            let score = candidate.scores[Signal::Words];
            if score != 0.0 {
                words.entry(candidate.chunk).or_default().insert(term, score.to_bits());
            }
        }
    }
    words
}

/// Each point's scores for a question that nobody asks, by all signals.
async fn scores(index: &Index, workspace: WorkspaceId, points: usize) -> HashMap<ChunkId, Vec<u32>> {
    let token = (0..token_projection::DIMENSION).map(|place| if place % 3 == 0 { 0.25 } else { -0.125 }).collect();
    let all = IndexQuery { tokens: vec![token], ..query(5, None, points) };
    let found = index.search(workspace, all).await.unwrap();
    found.into_iter().map(|found| (found.chunk, found.scores.0.map(f32::to_bits).to_vec())).collect()
}

/// Asks many queries, several at a time, each with something to know its answer by.
async fn search_all<K: Send + 'static>(
    index: &Index,
    workspace: WorkspaceId,
    queries: impl Iterator<Item = (K, IndexQuery)>,
) -> Vec<(K, Vec<Candidate>)> {
    const AT_ONCE: usize = 16;
    let (mut found, mut asked) = (Vec::new(), JoinSet::new());
    for (key, query) in queries {
        if asked.len() == AT_ONCE {
            found.push(asked.join_next().await.unwrap().unwrap());
        }
        let index = index.clone();
        asked.spawn(async move { (key, index.search(workspace, query).await.unwrap()) });
    }
    found.extend(asked.join_all().await);
    found
}

fn query(place: usize, term: Option<u32>, limit: usize) -> IndexQuery {
    let mut dense = vec![0.0; DIMENSION];
    dense[place] = 1.0;
    let terms = Terms { ids: term.into_iter().collect(), weights: term.map(|_| 1.0).into_iter().collect() };
    IndexQuery { dense, tokens: Vec::new(), terms, tags: Vec::new(), limit }
}
