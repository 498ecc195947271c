//! What a data folder holds, read without the programs under test: the rows by SQL, the points through the index.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use candor::clock::Clock;
use candor::config::Config;
use candor::database::Database;
use candor::engine::{Engine, Unfit};
use candor::ids::{ChunkId, Ids, VersionId, WorkspaceId};
use candor::index::{EdgeIndex, Index, IndexQuery, Terms};
use candor::knowledge::generation::{self, Mended};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

use crate::site::{Site, models_dir, runtime, runtime_library};

/// A look into the database that changes nothing, not even by being closed.
pub struct Look {
    runtime: tokio::runtime::Runtime,
    pool: SqlitePool,
    workspace: String,
}

impl Look {
    pub fn into(site: &Site) -> Self {
        let runtime = runtime();
        let options = SqliteConnectOptions::new().filename(site.data().join("candor.sqlite")).read_only(true);
        let pool = runtime.block_on(SqlitePoolOptions::new().max_connections(1).connect_with(options)).unwrap();
        Self { runtime, pool, workspace: site.workspace.clone() }
    }

    /// How often what a question can find has changed: goes up by one with each article that is published or removed.
    pub fn changes(&self) -> i64 {
        const SQL: &str = "select knowledge_version from workspaces where id = $1";
        self.runtime.block_on(sqlx::query_scalar(SQL).bind(&self.workspace).fetch_one(&self.pool)).unwrap()
    }

    /// The sources of the published articles.
    pub fn sources(&self) -> Vec<String> {
        const SQL: &str =
            "select source from articles where status = 'published' and workspace_id = $1 order by source";
        self.runtime.block_on(sqlx::query_scalar(SQL).bind(&self.workspace).fetch_all(&self.pool)).unwrap()
    }
}

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
        let config = Config {
            data_dir: site.data().to_owned(),
            models_dir: models_dir(),
            runtime_library: runtime_library(),
            embedding_sessions: 1,
            ..Config::default()
        };
        let engine = Engine::open(config, Clock::System, Ids::Random, Unfit::Refuse).await.unwrap();
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
        const DIMENSION: usize = 384;
        const ROWS: &str = "
            select a.source, v.title, v.tags, v.plain_text, c.version_id, c.id as chunk_id, c.generation_id, c.ordinal,
                c.heading_path, c.start_char, c.end_char, c.terms
            from chunks c
            join article_versions v on v.id = c.version_id
            join articles a on a.id = c.article_id and a.status = 'published' and a.current_version_id = v.id
            join index_generations g on g.id = c.generation_id and g.state = 'active'
            order by a.source, c.ordinal";
        let url = format!("sqlite:{}", site.data().join("candor.sqlite").display());
        let database = Database::open(&url.into()).await.unwrap();
        let Database::Sqlite { readers, .. } = &database else { unreachable!("the URL is SQLite's") };
        let rows: Vec<Row> = sqlx::query_as(ROWS).fetch_all(readers).await.unwrap();
        let all: i64 = sqlx::query_scalar("select count(*) from chunks").fetch_one(readers).await.unwrap();
        assert_eq!(usize::try_from(all).unwrap(), rows.len(), "there are chunks of versions that nobody can find");
        database.close().await;

        let generation = &rows.first().expect("nothing is published").generation_id;
        let index = Index::Edge(EdgeIndex::open(&site.data().join("index").join(generation), DIMENSION).unwrap());
        let workspace: WorkspaceId = site.workspace.parse().unwrap();
        let points: BTreeSet<ChunkId> = index.chunks(workspace).await.unwrap().into_iter().collect();
        let known: BTreeSet<ChunkId> = rows.iter().map(|row| row.chunk_id.parse().unwrap()).collect();
        assert_eq!(points, known, "the index and the database do not hold the same chunks");
        let counts = Counts { rows: rows.len(), points: index.total().await.unwrap() };

        let vectors = vectors(&index, workspace, DIMENSION, points.len()).await;
        let mut words = words(&index, workspace, DIMENSION, &rows).await;
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
            });
        }
        (Self { articles }, counts)
    }
}

/// Each point's vector, float by float: the product with the unit vector of one dimension is the float itself.
async fn vectors(index: &Index, workspace: WorkspaceId, dimension: usize, points: usize) -> HashMap<ChunkId, Vec<u32>> {
    let mut vectors: HashMap<ChunkId, Vec<u32>> = HashMap::new();
    for place in 0..dimension {
        let found = index.search(workspace, query(dimension, place, None, points)).await.unwrap();
        assert_eq!(found.len(), points);
        for candidate in found {
            vectors.entry(candidate.chunk).or_default().push(candidate.cosine.to_bits());
        }
    }
    vectors
}

/// What each term that any chunk has gives to each point by itself: its weight there times how telling it is.
async fn words(
    index: &Index,
    workspace: WorkspaceId,
    dimension: usize,
    rows: &[Row],
) -> HashMap<ChunkId, BTreeMap<u32, u32>> {
    let terms: BTreeSet<u32> = rows
        .iter()
        .flat_map(|row| row.terms.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap())))
        .collect();
    let mut words: HashMap<ChunkId, BTreeMap<u32, u32>> = HashMap::new();
    for term in terms {
        for candidate in index.search(workspace, query(dimension, 0, Some(term), rows.len())).await.unwrap() {
            if candidate.bm25 != 0.0 {
                words.entry(candidate.chunk).or_default().insert(term, candidate.bm25.to_bits());
            }
        }
    }
    words
}

fn query(dimension: usize, place: usize, term: Option<u32>, limit: usize) -> IndexQuery {
    let mut dense = vec![0.0; dimension];
    dense[place] = 1.0;
    let terms = Terms { ids: term.into_iter().collect(), weights: term.map(|_| 1.0).into_iter().collect() };
    IndexQuery { dense, terms, tags: Vec::new(), limit }
}
