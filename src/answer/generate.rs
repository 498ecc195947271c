//! Who drafts the answer: a language model where there is one, and the articles' own sentences where it fails.

use std::time::Duration;

use tokio::time::Instant;

use crate::answer::ResponseType;
use crate::answer::decide::{Doubts, Reason};
use crate::answer::discretion::Discretion;
use crate::answer::draft::Draft;
use crate::answer::evidence::Evidence;
use crate::answer::grounded::{self, CheckedSentence, Reply, Sufficiency};
use crate::answer::opinions::{self, CheckerTrace};
use crate::answer::settings::AnswerSettings;
use crate::answer::{extractive, prompt};
use crate::engine::Engine;
use crate::inference::{GenerateError, Generated as Written, Generator, Prompt, Usage};
use crate::search::Passage;
use crate::telemetry::{Stage, Stages};

/// A draft and how it came about.
#[derive(Debug)]
pub(super) struct Generated {
    pub draft: Draft,
    pub response_type: ResponseType,
    pub doubts: Doubts,
    /// What drafted it, by the name that calibrations have for it.
    pub generator: String,
    /// What the language model did that was asked last, where one was asked.
    pub model: Option<ModelTrace>,
    /// What those did that were asked before it, and failed.
    pub failed: Vec<ModelTrace>,
}

/// What a language model did for an answer.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelTrace {
    /// Who offers it; empty in traces from when there was one.
    #[serde(default)]
    pub provider: String,
    /// The model.
    pub model: String,
    /// The prompt's name.
    pub prompt: String,
    /// `ok`, or what went wrong.
    pub result: String,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Tokens that it used.
    pub usage: Usage,
    /// What that cost, in US dollars.
    pub cost_usd: f64,
    /// Attempts that it took.
    pub attempts: u32,
    /// Whether the passages answer the question, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sufficiency: Option<Sufficiency>,
    /// What is missing, as it says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub missing: String,
    /// How sure it says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated_confidence: Option<f64>,
    /// What became of asking the checker of its sentences, where the settings name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checker: Option<CheckerTrace>,
    /// Its sentences, with what became of each.
    pub sentences: Vec<CheckedSentence>,
}

/// What drafts are made with where a workspace has chosen nothing else, as reports name it.
#[must_use]
pub fn generator(engine: &Engine) -> String {
    generator_of(engine.generators().first())
}

/// What drafts are made with, by this model or by none.
pub(super) fn generator_of(model: Option<&Generator>) -> String {
    model.map_or_else(|| extractive::NAME.to_owned(), |model| format!("{}, {}", model.model(), prompt::NAME))
}

/// The part of the time that is left which a model may use when another stands behind it.
const SHARE_OF_FIRST: f64 = 0.6;

