//! Work that outlives its process: a queue in the database, and workers that take from it.
//!
//! A [`Job`] is queued in the transaction of what it is about: both happen, or neither. Whoever takes it has it for a while (a
//! [`Lease`]) and says now and then that it is still at it. A process that dies says nothing more, its lease runs out, and another
//! takes the job again: so a job is done at least once, and what it does outside of the database carries its idempotency key, by
//! which a repeat is known. Each lease has a number that goes up, without which nothing is written: a worker that comes late cannot
//! undo what the next one did.

mod lease;
pub mod store;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
pub use lease::{Ended, Lease};
use metrics::{counter, gauge};
use tokio::sync::Notify;
pub use workers::Workers;

use crate::clock::Clock;
use crate::database::{Database, DatabaseError, Transaction};
use crate::ids::{Ids, JobId, WorkspaceId};
use crate::mail::Mail;
use crate::telemetry;
use crate::vault::Vault;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Send a mail.
    SendMail(Mail),
}

/// A job without what it is about: the column, the label of a metric, and how patient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Job::SendMail`].
    SendMail,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It waits for its time, or for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// It is done.
    Done,
    /// It was given up: a dead letter, with the sentence of why.
    Failed,
    /// Somebody did not want it any more.
    Cancelled,
}

/// How often a job is tried, and how long it waits in between: each pause is twice the one before, and up to as much again by
/// chance, so that jobs which failed together do not come back together.
struct Patience {
    attempts_max: i64,
    first_pause: Duration,
    longest_pause: Duration,
}

/// Why a job was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It may work later. The sentence is kept with the job and logged, so it names no person and no secret.
    #[error("{0}")]
    Retry(String),
    /// It will never work. The sentence is kept as the other's.
    #[error("{0}")]
    Permanent(String),
    /// It is not this worker's any more: it was cancelled, or the lease ran out and another has it.
    #[error("the job is not this worker's any more")]
    Stopped,
}

/// A job that is about to be queued.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// What is to be done.
    pub job: &'a Job,
    /// Whom it is done for, where it is a workspace.
    pub workspace: Option<WorkspaceId>,
    /// Not before this time.
    pub run_at_ms: i64,
    /// The same key twice is the same job; `None`: a job of its own.
    pub idempotency_key: Option<&'a str>,
}

/// A job in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The job.
    pub id: JobId,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// The queue; cheap to clone.
#[derive(Clone)]
pub struct Queue {
    database: Database,
    vault: Vault,
    clock: Clock,
    ids: Ids,
    woken: Arc<Notify>,
}

impl Job {
    /// What kind of job it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::SendMail(_) => Kind::SendMail,
        }
    }
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 1] = [Self::SendMail];

    /// Its name in the database and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SendMail => "send_mail",
        }
    }

    /// The kind of this name; `None` for one of another version of this program.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How often it is tried.
    #[must_use]
    pub fn attempts_max(self) -> i64 {
        self.patience().attempts_max
    }

    /// How long to wait after attempt number `attempt`, from 1.
    #[must_use]
    pub fn pause(self, attempt: i64, seed: u64) -> Duration {
        let Patience { first_pause, longest_pause, .. } = self.patience();
        let pauses = ExponentialBuilder::new().with_min_delay(first_pause).with_max_delay(longest_pause);
        let mut pauses = pauses.without_max_times().with_jitter().with_jitter_seed(seed).build();
        let before = usize::try_from(attempt.max(1) - 1).unwrap_or(usize::MAX);
        // Without a greatest number of times it never ends.
        pauses.nth(before).unwrap_or(longest_pause)
    }

    fn patience(self) -> Patience {
        match self {
            // Three and a half to seven hours: a mail server that is mended in a working day gets all that was meant for it.
            Self::SendMail => Patience {
                attempts_max: 12,
                first_pause: Duration::from_secs(10),
                longest_pause: Duration::from_secs(3_600),
            },
        }
    }
}

impl State {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// Its name in the database and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Queue {
    /// The queue in `database`.
    #[must_use]
    pub fn new(database: Database, vault: Vault, clock: Clock, ids: Ids) -> Self {
        Self { database, vault, clock, ids, woken: Arc::default() }
    }

    /// Queues a job when `transaction` is committed; [`Queue::wake`] after that spares it the wait for the next look.
    ///
    /// # Errors
    /// As any statement.
    pub async fn add(&self, transaction: &mut Transaction, new: &NewJob<'_>) -> Result<Queued, DatabaseError> {
        let now_ms = self.clock.now_ms();
        store::insert(transaction, &self.vault, JobId::new(&self.ids, now_ms), new, now_ms).await
    }

