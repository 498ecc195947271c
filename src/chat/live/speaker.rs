//! The end at which an answer is given: it takes the turn and says what happens meanwhile.

use std::pin::pin;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use tokio::sync::watch;

use crate::answer::Citation;
use crate::answer::listener::{Heard, Listener};
use crate::chat::live::{Event, Log};
use crate::chat::turn::{self, Incoming, TurnError};
use crate::engine::Engine;
use crate::people::Caller;
use crate::telemetry;

/// One answer as far as it was told. Dropped before its end, it says that the turn is lost.
pub(super) struct Speaker {
    log: watch::Sender<Log>,
    /// When the question came.
    began: Instant,
    words: String,
    citations: usize,
}

impl Speaker {
    /// Nothing was told yet.
    pub fn new(log: watch::Sender<Log>, began: Instant) -> Self {
        Self { log, began, words: String::new(), citations: 0 }
    }

    /// Takes the turn, and says what happens meanwhile.
    pub async fn take(mut self, engine: Engine, caller: Caller, incoming: Incoming) {
        self.push(Event::Reading);
        let (listener, mut heard) = Listener::new();
        let mut taking = pin!(turn::take(&engine, &caller, incoming, &listener));
        let mut limit = pin!(tokio::time::sleep(Duration::from_secs(engine.config().request_seconds_max)));
        let taken = loop {
            tokio::select! {
                // What was heard comes before what came of it.
                biased;
                Some(heard) = heard.recv() => self.tell(heard),
                taken = &mut taking => break taken,
                // Whose words were heard, that turn is stored too; how long a model may write has a limit of its own.
                () = &mut limit, if self.words.is_empty() => break Err(TurnError::Timeout),
            }
        };
        while let Ok(heard) = heard.try_recv() {
            self.tell(heard);
        }
        match taken {
            Ok(given) => {
                let citations = given.turn.citations.get(self.citations..).unwrap_or_default().to_vec();
                if let Some(rest) = given.turn.text.strip_prefix(&self.words) {
                    self.say(rest.to_owned(), citations);
                } else {
                    tracing::error!("an answer was stored that does not begin with what was heard of it");
                }
                self.end(Event::Given(Box::new(given)));
            }
            Err(error) => self.end(Event::Failed(error)),
        }
    }

    fn tell(&mut self, heard: Heard) {
        match heard {
            Heard::Searching => self.push(Event::Searching),
            Heard::Writing => self.push(Event::Writing),
            Heard::Words { text, citations } => self.say(text, citations),
        }
    }

    /// Words that were not said yet, behind what only they stand on.
    pub fn say(&mut self, words: String, citations: Vec<Citation>) {
        for citation in citations {
            self.push(Event::Citation { index: self.citations, citation });
            self.citations += 1;
        }
        if !words.is_empty() {
            if self.words.is_empty() {
                histogram!(telemetry::ANSWER_FIRST_TOKEN).record(self.began.elapsed().as_secs_f64());
            }
            self.words.push_str(&words);
            self.push(Event::Words(words));
        }
    }

    fn push(&self, event: Event) {
        self.log.send_modify(|log| log.events.push(event.into()));
    }

    fn end(&self, event: Event) {
        if let Event::Failed(error) = &event {
            // The answer has begun with 200, and nobody may be there to be told.
            counter!(telemetry::STREAMS_FAILED).increment(1);
            tracing::error!(%error, "a turn failed whose answer was to be heard");
        }
        self.log.send_modify(|log| {
            log.events.push(event.into());
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
