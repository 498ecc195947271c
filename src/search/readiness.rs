//! Whether the index has all that SQL has: nobody is answered from a part of the articles.

use std::sync::{Arc, PoisonError, RwLock};

/// How far the comparison of the index with SQL has come; cheap to clone, and all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    state: Arc<RwLock<Comparison>>,
}

/// The state of that comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    /// It is being made; most often nothing differs.
    #[default]
    Running,
    /// Points are missing and are being made again: a question would not find what the articles say.
    Restoring {
        /// How many were missing.
        points: usize,
    },
    /// It could not be made or mended, and is tried again.
    Failed,
    /// The index has all that SQL has.
    Done,
}

/// Why nothing can be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// Points are being made again.
    #[error("the index is being restored: {points} passages were missing")]
    Restoring {
        /// How many were missing.
        points: usize,
    },
    /// The index is away, or not whole.
    #[error("the index cannot be reached or is not complete; it is tried again")]
    Failed,
}

impl Readiness {
    /// The index has all that SQL has.
    pub fn compared(&self) {
        self.set(Comparison::Done);
    }

    /// Points are missing and are being made again.
    pub fn restoring(&self, points: usize) {
        self.set(Comparison::Restoring { points });
    }

    /// The comparison failed, or the index has gone since.
    pub fn failed(&self) {
        self.set(Comparison::Failed);
    }

    /// How far it has come.
    #[must_use]
    pub fn comparison(&self) -> Comparison {
        *self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a search that would see a part of the articles.
    ///
    /// # Errors
    /// [`NotReady`].
    pub fn check(&self) -> Result<(), NotReady> {
        match self.comparison() {
            Comparison::Running | Comparison::Done => Ok(()),
            Comparison::Restoring { points } => Err(NotReady::Restoring { points }),
            Comparison::Failed => Err(NotReady::Failed),
        }
    }

    fn set(&self, state: Comparison) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
