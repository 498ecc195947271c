//! Why an answer is what it is: kept with every draft, read by people, reports and bug hunters alike.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answer::cache::CachedTrace;
use crate::answer::confidence::{Calibration, Judged, Share};
use crate::answer::contradiction::Contradiction;
use crate::answer::in_force::RestsOn;
use crate::answer::rewrite::Asked;
use crate::answer::settings::{AnswerSettings, SettingsTrace};
use crate::answer::{ModelTrace, RewriteTrace, grounded};
use crate::engine::Engine;
use crate::ids::{ArticleId, ChunkId, VersionId};
use crate::index::Bm25;
use crate::inference::{Entailment, Reranker, Usage};
use crate::search::{self, Found, Signals};
use crate::telemetry::{Stage, Stages};

/// Everything that led to an answer.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// Each stage's milliseconds.
    pub stages_ms: Vec<(Stage, f64)>,
    /// What was searched for: the message, or what it means with what was said before it. `None` where nothing was, for
    /// small talk and where a person was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub searched_for: Option<String>,
    /// Each of its questions as it was searched for, where the message has several.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub questions: Vec<String>,
    /// What the language model did for that, where one was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rewrite: Option<RewriteTrace>,
    /// When it was made, where it is an answer that is given again: all but the stages is about then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cached: Option<CachedTrace>,
    /// What was found, best first.
    pub passages: Vec<TracedPassage>,
    /// What the language model did that was asked last, where one was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<ModelTrace>,
    /// What those did that were asked before it, and failed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub failed_models: Vec<ModelTrace>,
    /// The two sentences of articles that say the opposite of each other, where there are such.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub contradiction: Option<Contradiction>,
    /// Each feature with its part of the logit.
    pub features: Vec<Share>,
    /// The confidence before it became a probability; `None` where no draft was judged.
    pub logit: Option<f64>,
    /// Where the draft lies among those that the confidence was fitted on; `None` where no draft was judged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<Place>,
    /// The confidence below which a draft is not sent.
    pub threshold: f64,
    /// The workspace's settings in force; `None` in traces from before there were any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub settings: Option<SettingsTrace>,
    /// What the answer was made with.
    pub versions: Versions,
}

/// Where a draft lies among those that its calibration was fitted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// What it rests on.
    pub rests_on: RestsOn,
    /// Which tenth of them, 0 to 9.
    pub decile: usize,
}

/// A passage with its scores.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TracedPassage {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its article.
    pub article: ArticleId,
    /// The version of it.
    pub version: VersionId,
    /// The article's path below the ingested folder.
    pub source: String,
    /// The article's title.
    pub title: String,
    /// What the passage says.
    pub text: String,
    /// What it was ranked by.
    #[serde(flatten)]
    pub signals: Signals,
    /// The score that it was ranked by.
    pub score: f32,
}

/// What an answer was made with.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Versions {
    /// The program.
    pub candor: String,
    /// The index generation.
    pub generation: String,
    /// The embedding model.
    pub embedding: String,
    /// The answerer.
    pub generator: String,
    /// What may be claimed for the threshold.
    pub guarantee: String,
    /// What it was made with, in one hash each.
    #[serde(flatten)]
    pub hashes: Hashes,
}

/// SHA-256, in hexadecimal, over what answers are made with beside the articles: two answers with the same ones were made in the
/// same way.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hashes {
    /// Over the names of all that changes an answer, the calibration included.
    pub config_hash: String,
    /// Over the calibration alone.
    pub calibration_hash: String,
    /// Over all but the calibration and what a workspace has chosen: a calibration counts for answers with the same one.
    #[serde(default)]
    pub answering_hash: String,
}

impl Hashes {
    /// The hashes of what `engine` answers with by `generator`, where a workspace has chosen nothing else.
    #[must_use]
    pub fn of(engine: &Engine, generator: &str) -> Self {
        Self::with(engine, &AnswerSettings::default(), generator)
    }

    /// The hashes of what `engine` answers with by `generator`, as a workspace wants it.
    pub(super) fn with(engine: &Engine, settings: &AnswerSettings, generator: &str) -> Self {
        let answering_hash = answering_hash(engine, generator);
        let calibration_hash = settings.in_force(engine, generator).hashed.hash.clone();
        // Of what was to draft: where it failed once and something else took its place, nothing was configured otherwise.
        let wanted = settings.generator(engine);
        let calibrated = &settings.in_force(engine, &wanted).hashed.hash;
        let config_hash = hash(&json!([self::answering_hash(engine, &wanted), calibrated, settings.differences()]));
        Self { config_hash, calibration_hash, answering_hash }
    }
}

