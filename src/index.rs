//! The vector index, derived from SQL and rebuilt from it at will.
//!
//! Every call takes the workspace as an argument of its own, so that a tenant's scope cannot be forgotten. What the
//! index returns is a candidate: SQL decides whether it is visible.

use std::path::PathBuf;

use crate::ids::ChunkId;

mod bm25;
mod edge;

pub use bm25::{Bm25, TERM_FREQUENCY_MAX, TermFrequencies, TermId, Terms};
pub use edge::{EdgeIndex as Index, set_aside};

/// One chunk as the index holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The chunk's id, which is the point's.
    pub chunk: ChunkId,
    /// The unit vector of its text.
    pub dense: Vec<f32>,
    /// Its BM25 terms with their weights.
    pub terms: Terms,
    /// The article's tags, for filtering.
    pub tags: Vec<String>,
}

/// What to look for.
#[derive(Clone, Debug)]
pub struct IndexQuery {
    /// The unit vector of the question.
    pub dense: Vec<f32>,
    /// The question's terms, each weighted with its inverse document frequency in the workspace
    /// ([`TermFrequencies::weighted`]): the index multiplies and adds, and knows nothing of other workspaces.
    pub terms: Terms,
    /// Only chunks with at least one of these tags; empty: all.
    pub tags: Vec<String>,
    /// How many candidates each of the two rankings may bring.
    pub limit: usize,
}

/// A candidate with both of its scores, whichever ranking brought it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The chunk.
    pub chunk: ChunkId,
    /// Cosine of question and chunk, -1 to 1.
    pub cosine: f32,
    /// BM25, with the document frequencies that the query's terms were weighted with; 0 and up.
    pub bm25: f32,
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
    /// Anything else.
    #[error("the index failed: {0}")]
    Internal(String),
}
