//! A draft that the customer hears sentence by sentence while a language model writes it.
//!
//! The decision to answer is made as soon as what is written so far is good enough to be sent, and from then on each sentence is heard
//! that holds and with which the draft would still be sent. Nothing is taken back.

use std::time::{Duration, Instant};

use crate::answer::decide::{Doubts, Reason};
use crate::answer::discretion::Discretion;
use crate::answer::evidence::Evidence;
use crate::answer::grounded::{self, CheckedSentence, Claim, Fault, ReplySentence};
use crate::answer::listener::Heard;
use crate::answer::opinions;
use crate::answer::partial::Partial;
use crate::answer::verdict::Verdict;
use crate::answer::{Circumstances, Draft, ModelTrace, generate, orders};
use crate::inference::Writing;
use crate::telemetry::{Stage, Stages};

/// What is known of an answer while it is written.
pub(super) struct Growing<'a> {
    pub circumstances: &'a Circumstances<'a>,
    pub evidence: &'a Evidence,
    pub discretion: &'a Discretion,
    /// What drafts, by the name that calibrations have for it.
    pub generator: String,
    /// What the model has done so far.
    pub trace: ModelTrace,
    /// What was heard, or waits for the decision to answer.
    pub draft: Draft,
    /// The decision, where it was made: then the draft was heard.
    pub verdict: Option<Verdict>,
    partial: Partial,
    sentences: usize,
    waiting: Vec<Heard>,
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
            verdict: None,
            partial: Partial::default(),
            sentences: 0,
            waiting: Vec::new(),
        }
    }

    /// Follows what is written to its end.
    pub async fn follow(&mut self, writing: &mut Writing<'_>, stages: &mut Stages) {
        let (mut wrote, mut checked) = (Duration::ZERO, Duration::ZERO);
        let mut attempt = 0;
        loop {
            let began = Instant::now();
            let is_more = writing.more().await;
            wrote += began.elapsed();
            if !is_more {
                break;
            }
            // What is heard is not written anew, so nothing of the attempt before was.
            if writing.attempt() != attempt {
                attempt = writing.attempt();
                *self = Self::new(
                    self.circumstances,
                    self.evidence,
                    self.discretion,
                    std::mem::take(&mut self.generator),
                    ModelTrace { sentences: Vec::new(), ..self.trace.clone() },
                );
            }
            let began = Instant::now();
            for sentence in self.partial.read(writing.text()) {
                self.add(sentence).await;
            }
            if self.verdict.is_some() {
                writing.keep();
            }
            checked += began.elapsed();
        }
        stages.note(Stage::Generate, wrote);
        stages.note(Stage::Verify, checked);
    }

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
        let (opinions, checker) =
            opinions::ask(self.circumstances.engine, self.evidence, std::slice::from_ref(&claim)).await;
        let opinion = opinions.into_iter().next().unwrap_or_default();
        self.trace.checker = checker.or(self.trace.checker.take());
        let checked = claim.check(&orders::asked(&self.evidence.question), &opinion);
        let holds = checked.fault.is_none();
        self.trace.sentences.push(checked.clone());
        if holds {
            self.say(&checked);
        }
    }

    /// Has a sentence that holds heard where the draft with it is good enough to be sent.
    fn say(&mut self, sentence: &CheckedSentence) {
        let bm25 = self.circumstances.engine.bm25();
        let mut draft = self.draft.clone();
        grounded::say(&mut draft, bm25, sentence, self.evidence);
        let heard = Heard::Sentence {
            text: draft.text[self.draft.text.len()..].to_owned(),
            citations: draft.citations[self.draft.citations.len()..].to_vec(),
        };
        let verdict = self.verdict_of(&draft);
        match verdict {
            None if self.verdict.is_some() => {
                // It was pushed a moment ago.
                if let Some(last) = self.trace.sentences.last_mut() {
                    last.fault = Some(Fault::Unsure);
                }
            }
            None => {
                self.draft = draft;
                self.waiting.push(heard);
            }
            Some(verdict) => {
                self.draft = draft;
                self.verdict = Some(verdict);
                for heard in self.waiting.drain(..).chain(std::iter::once(heard)) {
                    self.circumstances.listener.hear(heard);
                }
            }
        }
    }

    /// The decision about `draft`, where it is to send it.
    fn verdict_of(&self, draft: &Draft) -> Option<Verdict> {
        let needs_person = generate::needs_person(self.trace.sufficiency?, &self.trace.sentences, draft);
        let doubts = Doubts { needs_person, when_unsure: Reason::LowConfidence };
        let verdict = Verdict::of(self.circumstances, self.evidence, draft, doubts, &self.generator, Some(&self.trace));
        verdict.is_answered().then_some(verdict)
    }
}
