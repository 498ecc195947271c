//! What the workers of a process do, by the kind of the job.

use crate::engine::Engine;
use crate::jobs::{Job, JobError, Kind, Lease, Workers};

/// Jobs that one process does at once. They wait for other servers most of the time, and the database must stay free for questions.
const AT_ONCE: usize = 4;

/// Starts the workers of this process.
#[must_use]
pub fn start(engine: &Engine) -> Workers {
    let mut kinds = Kind::ALL.to_vec();
    if !engine.outbox().is_on() {
        tracing::info!("mail is off: SMTP_HOST is not set, so none is sent");
        // What was posted when it was on waits, or is sent by another server.
        kinds.retain(|kind| *kind != Kind::SendMail);
    }
    let working = engine.clone();
    Workers::start(engine.queue().clone(), kinds, AT_ONCE, move |job, lease| perform(working.clone(), job, lease))
}

async fn perform(engine: Engine, job: Job, lease: Lease) -> Result<(), JobError> {
    match job {
        Job::SendMail(mail) => engine.outbox().send(&mail, lease.idempotency_key()).await,
    }
}
