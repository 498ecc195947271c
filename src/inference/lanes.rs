//! A lane: threads with one model session each, and a bounded queue before them.

use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::inference::InferenceError;

/// How much the bulk lane's threads yield to all others (`nice`): a question that arrives runs first.
#[cfg(target_os = "linux")]
const BULK_NICENESS: i32 = 15;

/// Threads that each ask a model `M`; they end when the lane is dropped.
pub(super) struct Lane<M> {
    queue: Sender<Work<M>>,
    places: Arc<Semaphore>,
    /// What the threads share, as long as one of them lives.
    work: Weak<Mutex<Receiver<Work<M>>>>,
}

/// Asks the model for what somebody wants and hands it over.
type Task<M> = Box<dyn FnOnce(&mut M) + Send>;

struct Work<M> {
    task: Task<M>,
    /// The place in the queue, free again when the work is done.
    place: OwnedSemaphorePermit,
}

/// Something of the model's that is on its way.
pub(super) struct Pending<T>(oneshot::Receiver<Result<T, InferenceError>>);

impl<T> Pending<T> {
    pub(super) async fn outcome(self) -> Result<T, InferenceError> {
        self.0.await.map_err(|_| InferenceError::Failed("a model thread has ended".into()))?
    }
}

impl<M: Send + 'static> Lane<M> {
    /// Starts one thread a model, with room for `queue_max` texts that wait.
    pub(super) fn start(name: &str, models: Vec<M>, queue_max: usize, yields: bool) -> Result<Self, InferenceError> {
        let places = Arc::new(Semaphore::new(queue_max + models.len()));
        let (queue, work) = std::sync::mpsc::channel();
        let work = Arc::new(Mutex::new(work));
        for model in models {
            let work = Arc::clone(&work);
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || serve(model, &work, yields))
                .map_err(|error| InferenceError::Failed(error.to_string()))?;
        }
        Ok(Self { queue, places, work: Arc::downgrade(&work) })
    }

    /// Whether a thread lives that takes work.
    pub(super) fn is_running(&self) -> bool {
        self.work.strong_count() > 0
    }

    /// Does `ask` on one of the lane's models, or says at once that too many wait.
    pub(super) async fn try_ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut M) -> Result<T, InferenceError> + Send + 'static,
    ) -> Result<T, InferenceError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| InferenceError::Overloaded)?;
        self.send(ask, place)?.outcome().await
    }

    /// Queues `ask`, waiting for a place.
    pub(super) async fn queue<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut M) -> Result<T, InferenceError> + Send + 'static,
    ) -> Result<Pending<T>, InferenceError> {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|error| InferenceError::Failed(error.to_string()))?;
        self.send(ask, place)
    }

    fn send<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut M) -> Result<T, InferenceError> + Send + 'static,
        place: OwnedSemaphorePermit,
    ) -> Result<Pending<T>, InferenceError> {
        let (reply, pending) = oneshot::channel();
        let task: Task<M> = Box::new(move |model| {
            // Whoever asked may have gone, before the work or while it was done.
            if !reply.is_closed() {
                let _ = reply.send(ask(model));
            }
        });
        self.queue
            .send(Work { task, place })
            .map_err(|_| InferenceError::Failed("all model threads have ended".into()))?;
        Ok(Pending(pending))
    }
}

/// Does what comes, one text at a time: no padding, and int8 vectors that do not depend on their neighbours.
fn serve<M>(mut model: M, work: &Mutex<Receiver<Work<M>>>, yields: bool) {
    if yields {
        yield_to_others();
    }
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Work { task, place }) = next else { return };
        task(&mut model);
        drop(place);
    }
}

#[cfg(target_os = "linux")]
fn yield_to_others() {
    // Without it ingestion still works, questions only wait longer.
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), BULK_NICENESS) {
        tracing::debug!(%error, "bulk threads keep their priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}
