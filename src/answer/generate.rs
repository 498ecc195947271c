//! Who drafts the answer: a language model where there is one, and the articles' own sentences where it fails.

use std::time::Duration;

use tokio::time::Instant;

use crate::answer::decide::{Doubts, Reason};
use crate::answer::discretion::Discretion;
use crate::answer::draft::Draft;
use crate::answer::evidence::Evidence;
use crate::answer::grounded::{self, CheckedSentence, Reply, Sufficiency};
use crate::answer::growing::Growing;
use crate::answer::listener::Heard;
use crate::answer::opinions::{self, CheckerTrace};
use crate::answer::{Circumstances, ResponseType, extractive, prompt};
use crate::engine::Engine;
use crate::inference::{self, GenerateError, Generator, Prompt, Usage};
use crate::search::Passage;
use crate::telemetry::{Stage, Stages};

/// A draft and how it came about.
#[derive(Debug)]
pub(super) struct Generated {
    pub draft: Draft,
    /// How much of it the customer has heard.
    pub heard: Option<Draft>,
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
/// it, none is asked after it, nor after one whose answer the customer has begun to hear.
pub(super) async fn generate(
    circumstances: &Circumstances<'_>,
    generators: &[Generator],
    evidence: &Evidence,
    stages: &mut Stages,
) -> Generated {
    let Circumstances { engine, settings, listener, .. } = circumstances;
    let passages = &evidence.found.passages;
    // Nobody to ask, or nothing to answer from: no prompt is needed to see that, and making one takes milliseconds.
    if generators.is_empty() || passages.is_empty() {
        return Generated {
            draft: stages.time_sync(Stage::Generate, || extractive::draft(evidence)),
            heard: None,
            response_type: ResponseType::Extractive,
            doubts: Doubts { needs_person: None, when_unsure: Reason::LowConfidence },
            generator: extractive::NAME.to_owned(),
            model: None,
            failed: Vec::new(),
        };
    }
    listener.hear(Heard::Writing);
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
        let written = if listener.is_there() {
            aloud(circumstances, &hurried, &prompt, &discretion, evidence, stages).await
        } else {
            in_silence(engine, &hurried, &prompt, &discretion, evidence, stages).await
        };
        match written {
            Ok(Written { draft, needs_person, model, heard }) => {
                return Generated {
                    draft,
                    heard,
                    response_type: ResponseType::Ai,
                    doubts: Doubts { needs_person, when_unsure: Reason::LowConfidence },
                    generator: generator_of(Some(generator)),
                    model: Some(model),
                    failed,
                };
            }
            Err((model, error)) => {
                tracing::warn!(%error, model = generator.model(), "a language model did not answer");
                failed.push(model);
                when_unsure = failure(&error);
                if when_unsure == Reason::BlockedByProvider {
                    needs_person = Some(when_unsure);
                    break;
                }
            }
        }
    }
    let model = failed.pop();
    Generated {
        draft: stages.time_sync(Stage::Generate, || extractive::draft(evidence)),
        heard: None,
        response_type: ResponseType::Fallback,
        doubts: Doubts { needs_person, when_unsure },
        generator: extractive::NAME.to_owned(),
        model,
        failed,
    }
}

/// What a language model wrote, as far as it holds.
struct Written {
    draft: Draft,
    /// Why a person is needed whatever the confidence.
    needs_person: Option<Reason>,
    model: ModelTrace,
    heard: Option<Draft>,
}

/// What a person is needed for where a language model has failed so.
fn failure(error: &GenerateError) -> Reason {
    match error {
        GenerateError::Blocked(_) => Reason::BlockedByProvider,
        GenerateError::Quota(_) => Reason::Quota,
        GenerateError::Truncated
        | GenerateError::Invalid(_)
        | GenerateError::Unavailable(_)
        | GenerateError::Refused(_) => Reason::ProviderFailure,
    }
}

/// Has `generator` write, and reads it when it is whole.
async fn in_silence(
    engine: &Engine,
    generator: &Generator,
    prompt: &Prompt,
    discretion: &Discretion,
    evidence: &Evidence,
    stages: &mut Stages,
) -> Result<Written, (ModelTrace, GenerateError)> {
    let (mut model, said) =
        told(generator, stages.time(Stage::Generate, generator.generate(prompt, grounded::read)).await);
    match said {
        Ok(reply) => {
            let (draft, needs_person) = check(engine, evidence, reply.told_by(discretion), &mut model, stages).await;
            Ok(Written { draft, needs_person, model, heard: None })
        }
        Err(error) => Err((model, error)),
    }
}

