//! What is to be done with a draft, and how sure that is.

use crate::answer::confidence::Judged;
use crate::answer::contradiction::{self, Contradiction};
use crate::answer::decide::{self, Decision, Doubts, Reason};
use crate::answer::evidence::{self, Evidence};
use crate::answer::features::Features;
use crate::answer::{Circumstances, Draft, ModelTrace, clarify};

/// A decision about a draft.
#[derive(Debug)]
pub(super) struct Verdict {
    pub decision: Decision,
    /// What the question can mean, where the customer should be asked.
    pub options: Option<[String; 2]>,
    pub contradiction: Option<Contradiction>,
    pub judged: Judged,
}

impl Verdict {
    /// The decision about `draft`, which `generator` made, by that name, and `wrote`, where it is a language model.
    pub fn of(
        circumstances: &Circumstances<'_>,
        evidence: &Evidence,
        draft: &Draft,
        doubts: Doubts,
        generator: &str,
        wrote: Option<&ModelTrace>,
    ) -> Self {
        let Circumstances { engine, settings, conversation, .. } = circumstances;
        let bm25 = engine.bm25();
        let calibration = settings.in_force(engine, generator).calibration();
        let judged = calibration.judge(&Features::of(bm25, evidence, draft, wrote));
        let mut decision = decide::decide(draft, doubts, judged.confidence, settings.threshold(calibration));
        let mut contradiction = None;
        match decision {
            Decision::Answered => {
                contradiction = contradiction::of(bm25, evidence, draft);
                if contradiction.is_some() {
                    decision = Decision::Escalated(Reason::Contradiction);
                }
            }
            Decision::Escalated(reason)
                if reason != Reason::BlockedByProvider
                    && evidence::is_in_other_language(&evidence.question, &evidence.found.passages) =>
            {
                decision = Decision::Escalated(Reason::OtherLanguage);
            }
            _ => (),
        }
        let options = clarify::readings(bm25, evidence, decision, judged.confidence, conversation);
        Self { decision, options, contradiction, judged }
    }

    /// Whether the draft is sent as it is.
    pub fn is_answered(&self) -> bool {
        self.decision == Decision::Answered && self.options.is_none()
    }
}
