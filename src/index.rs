//! The vector index, derived from SQL and rebuilt from it at will.
//!
//! Every call takes the workspace as an argument of its own, so that a tenant's scope cannot be forgotten. What the
//! index returns is a candidate: SQL decides whether it is visible.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::ids::{ChunkId, WorkspaceId};

mod bm25;
mod candidates;
mod edge;
pub mod scripts;
mod server;

pub use bm25::{Bm25, TERM_FREQUENCY_MAX, TermFrequencies, TermId, Terms};
pub use edge::{EdgeIndex, FREE_BYTES_MIN, free_bytes, set_aside};
pub use server::{ServerAddress, ServerIndex, remove_collections};

use crate::index::candidates::Collected;

/// Names of the payload's fields, the same in both engines.
const WORKSPACE: &str = "workspace_id";
const TAGS: &str = "tags";

/// Points that a walk through the graph keeps in view. The engine's own 100 miss more in a workspace that is large and not all of the
/// index; `make scale` measures it.
const HNSW_EF: u64 = 256;

/// An index generation, in whichever engine the settings name; cheap to clone.
#[derive(Clone, Debug)]
pub enum Index {
    /// In process, in a folder.
    Edge(EdgeIndex),
    /// On a Qdrant server.
    Server(ServerIndex),
}

/// One way of telling how much a chunk says about a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Cosine of the question and the chunk, -1 to 1.
    Meaning,
    /// BM25, with the document frequencies that the query's terms are weighted with; 0 and up.
    Words,
    /// Late interaction: for each of the question's tokens the product with the nearest of the chunk's, added up. Source: Khattab
    /// and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over BERT", 2020.
    Tokens,
    /// Cosine of the question and the nearest of the chunk's sentences.
    Sentences,
    /// Cosine of the question and the article's title.
    Title,
    /// The weights of the query's terms that stand in the article's title, added up.
    TitleWords,
}

impl Signal {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Meaning, Self::Words, Self::Tokens, Self::Sentences, Self::Title, Self::TitleWords];

    /// Those that bring candidates; the others only say more about candidates that are there.
    const THAT_FIND: [Self; 2] = [Self::Meaning, Self::Words];

    /// The name of the vector that it looks at, the same in both engines.
    fn vector(self) -> &'static str {
        match self {
            Self::Meaning => "dense",
            Self::Words => "bm25",
            Self::Tokens => "tokens",
            Self::Sentences => "sentences",
            Self::Title => "title",
            Self::TitleWords => "title_bm25",
        }
    }
}

/// A score for each signal; 0 where the question has nothing to go by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores(pub [f32; Signal::ALL.len()]);

impl std::ops::Index<Signal> for Scores {
    type Output = f32;

    fn index(&self, signal: Signal) -> &f32 {
        &self.0[signal as usize]
    }
}

impl std::ops::IndexMut<Signal> for Scores {
    fn index_mut(&mut self, signal: Signal) -> &mut f32 {
        &mut self.0[signal as usize]
    }
}

/// How many floats the vectors of an index have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Those of texts, sentences and titles.
    pub dense: usize,
    /// Those of tokens.
    pub tokens: usize,
}

/// One chunk as the index holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The chunk's id, which is the point's.
    pub chunk: ChunkId,
    /// The unit vector of its text.
    pub dense: Vec<f32>,
    /// The unit vectors of its words; at least one.
    pub tokens: Vec<Vec<f32>>,
    /// The unit vectors of its sentences; at least one.
    pub sentences: Vec<Vec<f32>>,
    /// The unit vector of its article's title.
    pub title: Vec<f32>,
    /// Its BM25 terms with their weights.
    pub terms: Terms,
    /// The terms of its article's title, each with the weight 1.
    pub title_terms: Terms,
    /// The article's tags, for filtering.
    pub tags: Vec<String>,
}

