//! Where mails wait until they are sent.

use std::sync::Arc;

use crate::clock::Clock;
use crate::database::{DatabaseError, Transaction};
use crate::ids::{JobId, WorkspaceId};
use crate::jobs::{Job, JobError, NewJob, Queue};
use crate::mail::{Mail, MailError, Mailer};

/// Posts mails, and sends those that were posted; cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    mailer: Option<Arc<Mailer>>,
    queue: Queue,
    clock: Clock,
}

/// What became of a mail that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is sent by this job.
    Queued(JobId),
    /// This installation sends no mail: there is none, and there will be none.
    Off,
}

impl Outbox {
    /// An outbox whose mails wait in `queue` for `mailer`; without one, mail is off.
    #[must_use]
    pub fn new(mailer: Option<Mailer>, queue: Queue, clock: Clock) -> Self {
        Self { mailer: mailer.map(Arc::new), queue, clock }
    }

    /// Whether this installation sends mail.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.mailer.is_some()
    }

    /// Posts `mail` when `transaction` is committed; then [`Queue::wake`] has it sent at once. The same `idempotency_key` twice is the
    /// same mail: it says what the mail is about, such as `password_reset/` and the token's id, and no secret.
    ///
    /// # Errors
    /// As any statement.
    pub async fn post(
        &self,
        transaction: &mut Transaction,
        mail: Mail,
        idempotency_key: &str,
        workspace: Option<WorkspaceId>,
    ) -> Result<Posted, DatabaseError> {
        if !self.is_on() {
            return Ok(Posted::Off);
        }
        let job = Job::SendMail(mail);
        let run_at_ms = self.clock.now_ms();
        let new = NewJob { job: &job, workspace, run_at_ms, idempotency_key: Some(idempotency_key) };
        Ok(Posted::Queued(self.queue.add(transaction, &new).await?.id))
    }

    /// Sends a mail that was posted.
    ///
    /// # Errors
    /// [`JobError::Retry`] when the server is away or refuses it for now, [`JobError::Permanent`] when it refuses it for good.
    pub async fn send(&self, mail: &Mail, idempotency_key: &str) -> Result<(), JobError> {
        let Some(mailer) = &self.mailer else {
            // Workers of a process without one take no mail, so this is said to nobody but a caller of its own.
            return Err(JobError::Retry("this process sends no mail: SMTP_HOST is not set".to_owned()));
        };
        mailer.send(mail, idempotency_key, self.clock.now_ms()).await.map_err(|error| match error {
            MailError::Later(why) => JobError::Retry(why),
            MailError::Never(why) => JobError::Permanent(why),
        })
    }
}
