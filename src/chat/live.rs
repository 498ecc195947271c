//! Answers that are given at the moment, and those of a moment ago: what was said of each so far, for whoever listens or comes back.
//!
//! A turn runs by itself: nothing of it depends on whether anybody still listens, or how fast.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::answer::Citation;
use crate::answer::listener::{Heard, Listener};
use crate::chat::SessionName;
use crate::chat::turn::{self, Given, Incoming, TurnError};
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
    by_id: HashMap<String, Stream>,
    /// In the order in which they began.
    order: VecDeque<String>,
}

struct Stream {
    workspace: WorkspaceId,
    session: SessionName,
    message: String,
    log: watch::Receiver<Log>,
}

#[derive(Default)]
struct Log {
    events: Vec<Arc<Event>>,
    ended: Option<Instant>,
}

/// Too many answers are given at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{STREAMS_MAX} answers are given at once")]
pub struct TooMany;

/// The place of an event, as a client names it to go on behind it: `STREAM.NUMBER`. Who knows it may hear the answer, so it is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    stream: String,
    events: usize,
}

/// Somebody who listens.
pub struct Following {
    place: Place,
    log: watch::Receiver<Log>,
}

/// The end at which an answer is given.
struct Speaker {
    log: watch::Sender<Log>,
    words: String,
    citations: usize,
}

impl Live {
    /// Begins a turn and follows it.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn begin(&self, engine: &Engine, caller: Caller, incoming: Incoming) -> Result<Following, TooMany> {
        let (log, following) = watch::channel(Log::default());
        let stream = Stream {
            workspace: caller.workspace,
            session: incoming.admission.name().clone(),
            message: incoming.question.as_str().to_owned(),
            log: following.clone(),
        };
        let id = BASE64_URL_SAFE_NO_PAD.encode(engine.ids().secret());
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).add(id.clone(), stream, Instant::now())?;
        let speaker = Speaker { log, words: String::new(), citations: 0 };
        self.running.spawn(speaker.take(engine.clone(), caller, incoming));
        Ok(Following { place: Place { stream: id, events: 0 }, log: following })
    }

    /// Follows, behind `place`, the answer to `message` in a session of `workspace`; `None` where no such answer is given or kept.
    #[must_use]
    pub fn resume(
        &self,
        workspace: WorkspaceId,
        session: &SessionName,
        message: &str,
        place: Place,
    ) -> Option<Following> {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = streams.by_id.get(&place.stream)?;
        let is_it = stream.workspace == workspace && stream.session == *session && stream.message == message;
        is_it.then(|| Following { place, log: stream.log.clone() })
    }

    /// Waits until every turn that has begun is stored. None may begin after that.
    pub async fn ended(&self) {
        self.running.close();
        self.running.wait().await;
    }
}

impl Streams {
    fn add(&mut self, id: String, stream: Stream, now: Instant) -> Result<(), TooMany> {
        while let Some(first) = self.order.front() {
            let ended = self.by_id.get(first).and_then(|stream| stream.log.borrow().ended);
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
        self.by_id.insert(id, stream);
        Ok(())
    }
}

impl Speaker {
    /// Takes the turn, and says what happens meanwhile.
    async fn take(mut self, engine: Engine, caller: Caller, incoming: Incoming) {
        let limit = Duration::from_secs(engine.config().request_seconds_max);
        let (listener, mut heard) = Listener::new();
        let taking = async {
            let taken = tokio::time::timeout(limit, turn::take(&engine, &caller, incoming, &listener)).await;
            drop(listener);
            taken.unwrap_or(Err(TurnError::Timeout))
        };
        let telling = async {
            while let Some(heard) = heard.recv().await {
                self.tell(heard);
            }
        };
        let (taken, ()) = tokio::join!(taking, telling);
        match taken {
            Ok(given) => {
                let rest = given.turn.text.strip_prefix(&self.words).unwrap_or_default().to_owned();
                let citations = given.turn.citations.get(self.citations..).unwrap_or_default().to_vec();
                self.say(rest, citations);
                self.end(Event::Given(Box::new(given)));
            }
            Err(error) => self.end(Event::Failed(error)),
        }
    }

    fn tell(&mut self, heard: Heard) {
        match heard {
            Heard::Searching => self.push(Event::Searching),
            Heard::Writing => self.push(Event::Writing),
            Heard::Sentence { text, citations } => self.say(text, citations),
        }
    }

    fn say(&mut self, words: String, citations: Vec<Citation>) {
        for citation in citations {
            self.push(Event::Citation { index: self.citations, citation });
            self.citations += 1;
        }
        if !words.is_empty() {
            self.words.push_str(&words);
            self.push(Event::Words(words));
        }
    }