/// The same while the customer hears each sentence as soon as it is sure enough.
async fn aloud(
    circumstances: &Circumstances<'_>,
    generator: &Generator,
    prompt: &Prompt,
    discretion: &Discretion,
    evidence: &Evidence,
    stages: &mut Stages,
) -> Result<Written, (ModelTrace, GenerateError)> {
    let mut writing = generator.write(prompt);
    let name = generator_of(Some(generator));
    let mut growing = Growing::new(circumstances, evidence, discretion, name, ModelTrace::of(generator));
    growing.follow(&mut writing, stages).await;
    let is_heard = growing.is_heard();
    let Growing { draft, heard, trace, sentences, .. } = growing;
    let heard = is_heard.then_some(heard);
    let (model, said) = told(generator, writing.end(grounded::read));
    let ModelTrace { stated_confidence, checker, sentences: checked, .. } = trace;
    let mut model = ModelTrace { stated_confidence, checker, sentences: checked, ..model };
    match (said, heard) {
        (Ok(reply), heard) if heard.is_some() || reply.sentences.len() == sentences => {
            model.sufficiency = Some(reply.sufficiency);
            model.stated_confidence = reply.stated_confidence();
            let needs_person = needs_person(reply.sufficiency, &model.sentences, &draft);
            model.missing = reply.told_by(discretion).missing;
            Ok(Written { draft, needs_person, model, heard })
        }
        // Not what was read of it while it was written, and nothing of that was heard.
        (Ok(reply), _) => {
            let reply = reply.told_by(discretion);
            let (draft, needs_person) = check(circumstances.engine, evidence, reply, &mut model, stages).await;
            Ok(Written { draft, needs_person, model, heard: None })
        }
        // What was heard holds, and nobody knows what is missing of it: a person sees to the rest.
        (Err(error), Some(heard)) => {
            tracing::warn!(%error, model = generator.model(), "an answer broke off that a customer hears");
            model.sufficiency = trace.sufficiency;
            let needs_person = Some(failure(&error));
            Ok(Written { draft: heard.clone(), needs_person, model, heard: Some(heard) })
        }
        (Err(error), None) => Err((model, error)),
    }
}

/// What came of asking `generator`, apart from what it did for that.
fn told(generator: &Generator, written: inference::Generated<Reply>) -> (ModelTrace, Result<Reply, GenerateError>) {
    let inference::Generated { said, usage, cost_usd, attempts } = written;
    let trace = ModelTrace {
        result: said.as_ref().map_or_else(GenerateError::result, |_| "ok").to_owned(),
        error: said.as_ref().err().map(ToString::to_string),
        usage,
        cost_usd,
        attempts,
        ..ModelTrace::of(generator)
    };
    (trace, said)
}

impl ModelTrace {
    /// Of a model that has done nothing yet.
    fn of(generator: &Generator) -> Self {
        Self {
            provider: generator.provider().name().to_owned(),
            model: generator.model().to_owned(),
            prompt: prompt::NAME.to_owned(),
            result: String::new(),
            error: None,
            usage: Usage::default(),
            cost_usd: 0.0,
            attempts: 0,
            sufficiency: None,
            missing: String::new(),
            stated_confidence: None,
            checker: None,
            sentences: Vec::new(),
        }
    }
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
        let (opinions, checker) = opinions::ask(engine, evidence, engine.checker(), &claims).await;
        let (draft, sentences) = grounded::ground(engine.bm25(), claims, &opinions, evidence);
        (draft, sentences, checker)
    };
    let (draft, sentences, checker) = stages.time(Stage::Verify, verifying).await;
    let needs_person = needs_person(reply.sufficiency, &sentences, &draft);
    trace.sufficiency = Some(reply.sufficiency);
    let stated_confidence = reply.stated_confidence();
    trace.missing = reply.missing;
    trace.stated_confidence = stated_confidence;
    trace.checker = checker;
    trace.sentences = sentences;
    (draft, needs_person)
}

/// Why a person is needed whatever the confidence, for the `draft` of the `sentences` of a model that says so of its evidence.
pub(super) fn needs_person(sufficiency: Sufficiency, sentences: &[CheckedSentence], draft: &Draft) -> Option<Reason> {
    let removed = sentences.iter().filter(|sentence| sentence.fault.is_some()).count();
    if sufficiency == Sufficiency::Insufficient || sentences.is_empty() {
        Some(Reason::InsufficientEvidence)
    } else if draft.citations.is_empty() || 2 * removed > sentences.len() {
        Some(Reason::UnsupportedAnswer)
    } else {
        None
    }
}
