//! Who is asked: the library in this process, or a running server.

use anyhow::{Context, Result};
use candor::answer::confidence::Calibration;
use candor::answer::conversation::{Conversation, Said};
use candor::answer::{AnswerSettings, Hashes, Question, Rehearsal, Trace, rehearse, rewrite};
use candor::chat::Sender;
use candor::config::Config;
use candor::search::{self, Signals};

use crate::about::MadeWith;
use crate::dataset::Turn;
use crate::library::Library;
use crate::outcome::{Asked, Feature, RANKED_KEPT, without_repeats};
use crate::server::Server;

/// Passages that articles are ranked by: enough for ten different articles, however many passages of one are found.
pub const PASSAGES_RANKED: usize = search::PASSAGES_MAX;

/// What comes back for a message.
#[derive(Debug)]
pub enum Reply {
    Answer(Box<Asked>),
    /// It is none that the product takes, with why.
    Refused(String),
}

/// Who is asked; cheap to clone.
#[derive(Clone)]
pub enum Target {
    /// The library, with a data folder of its own.
    Library(Library),
    /// A server, with whatever it has.
    Server(Server),
}

impl Target {
    /// Sends one message with what was said before it. Articles are named by their sources.
    ///
    /// # Errors
    /// When there is no answer for a reason outside of the message.
    pub async fn ask(&self, message: &str, history: &[Turn]) -> Result<Reply> {
        match self {
            Self::Library(Library { engine, workspace, .. }) => {
                let question = match Question::parse(message, engine.config().message_chars_max) {
                    Ok(question) => question,
                    Err(problem) => return Ok(Reply::Refused(problem.to_string())),
                };
                let conversation = conversation(history);
                let texts = rewrite::texts_by_words(&question, &conversation);
                let is_kept = texts.iter().all(|text| engine.embedder().is_kept(text));
                // A set's workspace is made for the run: what the server does by itself is what is measured.
                let settings = AnswerSettings::default();
                let rehearsal =
                    rehearse(engine, *workspace, &settings, &question, &conversation, PASSAGES_RANKED).await?;
                Ok(Reply::Answer(Box::new(asked(rehearsal, is_kept))))
            }
            Self::Server(server) => server.ask(message, history).await,
        }
    }

    /// What answers are made with.
    ///
    /// # Errors
    /// For a server that has not answered anything yet and cannot be asked.
    pub async fn made_with(&self) -> Result<MadeWith> {
        match self {
            Self::Library(Library { engine, .. }) => {
                let generator = candor::answer::generator(engine);
                let hashes = Hashes::of(engine, &generator);
                Ok(MadeWith {
                    candor: env!("CARGO_PKG_VERSION").to_owned(),
                    config_hash: hashes.config_hash,
                    calibration_hash: hashes.calibration_hash,
                    answering_hash: hashes.answering_hash,
                    embedding: engine.embedder().identity().name.clone(),
                    generator,
                    threshold: engine.calibration().threshold(),
                    guarantee: engine.calibration().guarantee.clone(),
                })
            }
            Self::Server(server) => server.made_with().await,
        }
    }

    /// The calibration in force; `None` for a server's that is not the one this program ships.
    ///
    /// # Errors
    /// As [`Target::made_with`].
    pub async fn calibration(&self) -> Result<Option<Calibration>> {
        match self {
            Self::Library(Library { engine, .. }) => Ok(Some(engine.calibration().clone())),
            Self::Server(server) => {
                let shipped = Calibration::shipped().context("the shipped calibration does not fit")?;
                let told = server.made_with().await?.calibration_hash;
                Ok((candor::answer::calibration_hash(&shipped) == told).then_some(shipped))
            }
        }
    }

    /// What reports call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Library(_) => "library".to_owned(),
            Self::Server(server) => server.url().to_owned(),
        }
    }

    /// All that decides who answers, for telling one run from another: a key opens one workspace, a URL leads to one model.
    #[must_use]
    pub fn identity(&self, config: &Config) -> String {
        match self {
            Self::Library(_) => {
                let Config { gemini_url, gemini_thinking, generation_tokens_max, generation_seconds_max, .. } = config;
                format!("library {gemini_url} {gemini_thinking:?} {generation_tokens_max} {generation_seconds_max}")
            }
            Self::Server(server) => format!("{} {}", server.url(), server.key_hash()),
        }
    }

    /// The library, where that is asked.
    #[must_use]
    pub fn as_library(&self) -> Option<&Library> {
        match self {
            Self::Library(library) => Some(library),
            Self::Server(_) => None,
        }
    }
}

/// What a set says was said before: the bot's part of it as answers.
fn conversation(history: &[Turn]) -> Conversation {
    let said = history.iter().map(|turn| {
        let sender = if turn.sender == "user" { Sender::User } else { Sender::Bot };
        Said { sender, text: turn.text.clone(), is_answer: sender == Sender::Bot, offered: None }
    });
    Conversation::of(said.collect(), None)
}

fn asked(Rehearsal { answer, answer_ms, ranking }: Rehearsal, is_kept: bool) -> Asked {
    let cited = without_repeats(answer.draft.citations.iter().map(|citation| citation.source.as_str()));
    let reason = answer.reason().map(|reason| reason.name().to_owned());
    let Trace { stages_ms, .. } = &answer.trace;
    Asked {
        ranked: ranking.into_iter().take(RANKED_KEPT).map(|article| article.source).collect(),
        cited,
        quotes: answer.draft.citations.iter().map(|citation| citation.quote.clone()).collect(),
        decision: answer.decision.name().to_owned(),
        reason,
        refusal: None,
        response_type: answer.response_type.name().to_owned(),
        confidence: answer.confidence,
        logit: answer.trace.logit,
        features: features(&answer.trace),
        best_passage: best_passage(&answer.trace),
        stages_ms: stages_ms.clone(),
        total_ms: (!is_kept).then_some(answer_ms),
        draft: answer.draft.text,
    }
}

/// The features of a trace.
#[must_use]
pub fn features(trace: &Trace) -> Vec<Feature> {
    let feature = |share: &candor::answer::confidence::Share| Feature {
        name: share.feature.clone(),
        value: share.value,
        share: share.share,
    };
    trace.features.iter().map(feature).collect()
}

/// What the passage that a trace has first was ranked by.
#[must_use]
pub fn best_passage(trace: &Trace) -> Option<Signals> {
    trace.passages.first().map(|passage| passage.signals)
}