/// What to look for.
#[derive(Clone, Debug)]
pub struct IndexQuery {
    /// The unit vector of the question.
    pub dense: Vec<f32>,
    /// The vectors of its tokens, each as long as the token counts.
    pub tokens: Vec<Vec<f32>>,
    /// The question's terms, each weighted with its inverse document frequency in the workspace
    /// ([`TermFrequencies::weighted`]): the index multiplies and adds, and knows nothing of other workspaces.
    pub terms: Terms,
    /// Only chunks with at least one of these tags; empty: all.
    pub tags: Vec<String>,
    /// How many candidates each signal that finds may bring.
    pub limit: usize,
}

impl IndexQuery {
    /// The signals that have anything to go by.
    fn signals(&self) -> impl Iterator<Item = Signal> {
        Signal::ALL.into_iter().filter(|signal| match signal {
            Signal::Meaning | Signal::Sentences | Signal::Title => true,
            Signal::Words | Signal::TitleWords => !self.terms.ids.is_empty(),
            Signal::Tokens => !self.tokens.is_empty(),
        })
    }

    /// Those of them that bring candidates.
    fn that_find(&self) -> Vec<Signal> {
        self.signals().filter(|signal| Signal::THAT_FIND.contains(signal)).collect()
    }

    /// What they must still be asked for of the candidates that were collected.
    fn missing(&self, collected: &Collected) -> Vec<(Signal, Vec<ChunkId>)> {
        let missing = self.signals().map(|signal| (signal, collected.missing(signal)));
        missing.filter(|(_, chunks)| !chunks.is_empty()).collect()
    }
}

/// A candidate with all of its scores, whichever signal brought it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its scores.
    pub scores: Scores,
}

/// How far the engine is with putting the points in order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Segments {
    /// How many there are; a search looks into each.
    pub count: usize,
    /// Points in them, as far as the engine knows: those that were replaced may count until it has tidied up.
    pub points: usize,
    /// Vectors that are found by a graph or an inverted index, all kinds together.
    pub indexed_vectors: usize,
    /// What is still to be done, or has failed; `None` when nothing is.
    pub pending: Option<String>,
}

/// What the index keeps of a chunk's parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PassageVectors {
    /// Those of its words, as in [`Point::tokens`].
    pub tokens: Vec<Vec<f32>>,
    /// Those of its sentences, as in [`Point::sentences`].
    pub sentences: Vec<Vec<f32>>,
}

/// What a caller can do about an index that failed.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Another process has the folder open.
    #[error("the index in {folder} is in use by another process")]
    InUse {
        /// The index's folder.
        folder: PathBuf,
    },
    /// The folder cannot be read as an index. The articles are in the database, so nothing is lost.
    #[error(
        "the index in {folder} is damaged ({why}); nothing is lost: run `candor reindex` to build it again from the database"
    )]
    Damaged {
        /// The index's folder.
        folder: PathBuf,
        /// What the engine says.
        why: String,
    },
    /// The disk is full, or has less room than a write may need.
    #[error("the disk is full: free some space (the index needs 128 MiB to write), nothing was stored")]
    DiskFull,
    /// The server does not answer, or not in time: try again later.
    #[error("the Qdrant server at {url} cannot be reached (QDRANT_URL names its gRPC port, mostly 6334): {why}")]
    Unreachable {
        /// Its address.
        url: String,
        /// What was seen.
        why: String,
    },
    /// The server answers and does not let us in.
    #[error("the Qdrant server at {url} refuses ({why}): check QDRANT_URL and QDRANT_API_KEY")]
    Refused {
        /// Its address.
        url: String,
        /// What it says.
        why: String,
    },
    /// The server has lost the collection. The articles are in the database, so nothing is lost.
    #[error(
        "the Qdrant server at {url} does not have this installation's collection; it is made again from the database"
    )]
    Missing {
        /// Its address.
        url: String,
    },
    /// There is no embedded index, or no server to move it to.
    #[error("there is nothing to move: it needs QDRANT_URL and an embedded index in {folder}")]
    NothingToMove {
        /// Where the embedded index would be.
        folder: PathBuf,
    },
    /// Anything else.
    #[error("the index failed: {0}")]
    Internal(String),
}

