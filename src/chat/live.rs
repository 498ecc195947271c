//! Answers that are given at the moment, and those of a moment ago: what was said of each so far, for whoever listens or comes back.
//!
//! A turn runs by itself: nothing of it depends on whether anybody still listens, or how fast.

mod speaker;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::answer::Citation;
use crate::chat::SessionName;
use crate::chat::live::speaker::Speaker;
use crate::chat::turn::{Given, Incoming, TurnError};
use crate::engine::Engine;
use crate::ids::WorkspaceId;
use crate::people::Caller;

/// How long what was said is kept after its end, for who comes back.
const KEPT_FOR: Duration = Duration::from_secs(300);
/// Answers that are given or kept at once. Where there are more, what ended first is forgotten first.
const STREAMS_MAX: usize = 10_000;

/// What happens while an answer is given.
#[derive(Debug)]
pub enum Event {
    /// The message has arrived.
    Reading,
    /// Articles are searched.
    Searching,
    /// A language model writes.
    Writing,
    /// What the words that follow stand on.
    Citation {
        /// Which of the answer's, from 0.
        index: usize,
        /// It.
        citation: Citation,
    },
    /// Some words of the answer; all of them together are the answer.
    Words(String),
    /// It is whole, and stored.
    Given(Box<Given>),
    /// There is none.
    Failed(TurnError),
}

/// All answers that are given or kept; cheap to clone.
#[derive(Clone, Default)]
pub struct Live {
    streams: Arc<Mutex<Streams>>,
    running: TaskTracker,
}

#[derive(Default)]
struct Streams {
    by_id: HashMap<String, Told>,
    /// In the order in which they began.
    order: VecDeque<String>,
}

/// What is known of one answer.
struct Told {
    workspace: WorkspaceId,
    session: SessionName,
    message: String,
    log: watch::Receiver<Log>,
}

/// All events of an answer so far.
#[derive(Default)]
struct Log {
    events: Vec<Arc<Event>>,
    ended: Option<Instant>,
}

/// Too many answers are given at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{STREAMS_MAX} answers are given at once")]
pub struct TooMany;

/// An event's id, as a client names it to go on behind it: `STREAM.NUMBER`. Who knows it may hear the answer, so it is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct EventId {
    stream: String,
    /// How many events there are up to it.
    events: usize,
}

/// Somebody who listens.
pub struct Following {
    last: EventId,
    log: watch::Receiver<Log>,
}

impl Live {
    /// Begins a turn and follows it.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn begin(&self, engine: &Engine, caller: Caller, incoming: Incoming) -> Result<Following, TooMany> {
        let (log, following) = watch::channel(Log::default());
        let told = Told {
            workspace: caller.workspace,
            session: incoming.admission.name().clone(),
            message: incoming.question.as_str().to_owned(),
            log: following.clone(),
        };
        let id = BASE64_URL_SAFE_NO_PAD.encode(engine.ids().secret());
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).add(id.clone(), told, Instant::now())?;
        self.running.spawn(Speaker::new(log, incoming.began).take(engine.clone(), caller, incoming));
        Ok(Following { last: EventId { stream: id, events: 0 }, log: following })
    }

    /// Follows, behind the event `last`, the answer to `message` in a session of `workspace`; `None` where no such answer is given or kept.
    #[must_use]
    pub fn resume(
        &self,
        workspace: WorkspaceId,
        session: &SessionName,
        message: &str,
        last: EventId,
    ) -> Option<Following> {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let told = streams.by_id.get(&last.stream)?;
        let is_it = told.workspace == workspace && told.session == *session && told.message == message;
        is_it.then(|| Following { last, log: told.log.clone() })
    }

    /// Waits until every turn that has begun is stored. None may begin after that.
    pub async fn ended(&self) {
        self.running.close();
        self.running.wait().await;
    }
}

impl Streams {
    fn add(&mut self, id: String, told: Told, now: Instant) -> Result<(), TooMany> {
        while let Some(first) = self.order.front() {
            let ended = self.by_id.get(first).and_then(|told| told.log.borrow().ended);
            let is_full = self.order.len() >= STREAMS_MAX;
            let is_forgotten = ended.is_some_and(|ended| is_full || now.saturating_duration_since(ended) >= KEPT_FOR);
            if !is_forgotten {
                break;
            }
            if let Some(first) = self.order.pop_front() {
                self.by_id.remove(&first);
            }
        }
        if self.order.len() >= STREAMS_MAX {
            return Err(TooMany);
        }
        self.order.push_back(id.clone());
        self.by_id.insert(id, told);
        Ok(())
    }
}

