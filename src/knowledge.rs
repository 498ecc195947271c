//! Articles: read, parsed, chunked, embedded, published and taken away again.
//!
//! SQL is the truth and decides what a question can find; the index is derived from it. A change is therefore made in
//! this order: points into the index (nobody sees them yet), one commit in SQL (now everybody does), the replaced points out
//! of the index. A crash in between leaves points that nobody sees, which [`generation::mend`] sweeps.

pub mod article;
pub mod chunk;
pub mod generation;
pub mod health;
pub mod parse;
pub mod points;
pub mod sentences;
pub mod source;
pub mod store;
pub mod sync;
pub mod transfer;

pub use sync::{ArticleFile, KnowledgeError, Manifest, Plan, Published};