impl Index {
    /// Where it is, for whoever looks after the installation.
    #[must_use]
    pub fn place(&self) -> &'static str {
        match self {
            Self::Edge(_) => "embedded",
            Self::Server(_) => "on a Qdrant server",
        }
    }

    /// Makes the generation ready to be written and read; the embedded engine's is from the moment that it is open.
    ///
    /// # Errors
    /// [`IndexError::Unreachable`] or [`IndexError::Refused`].
    pub async fn prepare(&self) -> Result<(), IndexError> {
        match self {
            Self::Edge(_) => Ok(()),
            Self::Server(index) => index.prepare().await,
        }
    }

    /// Writes `points` of `workspace`; one that is there already is replaced.
    ///
    /// When it returns, a crash of this process or of the server loses none of them.
    ///
    /// # Errors
    /// [`IndexError`]; then a part may be written, and writing again is safe.
    pub async fn upsert(&self, workspace: WorkspaceId, points: Vec<Point>) -> Result<(), IndexError> {
        match self {
            Self::Edge(index) => index.upsert(workspace, points).await,
            Self::Server(index) => index.upsert(workspace, points).await,
        }
    }

    /// Removes the points of these chunks from `workspace`; one that is not there, or another's, is passed over.
    ///
    /// # Errors
    /// As [`Index::upsert`].
    pub async fn delete(&self, workspace: WorkspaceId, chunks: &[ChunkId]) -> Result<(), IndexError> {
        match self {
            Self::Edge(index) => index.delete(workspace, chunks).await,
            Self::Server(index) => index.delete(workspace, chunks).await,
        }
    }

    /// The best candidates of `workspace` by each signal that finds, each with all scores, in no order.
    ///
    /// # Errors
    /// [`IndexError`].
    pub async fn search(&self, workspace: WorkspaceId, query: IndexQuery) -> Result<Vec<Candidate>, IndexError> {
        match self {
            Self::Edge(index) => index.search(workspace, query).await,
            Self::Server(index) => index.search(workspace, &query).await,
        }
    }

    /// The vectors of the words and sentences of those of `chunks` that are there, in no order.
    ///
    /// # Errors
    /// [`IndexError`].
    pub async fn vectors(
        &self,
        workspace: WorkspaceId,
        chunks: &[ChunkId],
    ) -> Result<HashMap<ChunkId, PassageVectors>, IndexError> {
        // A server takes a request for nothing for a mistake.
        if chunks.is_empty() {
            return Ok(HashMap::new());
        }
        match self {
            Self::Edge(index) => index.vectors(workspace, chunks).await,
            Self::Server(index) => index.vectors(workspace, chunks).await,
        }
    }

    /// The ids of all points of `workspace`.
    ///
    /// # Errors
    /// [`IndexError`].
    pub async fn chunks(&self, workspace: WorkspaceId) -> Result<Vec<ChunkId>, IndexError> {
        match self {
            Self::Edge(index) => index.chunks(workspace).await,
            Self::Server(index) => index.chunks(workspace).await,
        }
    }

    /// How many points there are in all workspaces, for the operator's figures.
    ///
    /// # Errors
    /// [`IndexError`].
    pub async fn total(&self) -> Result<usize, IndexError> {
        match self {
            Self::Edge(index) => index.total().await,
            Self::Server(index) => index.total().await,
        }
    }

    /// How far the engine is with putting the points in order.
    ///
    /// # Errors
    /// [`IndexError`].
    pub async fn segments(&self) -> Result<Segments, IndexError> {
        match self {
            Self::Edge(index) => index.segments().await,
            Self::Server(index) => index.segments().await,
        }
    }

    /// Puts everything that was written on the disk and builds the graph, now; a server does so by itself.
    ///
    /// # Errors
    /// [`IndexError::DiskFull`] or [`IndexError::Internal`].
    pub async fn settle(&self) -> Result<(), IndexError> {
        match self {
            Self::Edge(index) => index.settle().await,
            Self::Server(_) => Ok(()),
        }
    }
}
