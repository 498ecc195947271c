//! A draft that the customer hears sentence by sentence while a language model writes it.
//!
//! What is written so far is judged with each sentence that holds. As soon as it is good enough to be sent it is heard, and so is each
//! time what was added since. Nothing is taken back; the decision about the whole is made as about any other draft.

use std::time::{Duration, Instant};

use crate::answer::decide::{Doubts, Reason};
use crate::answer::discretion::Discretion;
use crate::answer::evidence::Evidence;
use crate::answer::grounded::{self, CheckedSentence, Claim, ReplySentence};
use crate::answer::listener::Heard;
use crate::answer::opinions;
use crate::answer::partial::Partial;
use crate::answer::verdict::Verdict;
use crate::answer::{Circumstances, Draft, ModelTrace, generate, orders};
use crate::inference::Writing;
use crate::telemetry::{Stage, Stages};

/// How long a checker may think about all sentences of an answer; those after that are checked without it, as where it fails.
const CHECKER_BUDGET: Duration = Duration::from_secs(5);

/// What is known of an answer while it is written.
pub(super) struct Growing<'a> {
    circumstances: &'a Circumstances<'a>,
    evidence: &'a Evidence,
    discretion: &'a Discretion,
    /// What drafts, by the name that calibrations have for it.
    generator: String,
    /// What the model says of itself and its sentences so far.
    pub trace: ModelTrace,
    /// All sentences that hold.
    pub draft: Draft,
    /// As much of it as was heard.
    pub heard: Draft,
    /// Sentences that were read, those that say nothing included.
    pub sentences: usize,
    partial: Partial,
    checked: Duration,
}

impl<'a> Growing<'a> {
    /// Nothing yet.
    pub fn new(
        circumstances: &'a Circumstances<'a>,
        evidence: &'a Evidence,
        discretion: &'a Discretion,
        generator: String,
        trace: ModelTrace,
    ) -> Self {
        Self {
            circumstances,
            evidence,
            discretion,
            generator,
            trace,
            draft: Draft::default(),
            heard: Draft::default(),
            sentences: 0,
            partial: Partial::default(),
            checked: Duration::ZERO,
        }
    }

    /// Follows what is written to its end.
    pub async fn follow(&mut self, writing: &mut Writing<'_>, stages: &mut Stages) {
        let mut wrote = Duration::ZERO;
        let mut attempt = 0;
        loop {
            let began = Instant::now();
            let is_more = writing.more().await;
            wrote += began.elapsed();
            if !is_more {
                break;
            }
            // What was heard is not begun anew, so of the attempt before nothing was.
            if writing.attempt() != attempt {
                attempt = writing.attempt();
                self.begin_anew();
            }
            let began = Instant::now();
            for sentence in self.partial.read(writing.text()) {
                // After each, since one piece may bring many.
                let began = Instant::now();
                self.add(sentence).await;
                self.checked += began.elapsed();
            }
            if self.is_heard() {
                writing.keep();
            }
            // The time is the model's, not the check's.
            writing.extend(began.elapsed());
        }
        stages.note(Stage::Generate, wrote);
        stages.note(Stage::Verify, self.checked);
    }

    /// Whether the customer has heard something of it.
    pub fn is_heard(&self) -> bool {
        !self.heard.text.is_empty()
    }

    fn begin_anew(&mut self) {
        self.trace.sentences.clear();
        self.draft = Draft::default();
        self.sentences = 0;
        self.partial = Partial::default();
    }

    /// Checks a sentence, and has the draft heard where it is good enough with it.
    async fn add(&mut self, sentence: ReplySentence) {
        let place = self.sentences;
        self.sentences += 1;
        if let Some(head) = self.partial.head() {
            self.trace.sufficiency = head.sufficiency;
            self.trace.stated_confidence = head.stated_confidence();
        }
        let sentence = sentence.told_by(self.discretion);
        let claim = Claim::read(place, &sentence, &self.evidence.found.passages);
        let Some(claim) = claim.filter(|_| place < grounded::SENTENCES_MAX) else { return };
        let checked = self.check(claim).await;
        let holds = checked.fault.is_none();
        if holds {
            grounded::say(&mut self.draft, self.circumstances.engine.bm25(), &checked, self.evidence);
        }
        self.trace.sentences.push(checked);
        if holds && self.is_good_enough() {
            self.hear();
        }
    }

    async fn check(&mut self, claim: Claim) -> CheckedSentence {
        let engine = self.circumstances.engine;
        let checker = engine.checker().filter(|_| self.checked < CHECKER_BUDGET);
        let (opinions, asked) = opinions::ask(engine, self.evidence, checker, std::slice::from_ref(&claim)).await;
        self.trace.checker = asked.or(self.trace.checker.take());
        let opinion = opinions.into_iter().next().unwrap_or_default();
        claim.check(&orders::asked(&self.evidence.question), &opinion)
    }

    /// Whether the draft would be sent as it is.
    fn is_good_enough(&self) -> bool {
        let Some(sufficiency) = self.trace.sufficiency else { return false };
        let needs_person = generate::needs_person(sufficiency, &self.trace.sentences, &self.draft);
        let doubts = Doubts { needs_person, when_unsure: Reason::LowConfidence };
        let (generator, trace) = (&self.generator, Some(&self.trace));
        Verdict::of(self.circumstances, self.evidence, &self.draft, doubts, generator, trace).is_answered()
    }

    /// Has what is new in the draft heard.
    fn hear(&mut self) {
        self.circumstances.listener.hear(Heard::Words {
            text: self.draft.text[self.heard.text.len()..].to_owned(),
            citations: self.draft.citations[self.heard.citations.len()..].to_vec(),
        });
        self.heard = self.draft.clone();
    }
}