/// Drafts an answer from what was found: the first of the `generators` that does, else nobody. Where a provider will not speak about
/// it, none is asked after it.
pub(super) async fn generate(
    engine: &Engine,
    settings: &AnswerSettings,
    generators: &[Generator],
    evidence: &Evidence,
    stages: &mut Stages,
) -> Generated {
    let passages = &evidence.found.passages;
    // Nobody to ask, or nothing to answer from: no prompt is needed to see that, and making one takes milliseconds.
    if generators.is_empty() || passages.is_empty() {
        return Generated {
            draft: stages.time_sync(Stage::Generate, || extractive::draft(evidence)),
            response_type: ResponseType::Extractive,
            doubts: Doubts { needs_person: None, when_unsure: Reason::LowConfidence },
            generator: extractive::NAME.to_owned(),
            model: None,
            failed: Vec::new(),
        };
    }
    let mut when_unsure = Reason::LowConfidence;
    let mut needs_person = None;
    let mut failed: Vec<ModelTrace> = Vec::new();
    let tone = settings.system_prompt.as_deref();
    let of_passage =
        |passage: &Passage| [passage.title.clone(), passage.heading_path.join(" > "), passage.text.clone()];
    let offered: Vec<String> = passages.iter().flat_map(of_passage).collect();
    let leaving = std::iter::once(evidence.question.as_str()).chain(tone).chain(offered.iter().map(String::as_str));
    let discretion = Discretion::of(engine.config(), leaving);
    let prompt = prompt::prompt(&evidence.question, passages, tone, &discretion);
    let until = Instant::now() + Duration::from_secs(engine.config().generation_seconds_max);
    for (place, generator) in generators.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let budget = if place + 1 < generators.len() { left.mul_f64(SHARE_OF_FIRST) } else { left };
        let hurried = generator.clone().within(budget);
        let (mut trace, said) = stages.time(Stage::Generate, ask(&hurried, &prompt)).await;
        match said {
            Ok(reply) => {
                let reply = reply.told_by(&discretion);
                let (draft, needs_person) = check(engine, evidence, reply, &mut trace, stages).await;
                return Generated {
                    draft,
                    response_type: ResponseType::Ai,
                    doubts: Doubts { needs_person, when_unsure: Reason::LowConfidence },
                    generator: generator_of(Some(generator)),
                    model: Some(trace),
                    failed,
                };
            }
            Err(error) => {
                tracing::warn!(%error, model = generator.model(), "a language model did not answer");
                let is_over_quota = matches!(error, GenerateError::Quota(_));
                when_unsure = if is_over_quota { Reason::Quota } else { Reason::ProviderFailure };
                failed.push(trace);
                if matches!(error, GenerateError::Blocked(_)) {
                    needs_person = Some(Reason::BlockedByProvider);
                    break;
                }
            }
        }
    }
    let model = failed.pop();
    Generated {
        draft: stages.time_sync(Stage::Generate, || extractive::draft(evidence)),
        response_type: ResponseType::Fallback,
        doubts: Doubts { needs_person, when_unsure },
        generator: extractive::NAME.to_owned(),
        model,
        failed,
    }
}

/// What `generator` wrote, with what it did for that.
async fn ask(generator: &Generator, prompt: &Prompt) -> (ModelTrace, Result<Reply, GenerateError>) {
    let Written { said, usage, cost_usd, attempts } = generator.generate(prompt, grounded::read).await;
    let trace = ModelTrace {
        provider: generator.provider().name().to_owned(),
        model: generator.model().to_owned(),
        prompt: prompt::NAME.to_owned(),
        result: said.as_ref().map_or_else(GenerateError::result, |_| "ok").to_owned(),
        error: said.as_ref().err().map(ToString::to_string),
        usage,
        cost_usd,
        attempts,
        sufficiency: None,
        missing: String::new(),
        stated_confidence: None,
        checker: None,
        sentences: Vec::new(),
    };
    (trace, said)
}

/// The draft of the sentences of `reply` that hold, and why a person is needed whatever the confidence. The trace keeps what the model
/// says of itself, and each sentence.
async fn check(
    engine: &Engine,
    evidence: &Evidence,
    reply: Reply,
    trace: &mut ModelTrace,
    stages: &mut Stages,
) -> (Draft, Option<Reason>) {
    let claims = grounded::claims(&reply, &evidence.found.passages);
    let verifying = async {
        let (opinions, checker) = opinions::ask(engine, evidence, &claims).await;
        let (draft, sentences) = grounded::ground(engine.bm25(), claims, &opinions, evidence);
        (draft, sentences, checker)
    };
    let (draft, sentences, checker) = stages.time(Stage::Verify, verifying).await;
    let removed = sentences.iter().filter(|sentence| sentence.fault.is_some()).count();
    let needs_person = if reply.sufficiency == Sufficiency::Insufficient || sentences.is_empty() {
        Some(Reason::InsufficientEvidence)
    } else if draft.citations.is_empty() || 2 * removed > sentences.len() {
        Some(Reason::UnsupportedAnswer)
    } else {
        None
    };
    trace.sufficiency = Some(reply.sufficiency);
    trace.missing = reply.missing;
    trace.stated_confidence = reply.confidence.filter(|stated| (0.0..=1.0).contains(stated));
    trace.checker = checker;
    trace.sentences = sentences;
    (draft, needs_person)
}