    /// Has this process's workers look now for what is due; other processes look once a second.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Takes the job of one of these kinds that has been due for longest; `None` when none is.
    ///
    /// # Errors
    /// As any statement.
    pub async fn take(&self, kinds: &[Kind]) -> Result<Option<(Result<Job, JobError>, Lease)>, DatabaseError> {
        let now_ms = self.clock.now_ms();
        if kinds.is_empty() {
            return Ok(None);
        }
        // Looking takes no lock, so an idle process keeps nobody from writing.
        if store::next_due_ms(&self.database).await?.is_none_or(|due_ms| due_ms > now_ms) {
            return Ok(None);
        }
        let mut transaction = self.database.begin().await?;
        let mut lost = [0; Kind::ALL.len()];
        for (kind, lost) in Kind::ALL.into_iter().zip(&mut lost) {
            *lost = store::bury_lost(&mut transaction, kind, now_ms).await?;
        }
        let taken = store::take(&mut transaction, &self.vault, kinds, now_ms, lease::until(now_ms)).await?;
        transaction.commit().await?;
        for (kind, lost) in Kind::ALL.into_iter().zip(lost).filter(|(_, lost)| *lost > 0) {
            tracing::error!(kind = kind.name(), lost, "jobs were given up: their workers were never heard of again");
            counter!(telemetry::JOBS_ENDED, "kind" => kind.name(), "result" => "failed").increment(lost);
        }
        Ok(taken.map(|taken| (taken.job.clone(), Lease::new(self.clone(), taken))))
    }

    /// Takes a job back: at once where it waits, and at its next word of progress where it runs. What it has done by then stays
    /// done. `false` when it had ended before, or there is none.
    ///
    /// # Errors
    /// As any statement.
    pub async fn cancel(&self, id: JobId) -> Result<bool, DatabaseError> {
        let mut transaction = self.database.begin().await?;
        let cancelled = store::cancel(&mut transaction, &self.vault, id, self.clock.now_ms()).await?;
        transaction.commit().await?;
        Ok(cancelled)
    }

    /// Shows how much waits, runs and was given up, and for how long what is due has waited.
    ///
    /// # Errors
    /// As any statement.
    pub async fn show(&self) -> Result<(), DatabaseError> {
        let counted = store::count_unfinished(&self.database).await?;
        for kind in Kind::ALL {
            for state in [State::Queued, State::Running, State::Failed] {
                let is_it = |row: &&(String, String, i64)| row.0 == kind.name() && row.1 == state.name();
                let jobs = counted.iter().find(is_it).map_or(0, |(_, _, jobs)| *jobs);
                gauge!(telemetry::JOBS, "kind" => kind.name(), "state" => state.name())
                    .set(f64::from(u32::try_from(jobs).unwrap_or(u32::MAX)));
            }
        }
        let now_ms = self.clock.now_ms();
        let due_ms = store::next_due_ms(&self.database).await?.unwrap_or(now_ms);
        let waited = u64::try_from(now_ms - due_ms).unwrap_or_default();
        gauge!(telemetry::JOBS_OLDEST_DUE).set(Duration::from_millis(waited).as_secs_f64());
        Ok(())
    }
}

/// Starts the metrics whose labels are known at 0, so that a dashboard shows a zero and not a gap.
pub fn start_label_pairs() {
    for kind in Kind::ALL {
        for result in ["done", "retried", "failed", "stopped", "given_back"] {
            counter!(telemetry::JOBS_ENDED, "kind" => kind.name(), "result" => result).absolute(0);
        }
        for state in [State::Queued, State::Running, State::Failed] {
            gauge!(telemetry::JOBS, "kind" => kind.name(), "state" => state.name()).set(0.0);
        }
    }
    gauge!(telemetry::JOBS_OLDEST_DUE).set(0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_with_as_much_again_by_chance() {
        let kind = Kind::SendMail;
        let least = [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600].map(Duration::from_secs);
        for seed in 0..100 {
            for (attempt, least) in (1..).zip(least) {
                let pause = kind.pause(attempt, seed);
                assert!(least <= pause && pause <= 2 * least, "attempt {attempt}, seed {seed}: {pause:?}");
                assert_eq!(pause, kind.pause(attempt, seed), "the same seed gives the same pause");
            }
        }
        assert_ne!(kind.pause(3, 1), kind.pause(3, 2));
        assert_eq!(kind.attempts_max(), 12, "one attempt more than pauses");
    }

    #[test]
    fn a_kind_is_known_by_its_name_and_a_job_s_payload_names_it_too() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        assert_eq!(Kind::named("of_tomorrow"), None);
    }
}
