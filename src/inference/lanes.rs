//! A lane: threads with one model session each, and a bounded queue before them.

use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use fastembed::TextEmbedding;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::inference::InferenceError;

/// How much the bulk lane's threads yield to all others (`nice`): a question that arrives runs first.
#[cfg(target_os = "linux")]
const BULK_NICENESS: i32 = 15;

/// Threads that embed; they end when the lane is dropped.
pub(super) struct Lane {
    queue: Sender<Work>,
    places: Arc<Semaphore>,
    /// What the threads share, as long as one of them lives.
    work: Weak<Mutex<Receiver<Work>>>,
}

struct Work {
    text: String,
    reply: oneshot::Sender<Result<Vec<f32>, InferenceError>>,
    /// The place in the queue, free again when the work is done.
    place: OwnedSemaphorePermit,
}

/// A vector that is on its way.
pub(super) struct Pending(oneshot::Receiver<Result<Vec<f32>, InferenceError>>);

impl Pending {
    pub(super) async fn vector(self) -> Result<Vec<f32>, InferenceError> {
        self.0.await.map_err(|_| InferenceError::Failed("a model thread has ended".into()))?
    }
}

impl Lane {
    /// Starts one thread a model, with room for `queue_max` texts that wait.
    pub(super) fn start(
        name: &str,
        models: Vec<TextEmbedding>,
        queue_max: usize,
        yields: bool,
    ) -> Result<Self, InferenceError> {
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

    /// Embeds `text`, or says at once that too many wait.
    pub(super) async fn try_embed(&self, text: String) -> Result<Vec<f32>, InferenceError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| InferenceError::Overloaded)?;
        self.send(text, place)?.vector().await
    }

    /// Queues `text`, waiting for a place.
    pub(super) async fn queue(&self, text: String) -> Result<Pending, InferenceError> {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|error| InferenceError::Failed(error.to_string()))?;
        self.send(text, place)
    }

    fn send(&self, text: String, place: OwnedSemaphorePermit) -> Result<Pending, InferenceError> {
        let (reply, pending) = oneshot::channel();
        self.queue
            .send(Work { text, reply, place })
            .map_err(|_| InferenceError::Failed("all model threads have ended".into()))?;
        Ok(Pending(pending))
    }
}

/// Embeds what comes, one text at a time: no padding, and int8 vectors that do not depend on their neighbours.
fn serve(mut model: TextEmbedding, work: &Mutex<Receiver<Work>>, yields: bool) {
    if yields {
        yield_to_others();
    }
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Work { text, reply, place }) = next else { return };
        if reply.is_closed() {
            // Whoever asked has gone.
            continue;
        }
        let vector = model.embed([text], None).map_err(|error| InferenceError::Failed(error.to_string())).and_then(
            |mut vectors| vectors.pop().ok_or_else(|| InferenceError::Failed("the model gave no vector".into())),
        );
        drop(place);
        // Whoever asked may have gone in the meantime.
        let _ = reply.send(vector);
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