    fn push(&self, event: Event) {
        self.log.send_modify(|log| log.events.push(Arc::new(event)));
    }

    fn end(&self, event: Event) {
        self.log.send_modify(|log| {
            log.events.push(Arc::new(event));
            log.ended = Some(Instant::now());
        });
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        if self.log.borrow().ended.is_none() {
            self.end(Event::Failed(TurnError::Lost));
        }
    }
}

impl Following {
    /// Waits for the next event and gives it with its place; `None` after the last.
    pub async fn next(&mut self) -> Option<(Place, Arc<Event>)> {
        let at = self.place.events;
        // Where nobody speaks any more, what was said is all.
        let _ = self.log.wait_for(|log| log.events.len() > at || log.ended.is_some()).await;
        let event = self.log.borrow().events.get(at).cloned()?;
        self.place.events += 1;
        Some((self.place.clone(), event))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.stream, self.events)
    }
}

/// Not the place of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no event has this id")]
pub struct BadPlace;

impl std::str::FromStr for Place {
    type Err = BadPlace;

    fn from_str(text: &str) -> Result<Self, BadPlace> {
        let (stream, events) = text.split_once('.').ok_or(BadPlace)?;
        Ok(Self { stream: stream.to_owned(), events: events.parse().map_err(|_| BadPlace)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    fn stream() -> (Stream, watch::Sender<Log>) {
        let (sender, log) = watch::channel(Log::default());
        let workspace = WorkspaceId::new(&Ids::counted(), 1);
        (Stream { workspace, session: "visitor".parse().unwrap(), message: "Why?".into(), log }, sender)
    }

    fn following(log: &watch::Sender<Log>) -> Following {
        Following { place: "stream.0".parse().unwrap(), log: log.subscribe() }
    }

    fn words(event: &Event) -> &str {
        match event {
            Event::Words(words) => words,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn who_comes_late_hears_all_and_a_turn_that_is_lost_has_an_end() {
        let (_, log) = stream();
        let mut early = following(&log);
        let mut speaker = Speaker { log, words: String::new(), citations: 0 };
        let mut late = following(&speaker.log);
        speaker.say("One.".into(), Vec::new());
        assert_eq!(words(&early.next().await.unwrap().1), "One.");
        speaker.say(" Two.".into(), Vec::new());
        assert_eq!(speaker.words, "One. Two.");
        drop(speaker);
        for expected in ["One.", " Two."] {
            assert_eq!(words(&late.next().await.unwrap().1), expected);
        }
        let (place, event) = late.next().await.unwrap();
        assert_eq!(place.to_string(), "stream.3");
        assert!(matches!(*event, Event::Failed(TurnError::Lost)), "{event:?}");
        assert!(late.next().await.is_none());
    }

    #[test]
    fn what_ended_is_kept_for_a_while_and_what_runs_as_long_as_it_does() {
        let mut streams = Streams::default();
        let (first, log) = stream();
        let began = Instant::now();
        let mut add = |id: &str, stream: Stream, after: Duration| {
            streams.add(id.into(), stream, began + after).unwrap();
            streams.by_id.contains_key("first")
        };
        add("first", first, Duration::ZERO);
        assert!(add("second", stream().0, 2 * KEPT_FOR), "it runs");
        log.send_modify(|log| log.ended = Some(began + 2 * KEPT_FOR));
        assert!(add("third", stream().0, 2 * KEPT_FOR), "somebody may come back");
        assert!(!add("fourth", stream().0, 3 * KEPT_FOR));
    }

    #[test]
    fn there_are_never_too_many() {
        let mut streams = Streams::default();
        let (first, log) = stream();
        let now = Instant::now();
        streams.add("first".into(), first, now).unwrap();
        for number in 1..STREAMS_MAX {
            streams.add(number.to_string(), stream().0, now).unwrap();
        }
        assert_eq!(streams.add("more".into(), stream().0, now), Err(TooMany));
        log.send_modify(|log| log.ended = Some(now));
        streams.add("more".into(), stream().0, now).unwrap();
        assert_eq!(streams.by_id.len(), STREAMS_MAX);
        assert!(!streams.by_id.contains_key("first"));
    }

    #[test]
    fn a_place_is_read_back() {
        let place = Place { stream: "a-b_c".into(), events: 7 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "a", "a.", "a.-1", ".x"] {
            assert_eq!(text.parse::<Place>(), Err(BadPlace), "{text}");
        }
    }
}