/// SHA-256, in hexadecimal, over the names of all that answers are made with by `generator`: two calibrations are made for the same
/// answers when theirs are the same. What a workspace wishes about tone is not among them.
#[must_use]
pub fn answering_hash(engine: &Engine, generator: &str) -> String {
    hash(&json!({
        "embedding": engine.embedder().identity().name,
        "chunker": engine.chunker().name(),
        "bm25": Bm25::NAME,
        "search": search::NAME,
        "reranker": engine.reranker().map(Reranker::name),
        "generator": generator,
        "check": grounded::NAME,
        "checker": engine.checker().map(Entailment::name),
        "questions": super::QUESTIONS_NAME,
    }))
}

/// SHA-256, in hexadecimal, over a calibration.
#[must_use]
pub fn calibration_hash(calibration: &Calibration) -> String {
    hash(&json!(calibration))
}

fn hash(value: &Value) -> String {
    hex::encode(Sha256::digest(value.to_string()))
}

impl Trace {
    /// Each of the questions that were searched for.
    #[must_use]
    pub fn all_questions(&self) -> Vec<String> {
        if self.questions.is_empty() { self.searched_for.iter().cloned().collect() } else { self.questions.clone() }
    }

    /// Tokens that the answer used; none where it was only given again.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        if self.cached.is_some() {
            return 0;
        }
        let all = |usage: Usage| usage.prompt + usage.answer + usage.thoughts;
        self.model.iter().chain(&self.failed_models).map(|model| all(model.usage)).sum::<u64>()
            + self.rewrite.as_ref().map_or(0, |rewrite| all(rewrite.usage))
    }

    /// The trace of a reply that nothing was searched for.
    pub(super) fn unsearched(engine: &Engine, settings: &AnswerSettings, stages: &Stages) -> Self {
        let generator = settings.generator(engine);
        Self {
            stages_ms: stages.milliseconds(),
            searched_for: None,
            questions: Vec::new(),
            rewrite: None,
            cached: None,
            passages: Vec::new(),
            model: None,
            failed_models: Vec::new(),
            contradiction: None,
            features: Vec::new(),
            logit: None,
            place: None,
            threshold: settings.threshold(settings.in_force(engine, &generator).calibration()),
            settings: Some(settings.trace(engine)),
            versions: versions(engine, settings, engine.generation().row.id.clone(), &generator),
        }
    }

    /// The trace of a draft that no model had a part in.
    pub(super) fn new(
        engine: &Engine,
        settings: &AnswerSettings,
        asked: Asked,
        found: &Found,
        generator: &str,
        judged: Judged,
        stages: &Stages,
    ) -> Self {
        let in_force = settings.in_force(engine, generator);
        let place = Place { rests_on: in_force.rests_on, decile: in_force.calibration().decile(judged.logit) };
        let passages = found
            .passages
            .iter()
            .map(|passage| TracedPassage {
                chunk: passage.chunk,
                article: passage.article,
                version: passage.version,
                source: passage.source.clone(),
                title: passage.title.clone(),
                text: passage.text.clone(),
                signals: passage.signals,
                score: passage.score,
            })
            .collect();
        Self {
            stages_ms: stages.milliseconds(),
            searched_for: Some(asked.text),
            questions: if asked.questions.len() > 1 { asked.questions } else { Vec::new() },
            rewrite: asked.model,
            cached: None,
            passages,
            model: None,
            failed_models: Vec::new(),
            contradiction: None,
            features: judged.shares,
            logit: Some(judged.logit),
            place: Some(place),
            threshold: settings.threshold(in_force.calibration()),
            settings: Some(settings.trace(engine)),
            versions: versions(engine, settings, found.generation.clone(), generator),
        }
    }
}

fn versions(engine: &Engine, settings: &AnswerSettings, generation: String, generator: &str) -> Versions {
    Versions {
        candor: env!("CARGO_PKG_VERSION").to_owned(),
        generation,
        embedding: engine.embedder().identity().name.clone(),
        generator: generator.to_owned(),
        guarantee: settings.promise(settings.in_force(engine, generator)),
        hashes: Hashes::with(engine, settings, generator),
    }
}
