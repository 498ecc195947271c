//! Models: the local embedding model, on threads of its own, and language models behind an interface of the network.

mod bert_onnx;
mod breaker;
#[cfg(test)]
pub(crate) mod counter;
mod embedder;
mod entailment;
mod files;
mod generator;
mod kept;
mod lanes;
pub(crate) mod reranker;
pub mod token_projection;
mod token_states;

pub use embedder::{Embedder, Identity};
pub use entailment::{Entailment, Statement};
pub use generator::{GenerateError, Generated, Generator, Generators, Prompt, Provider, SetUpError, Usage, Writing};
pub use kept::{KeepError, KeptEmbeddings};
pub use reranker::Reranker;
pub use token_states::{Passage, PassageEmbedding, QuestionEmbedding, QuestionToken, TokenStates};

/// What a caller can do about a model that did not deliver.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// A file that `make setup` brings is missing or too old.
    #[error("{what} ({path}): run `make setup`, or name another place with {variable}")]
    NotSetUp {
        /// What is wrong with it.
        what: String,
        /// The file or folder.
        path: String,
        /// The setting that names it.
        variable: &'static str,
    },
    /// Too many questions wait already: try again soon.
    #[error("too many questions at once; try again in a moment")]
    Overloaded,
    /// Anything else.
    #[error("a model failed: {0}")]
    Failed(String),
}
