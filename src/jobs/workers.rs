//! Workers: they take jobs, keep their leases while the handler works, and write how it ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::database::DatabaseError;
use crate::jobs::{Ended, Job, JobError, Kind, Lease, Queue};
use crate::telemetry;

/// How often it is looked for what other processes have queued and what has become due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a stopping process takes to give back what it has not finished; what stays is taken over when its lease runs out.
const GIVING_BACK_MAX: Duration = Duration::from_secs(5);

/// Workers of this process on a queue.
pub struct Workers {
    /// No job is taken any more.
    draining: CancellationToken,
    /// What runs is broken off.
    cut: CancellationToken,
    running: TaskTracker,
}

impl Workers {
    /// Begins to take jobs of these kinds, at most `at_once` of them at a time, and to do them with `handler`. Jobs of other kinds are
    /// left to processes that can do them.
    #[must_use]
    pub fn start<H, F>(queue: Queue, kinds: Vec<Kind>, at_once: usize, handler: H) -> Self
    where
        H: Fn(Job, Lease) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let workers =
            Self { draining: CancellationToken::new(), cut: CancellationToken::new(), running: TaskTracker::new() };
        let (draining, cut, running) = (workers.draining.clone(), workers.cut.clone(), workers.running.clone());
        if kinds.is_empty() {
            return workers;
        }
        workers.running.spawn(async move {
            let slots = Arc::new(Semaphore::new(at_once));
            let mut is_away = false;
            while let Some(Ok(slot)) = draining.run_until_cancelled(Arc::clone(&slots).acquire_owned()).await {
                match queue.take(&kinds).await {
                    Ok(Some((job, lease))) => {
                        is_away = false;
                        let work = job.map(|job| handler(job, lease.clone()));
                        let cut = cut.clone();
                        running.spawn(async move {
                            attempt(work, &lease, &cut).await;
                            drop(slot);
                        });
                        continue;
                    }
                    Ok(None) => is_away = false,
                    // Once, and not each time that it is looked.
                    Err(error) if !is_away => {
                        is_away = true;
                        tracing::warn!(%error, "the queue cannot be read; it is tried again");
                    }
                    Err(_) => (),
                }
                drop(slot);
                let woken = tokio::time::timeout(LOOK_EVERY, queue.woken.notified());
                let _ = draining.run_until_cancelled(woken).await;
            }
        });
        workers
    }

    /// Takes no more jobs, and waits until those that were begun have ended.
    pub async fn drained(&self) {
        self.draining.cancel();
        self.running.close();
        self.running.wait().await;
    }

    /// Takes no more jobs, breaks off those that still run, and gives them back for other processes to take.
    pub async fn give_back(self) {
        self.draining.cancel();
        self.cut.cancel();
        if tokio::time::timeout(GIVING_BACK_MAX, self.drained()).await.is_err() {
            tracing::warn!("some jobs could not be given back; others take them when their leases have run out");
        }
    }
}

/// One attempt at a job, from its lease to its end.
async fn attempt<F>(work: Result<F, JobError>, lease: &Lease, cut: &CancellationToken)
where
    F: Future<Output = Result<(), JobError>> + Send + 'static,
{
    let began = Instant::now();
    let kind = lease.kind().name();
    let ended = match work {
        Ok(work) => worked(work, lease, cut).await,
        Err(error) => lease.end(Err(error)).await,
    };
    histogram!(telemetry::JOB_DURATION, "kind" => kind).record(began.elapsed().as_secs_f64());
    match ended {
        Ok(ended) => {
            counter!(telemetry::JOBS_ENDED, "kind" => kind, "result" => ended.name()).increment(1);
            match &ended {
                Ended::Done => tracing::debug!(?lease, "a job is done"),
                Ended::Retried { failure, pause } => {
                    tracing::warn!(?lease, failure, seconds = pause.as_secs(), "a job failed and is tried again");
                }
                Ended::Failed { failure } => tracing::error!(?lease, failure, "a job was given up"),
                Ended::Stopped => tracing::info!(?lease, "a job was cancelled, or taken over by another worker"),
                Ended::GivenBack => tracing::info!(?lease, "a job was given back"),
            }
        }
        Err(error) => tracing::warn!(%error, ?lease, "how a job ended could not be written; it will be tried again"),
    }
}

/// Has the handler work in a task of its own, so that one that panics ends its job's attempt and not the worker.
async fn worked<F>(work: F, lease: &Lease, cut: &CancellationToken) -> Result<Ended, DatabaseError>
where
    F: Future<Output = Result<(), JobError>> + Send + 'static,
{
    let mut task = tokio::spawn(work);
    let is_cut = tokio::select! {
        outcome = &mut task => {
            let defect = |_| Err(JobError::Retry("the handler broke off, which is a defect of the program".to_owned()));
            return lease.end(outcome.unwrap_or_else(defect)).await;
        }
        () = lease.keep() => false,
        () = cut.cancelled() => true,
    };
    // Two workers on one job do less harm the sooner one of them stops.
    task.abort();
    let done = task.await;
    match done {
        // It ended in the very moment.
        Ok(outcome) => lease.end(outcome).await,
        Err(_) if is_cut => lease.give_back().await,
        Err(_) => Ok(Ended::Stopped),
    }
}
