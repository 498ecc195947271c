//! Who drafts the answer: a language model where there is one, and the articles' own sentences where it fails.

use crate::answer::ResponseType;
use crate::answer::decide::{Doubts, Reason};
use crate::answer::draft::Draft;
use crate::answer::evidence::Evidence;
use crate::answer::grounded::{self, CheckedSentence, Sufficiency};
use crate::answer::opinions::{self, CheckerTrace};
use crate::answer::settings::AnswerSettings;
use crate::answer::{extractive, prompt};
use crate::engine::Engine;
use crate::inference::{Gemini, GenerateError, Usage};
use crate::telemetry::{Stage, Stages};

/// A draft and how it came about.
#[derive(Debug)]
pub(super) struct Generated {
    pub draft: Draft,
    pub response_type: ResponseType,
    pub doubts: Doubts,
    /// What drafted it, by the name that calibrations have for it.
    pub generator: String,
    /// What the language model did, where one was asked.
    pub model: Option<ModelTrace>,
}

/// What a language model did for an answer.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelTrace {
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
    generator_of(engine.gemini())
}

/// What drafts are made with, by this model or by none.
pub(super) fn generator_of(model: Option<&Gemini>) -> String {
    model.map_or_else(|| extractive::NAME.to_owned(), |gemini| format!("{}, {}", gemini.model(), prompt::NAME))
}

/// Drafts an answer from what was found: `model`, as the workspace wants it to answer, or nobody.
pub(super) async fn generate(
    engine: &Engine,
    settings: &AnswerSettings,
    model: Option<&Gemini>,
    evidence: &Evidence,
    stages: &mut Stages,
) -> Generated {
    let Evidence { question, found, .. } = evidence;
    let model = match model {
        // Nothing to answer from: no model is needed to see that.
        Some(gemini) if !found.passages.is_empty() => gemini.clone().tuned(settings.temperature, settings.tokens_max),
        _ => {
            return Generated {
                draft: stages.time_sync(Stage::Generate, || extractive::draft(evidence)),
                response_type: ResponseType::Extractive,
                doubts: Doubts { needs_person: None, when_unsure: Reason::LowConfidence },
                generator: extractive::NAME.to_owned(),
                model: None,
            };
        }
    };
    let prompt = prompt::prompt(question, &found.passages, settings.system_prompt.as_deref());
    let generated = stages.time(Stage::Generate, model.generate(&prompt, grounded::read)).await;
    let mut trace = ModelTrace {
        model: model.model().to_owned(),
        prompt: prompt::NAME.to_owned(),
        result: "ok".to_owned(),
        error: None,
        usage: generated.usage,
        cost_usd: generated.cost_usd,
        attempts: generated.attempts,
        sufficiency: None,
        missing: String::new(),
        stated_confidence: None,
        checker: None,
        sentences: Vec::new(),
    };
    match generated.said {
        Ok(reply) => {
            let claims = grounded::claims(&reply, &found.passages);
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
            Generated {
                draft,
                response_type: ResponseType::Ai,
                doubts: Doubts { needs_person, when_unsure: Reason::LowConfidence },
                generator: generator_of(Some(&model)),
                model: Some(trace),
            }
        }
        Err(error) => {
            tracing::warn!(%error, model = model.model(), "the language model did not answer");
            error.result().clone_into(&mut trace.result);
            trace.error = Some(error.to_string());
            let needs_person = matches!(error, GenerateError::Blocked(_)).then_some(Reason::BlockedByProvider);
            let is_over_quota = matches!(error, GenerateError::Quota(_));
            let when_unsure = if is_over_quota { Reason::Quota } else { Reason::ProviderFailure };
            Generated {
                draft: stages.time_sync(Stage::Generate, || extractive::draft(evidence)),
                response_type: ResponseType::Fallback,
                doubts: Doubts { needs_person, when_unsure },
                generator: extractive::NAME.to_owned(),
                model: Some(trace),
            }
        }
    }
}
