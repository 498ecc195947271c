//! The right to write about a job that is being done.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};

use crate::database::DatabaseError;
use crate::ids::WorkspaceId;
use crate::jobs::store::{self, Ending, Standing, Taken};
use crate::jobs::{JobError, Kind, Queue};

/// How long a worker has a job without a word. A process that dies keeps others from its jobs for as long; clocks of processes on
/// one queue should agree to a small part of it.
const LEASE: Duration = Duration::from_secs(60);
/// How often it says that it is still at it.
const RENEW_EVERY: Duration = Duration::from_secs(20);

/// The right to write about a job that is being done, for as long as no other worker has taken it over; cheap to clone.
#[derive(Clone)]
pub struct Lease {
    queue: Queue,
    taken: Taken,
}

/// When a lease that is had at `now_ms` runs out.
pub(super) fn until(now_ms: i64) -> i64 {
    now_ms.saturating_add(i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX))
}

impl Lease {
    pub(super) fn new(queue: Queue, taken: Taken) -> Self {
        Self { queue, taken }
    }

    /// What kind of job it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.taken.kind
    }

    /// Whom the job is done for, where it is a workspace.
    #[must_use]
    pub fn workspace(&self) -> Option<WorkspaceId> {
        self.taken.workspace
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> i64 {
        self.taken.attempt
    }

    /// What the job's effects outside of the database carry: the same in every attempt, and no other job's.
    #[must_use]
    pub fn idempotency_key(&self) -> &str {
        &self.taken.idempotency_key
    }

    /// Says how much is done, and that it goes on.
    ///
    /// # Errors
    /// [`JobError::Stopped`] when it must not go on: it was cancelled, or another worker has it. [`JobError::Retry`] when the
    /// database is away.
    pub async fn progress(&self, done: i64, total: i64) -> Result<(), JobError> {
        let now_ms = self.queue.clock.now_ms();
        let written = async {
            let mut transaction = self.queue.database.begin().await?;
            let standing = store::report(&mut transaction, &self.taken, done, total, until(now_ms), now_ms).await?;
            transaction.commit().await?;
            Ok::<_, DatabaseError>(standing)
        };
        match written.await {
            Ok(Standing::Ours) => Ok(()),
            Ok(Standing::Cancelled | Standing::TakenOver) => Err(JobError::Stopped),
            Err(_) => Err(JobError::Retry("its progress could not be stored: the database is away".to_owned())),
        }
    }

    /// Says that it goes on, and for how long at most without another word.
    ///
    /// # Errors
    /// As any statement.
    pub async fn renew(&self) -> Result<Standing, DatabaseError> {
        let now_ms = self.queue.clock.now_ms();
        let mut transaction = self.queue.database.begin().await?;
        let standing = store::renew(&mut transaction, &self.taken, until(now_ms), now_ms).await?;
        transaction.commit().await?;
        Ok(standing)
    }

    /// Keeps the lease from running out; comes back when another worker has the job all the same.
    pub(super) async fn keep(&self) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            match self.renew().await {
                Ok(Standing::Ours) => (),
                // The handler hears of it at its next word of progress; a short one has none and ends by itself.
                Ok(Standing::Cancelled) => std::future::pending().await,
                Ok(Standing::TakenOver) => return,
                Err(error) => tracing::warn!(%error, kind = self.kind().name(), "a job's lease could not be renewed"),
            }
        }
    }

    /// Writes how the attempt ended: done, to be tried again after a pause, or given up. A database that is away for a moment is
    /// waited for, since without this the whole would be done once more.
    ///
    /// # Errors
    /// As any statement; then the lease runs out and the job is tried again.
    pub async fn end(&self, outcome: Result<(), JobError>) -> Result<Ended, DatabaseError> {
        let now_ms = self.queue.clock.now_ms();
        let (ending, ended) = match outcome {
            Ok(()) => (Ending::Done, Ended::Done),
            Err(JobError::Stopped) => return Ok(Ended::Stopped),
            Err(JobError::Retry(failure)) if self.attempt() < self.kind().attempts_max() => {
                let pause = self.kind().pause(self.attempt(), self.queue.ids.seed());
                let run_at_ms = now_ms.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
                (Ending::Again { run_at_ms, failure: failure.clone() }, Ended::Retried { failure, pause })
            }
            Err(JobError::Retry(failure) | JobError::Permanent(failure)) => {
                (Ending::Failed { failure: failure.clone() }, Ended::Failed { failure })
            }
        };
        let pauses = ExponentialBuilder::new().with_min_delay(Duration::from_millis(200)).with_max_times(6);
        let standing = (|| self.write(&ending, now_ms))
            .retry(pauses)
            .when(|error| matches!(error, DatabaseError::Unavailable(_)))
            .await?;
        Ok(if standing == Standing::Ours { ended } else { Ended::Stopped })
    }

    /// Gives the job back as if it had not been taken, for another worker to take at once.
    ///
    /// # Errors
    /// As any statement; then others wait until the lease has run out.
    pub async fn give_back(&self) -> Result<Ended, DatabaseError> {
        let standing = self.write(&Ending::GivenBack, self.queue.clock.now_ms()).await?;
        Ok(if standing == Standing::Ours { Ended::GivenBack } else { Ended::Stopped })
    }

    async fn write(&self, ending: &Ending, now_ms: i64) -> Result<Standing, DatabaseError> {
        let mut transaction = self.queue.database.begin().await?;
        let standing = store::end(&mut transaction, &self.queue.vault, &self.taken, ending, now_ms).await?;
        transaction.commit().await?;
        Ok(standing)
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Lease({} {}, attempt {})", self.kind().name(), self.taken.id, self.attempt())
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The job is done.
    Done,
    /// It is tried again.
    Retried {
        /// Why.
        failure: String,
        /// After how long.
        pause: Duration,
    },
    /// It was given up.
    Failed {
        /// Why.
        failure: String,
    },
    /// It was not this worker's any more, so nothing was written.
    Stopped,
    /// It was given back.
    GivenBack,
}

impl Ended {
    /// Its name in metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried { .. } => "retried",
            Self::Failed { .. } => "failed",
            Self::Stopped => "stopped",
            Self::GivenBack => "given_back",
        }
    }
}