impl Following {
    /// Waits for the next event and gives it with its id; `None` after the last.
    pub async fn next(&mut self) -> Option<(EventId, Arc<Event>)> {
        let at = self.last.events;
        // Where nobody speaks any more, what was said is all.
        let _ = self.log.wait_for(|log| log.events.len() > at || log.ended.is_some()).await;
        let event = self.log.borrow().events.get(at).cloned()?;
        self.last.events += 1;
        Some((self.last.clone(), event))
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.stream, self.events)
    }
}

/// Not an event's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no event has this id")]
pub struct BadEventId;

impl std::str::FromStr for EventId {
    type Err = BadEventId;

    fn from_str(text: &str) -> Result<Self, BadEventId> {
        let (stream, events) = text.split_once('.').ok_or(BadEventId)?;
        Ok(Self { stream: stream.to_owned(), events: events.parse().map_err(|_| BadEventId)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    fn told() -> (Told, watch::Sender<Log>) {
        let (sender, log) = watch::channel(Log::default());
        let workspace = WorkspaceId::new(&Ids::counted(), 1);
        (Told { workspace, session: "visitor".parse().unwrap(), message: "Why?".into(), log }, sender)
    }

    fn following(log: &watch::Sender<Log>) -> Following {
        Following { last: "stream.0".parse().unwrap(), log: log.subscribe() }
    }

    fn words(event: &Event) -> &str {
        match event {
            Event::Words(words) => words,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn who_comes_late_hears_all_and_a_turn_that_is_lost_has_an_end() {
        let (_, log) = told();
        let mut early = following(&log);
        let mut late = following(&log);
        let mut speaker = Speaker::new(log, Instant::now());
        speaker.say("One.".into(), Vec::new());
        assert_eq!(words(&early.next().await.unwrap().1), "One.");
        speaker.say(" Two.".into(), Vec::new());
        drop(speaker);
        for expected in ["One.", " Two."] {
            assert_eq!(words(&late.next().await.unwrap().1), expected);
        }
        let (id, event) = late.next().await.unwrap();
        assert_eq!(id.to_string(), "stream.3");
        assert!(matches!(*event, Event::Failed(TurnError::Lost)), "{event:?}");
        assert!(late.next().await.is_none());
    }

    #[test]
    fn what_ended_is_kept_for_a_while_and_what_runs_as_long_as_it_does() {
        let mut streams = Streams::default();
        let (first, log) = told();
        let began = Instant::now();
        let mut add = |id: &str, told: Told, after: Duration| {
            streams.add(id.into(), told, began + after).unwrap();
            streams.by_id.contains_key("first")
        };
        add("first", first, Duration::ZERO);
        assert!(add("second", told().0, 2 * KEPT_FOR), "it runs");
        log.send_modify(|log| log.ended = Some(began + 2 * KEPT_FOR));
        assert!(add("third", told().0, 2 * KEPT_FOR), "somebody may come back");
        assert!(!add("fourth", told().0, 3 * KEPT_FOR));
    }

    #[test]
    fn there_are_never_too_many() {
        let mut streams = Streams::default();
        let (first, log) = told();
        let now = Instant::now();
        streams.add("first".into(), first, now).unwrap();
        for number in 1..STREAMS_MAX {
            streams.add(number.to_string(), told().0, now).unwrap();
        }
        assert_eq!(streams.add("more".into(), told().0, now), Err(TooMany));
        log.send_modify(|log| log.ended = Some(now));
        streams.add("more".into(), told().0, now).unwrap();
        assert_eq!(streams.by_id.len(), STREAMS_MAX);
        assert!(!streams.by_id.contains_key("first"));
    }

    #[test]
    fn an_id_is_read_back() {
        let id: EventId = "a-b_c.7".parse().unwrap();
        assert_eq!((id.to_string().as_str(), id.events), ("a-b_c.7", 7));
        for text in ["", "a", "a.", "a.-1", ".x"] {
            assert_eq!(text.parse::<EventId>().err(), Some(BadEventId), "{text}");
        }
    }
}
