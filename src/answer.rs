//! From a question to an answer with its citations and its confidence, or to the decision not to give one.
//!
//! The whole way is one function, [`answer`], and leaves one [`Trace`].

pub mod cache;
pub mod clarify;
pub mod confidence;
pub mod contradiction;
pub mod conversation;
mod cue;
pub mod curve;
pub mod decide;
pub mod discretion;
mod draft;
mod evidence;
pub mod extractive;
pub mod features;
mod follow_up;
mod generate;
pub mod grounded;
mod growing;
pub mod in_force;
pub mod intent;
pub mod language;
pub mod listener;
pub mod opinions;
pub mod orders;
mod partial;
pub mod prompt;
pub mod question_hashes;
pub(crate) mod reading;
mod rehearsal;
pub mod rewrite;
pub mod search_text;
mod sentence;
pub mod settings;
mod small_talk;
pub mod store;
pub mod support;
mod trace;
mod verdict;

use crate::answer::cache::Slot;
use crate::answer::conversation::Conversation;
use crate::answer::decide::{Decision, Reason};
pub use crate::answer::draft::Draft;
use crate::answer::evidence::Evidence;
use crate::answer::generate::Generated;
pub use crate::answer::generate::{ModelTrace, generator};
use crate::answer::intent::Intent;
use crate::answer::language::Language;
use crate::answer::listener::{Heard, Listener};
pub use crate::answer::rehearsal::{RankedArticle, Rehearsal, rehearse};
pub use crate::answer::rewrite::RewriteTrace;
pub use crate::answer::settings::AnswerSettings;
pub use crate::answer::trace::{Hashes, Trace, TracedPassage, Versions, answering_hash, calibration_hash};
use crate::answer::verdict::Verdict;
use crate::engine::Engine;
use crate::ids::{ArticleId, VersionId, WorkspaceId};
use crate::search::{Found, SearchError};
use crate::telemetry::{Stage, Stages};

/// Passages that an answer may be made from.
pub const EVIDENCE_PASSAGES_MAX: usize = 10;

/// A message that can be answered: not empty, and not longer than allowed.
#[derive(Clone, Debug)]
pub struct Question(String);

/// Why a message is no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// Nothing but white space and control characters.
    #[error("it has no letter and no digit")]
    Empty,
    /// Longer than the configured limit.
    #[error("it has {chars} characters; the limit is {chars_max}")]
    TooLong {
        /// How long it is.
        chars: usize,
        /// How long it may be.
        chars_max: usize,
    },
}

impl Question {
    /// Takes a customer's message: control characters become spaces, white space at the ends goes.
    ///
    /// # Errors
    /// [`QuestionError`].
    pub fn parse(message: &str, chars_max: usize) -> Result<Self, QuestionError> {
        let cleaned: String =
            message.chars().map(|char| if char.is_control() && char != '\n' { ' ' } else { char }).collect();
        let trimmed = cleaned.trim();
        let chars = trimmed.chars().count();
        if chars > chars_max {
            return Err(QuestionError::TooLong { chars, chars_max });
        }
        if !trimmed.chars().any(char::is_alphanumeric) {
            return Err(QuestionError::Empty);
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The question's words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a sentence of the answer stands on.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Citation {
    /// The article.
    pub article: ArticleId,
    /// The version of it whose plain text `start_char` and `end_char` count in.
    pub version: VersionId,
    /// The article's path below the ingested folder.
    pub source: String,
    /// The article's title.
    pub title: String,
    /// The headings above the quote, outermost first.
    pub heading_path: Vec<String>,
    /// Where a customer can read the article.
    pub url: Option<String>,
    /// The article's own words.
    pub quote: String,
    /// The quote's first code point.
    pub start_char: usize,
    /// One after its last.
    pub end_char: usize,
}

/// How an answer was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseType {
    /// By a language model, each sentence checked.
    Ai,
    /// Without a language model: sentences of the articles as they stand there, or our own in small talk.
    Extractive,
    /// The same, because the language model did not answer.
    Fallback,
    /// In one of the first two ways, before, to the same question; it still holds.
    Cached,
}

impl ResponseType {
    /// All of them, for metrics.
    pub const ALL: [Self; 4] = [Self::Ai, Self::Extractive, Self::Fallback, Self::Cached];

    /// Its name on the wire and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::Extractive => "extractive",
            Self::Fallback => "fallback",
            Self::Cached => "cached",
        }
    }
}

/// An answer that may be sent, or must not.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What to do.
    pub decision: Decision,
    /// The draft: what would be said, also when the decision is not to say it.
    pub draft: Draft,
    /// How it was made.
    pub response_type: ResponseType,
    /// The probability that the draft is right; 0 where nothing was drafted from articles.
    pub confidence: f64,
    /// As much of the draft as the customer has heard while it was made: it is said, whatever is decided about the whole.
    pub heard: Option<Draft>,
    /// The two things of which the customer is asked which one is meant, where the decision is so.
    pub options: Option<[String; 2]>,
    /// The language to speak to the customer in: the site's, else the message's, else English.
    pub language: Language,
    /// Everything that led there.
    pub trace: Trace,
}

/// Who is answered, and how.
struct Circumstances<'a> {
    engine: &'a Engine,
    settings: &'a AnswerSettings,
    conversation: &'a Conversation,
    listener: &'a Listener,
}

/// What the recognition of messages, the completing of follow-ups and the choice of evidence are called in hashes; the number goes up
/// when they change.
const QUESTIONS_NAME: &str = "questions-7";

/// Answers `question` from the articles of `workspace` in the way that its `settings` say, or decides not to. A friendly word gets
/// one back, and who asks for a person gets one, without a look at the articles; where the workspace has switched answers off, so
/// does every question. The `listener` hears a language model's answer while it is made.
///
/// # Errors
/// [`SearchError`], when there is no way to know.
pub async fn answer(
    engine: &Engine,
    workspace: WorkspaceId,
    settings: &AnswerSettings,
    question: &Question,
    conversation: &Conversation,
    listener: &Listener,
) -> Result<Answer, SearchError> {
    let circumstances = Circumstances { engine, settings, conversation, listener };
    let mut stages = Stages::default();
    let generators = settings.generators(engine);
    let site = conversation.language();
    let language = || site.or_else(|| Language::detected(question.as_str())).unwrap_or(Language::English);
    let heard = stages.time(Stage::Rewrite, async {
        match intent::of(question.as_str(), site) {
            Intent::Question if !settings.enabled => {
                Err((Decision::Escalated(Reason::Policy), String::new(), language()))
            }
            Intent::Question => Ok(rewrite::rewrite(engine.config(), generators.first(), question, conversation).await),
            Intent::SmallTalk(kind, spoken) => {
                let language = site.unwrap_or(spoken);
                Err((Decision::SmallTalk, small_talk::reply(kind, language, conversation), language))
            }
            Intent::Person(spoken) => {
                Err((Decision::Escalated(Reason::CustomerRequest), String::new(), site.unwrap_or(spoken)))
            }
        }
    });
    let asked = match heard.await {
        Ok(asked) => asked,
        Err((decision, text, language)) => {
            return Ok(Answer::unsearched(engine, settings, decision, text, language, &stages));
        }
    };
    listener.hear(Heard::Searching);
    let mut parts = Vec::with_capacity(asked.questions.len());
    for evidence in evidence::find(engine, workspace, &asked, !generators.is_empty(), &mut stages).await? {
        let generated = generate::generate(&circumstances, &generators, &evidence, &mut stages).await;
        let judge = || Part::judged(&circumstances, evidence, generated);
        parts.push(stages.time_sync(Stage::Decide, judge));
    }
    // A message that asks nothing has no part; none comes to here.
    let Some(whole) = parts.into_iter().reduce(Part::and) else {
        let decision = Decision::Escalated(Reason::NoEvidence);
        return Ok(Answer::unsearched(engine, settings, decision, String::new(), language(), &stages));
    };
    let Part { found, draft, heard, verdict, response_type, generator, model, failed } = whole;
    let Verdict { decision, options, contradiction, judged } = verdict;
    // Which of two things is meant cannot be asked about one question of several; those have no options.
    // And nothing is asked back behind an answer.
    let options = options.filter(|_| heard.is_none());
    let decision = if options.is_some() { Decision::Clarify } else { decision };
    let confidence = judged.confidence;
    let trace = Trace {
        model,
        failed_models: failed,
        contradiction,
        ..Trace::new(engine, settings, asked, &found, &generator, judged, &stages)
    };
    Ok(Answer { decision, draft, response_type, confidence, heard, options, language: language(), trace })
}

/// As [`answer`], for a customer: what was answered before and still holds is not answered anew, and where the search does not work, a
/// person gets the question.
///
/// # Errors
/// [`SearchError`], when the question cannot be stored for a person either, or when it is only too much at once.
pub async fn reply(
    engine: &Engine,
    workspace: WorkspaceId,
    settings: &AnswerSettings,
    question: &Question,
    conversation: &Conversation,
    listener: &Listener,
) -> Result<Answer, SearchError> {
    let answering = async {
        let Some(slot) = Slot::of(engine, workspace, settings, question, conversation).await? else {
            return answer(engine, workspace, settings, question, conversation, listener).await;
        };
        if let Some(answer) = slot.answer().await? {
            return Ok(answer);
        }
        let answer = answer(engine, workspace, settings, question, conversation, listener).await?;
        slot.keep(&answer);
        Ok(answer)
    };
    match answering.await {
        Err(error) if error.is_of_search() => {
            tracing::warn!(%error, "a question goes to a person, because nothing can be searched for");
            let decision = Decision::Escalated(Reason::SearchFailure);
            let language = conversation.spoken(question.as_str());
            Ok(Answer::unsearched(engine, settings, decision, String::new(), language, &Stages::default()))
        }
        answered => answered,
    }
}

/// The draft for one question of a message, and what is to be done with it.
struct Part {
    found: Found,
    draft: Draft,
    heard: Option<Draft>,
    verdict: Verdict,
    response_type: ResponseType,
    generator: String,
    model: Option<ModelTrace>,
    failed: Vec<ModelTrace>,
}

impl Part {
    fn judged(circumstances: &Circumstances<'_>, evidence: Evidence, generated: Generated) -> Self {
        let Generated { draft, heard, response_type, doubts, generator, model, failed } = generated;
        let wrote = model.as_ref().filter(|_| response_type == ResponseType::Ai);
        let verdict = Verdict::of(circumstances, &evidence, &draft, doubts, &generator, wrote);
        Self { found: evidence.found, draft, heard, verdict, response_type, generator, model, failed }
    }

    /// One answer to two questions. It is as good as the worse of its parts: one that is not answered, else the less certain.
    fn and(self, other: Self) -> Self {
        let standing = |part: &Self| (part.verdict.decision == Decision::Answered, part.verdict.judged.confidence);
        let is_worse = standing(&other) < standing(&self);
        let found = Found::joined(self.found.clone(), other.found.clone(), EVIDENCE_PASSAGES_MAX);
        let draft = self.draft.clone().and(other.draft.clone());
        let model = self.model.clone().or(other.model.clone());
        let contradiction = self.verdict.contradiction.clone().or(other.verdict.contradiction.clone());
        let worse = if is_worse { other } else { self };
        let verdict = Verdict { contradiction, options: None, ..worse.verdict };
        Self { found, draft, verdict, model, ..worse }
    }
}

impl Answer {
    /// No answer, because a person has the conversation.
    #[must_use]
    pub fn with_agent(
        engine: &Engine,
        settings: &AnswerSettings,
        question: &Question,
        conversation: &Conversation,
    ) -> Self {
        let language = conversation.spoken(question.as_str());
        Self::unsearched(engine, settings, Decision::WithAgent, String::new(), language, &Stages::default())
    }

    fn unsearched(
        engine: &Engine,
        settings: &AnswerSettings,
        decision: Decision,
        text: String,
        language: Language,
        stages: &Stages,
    ) -> Self {
        Self {
            decision,
            draft: Draft { text, ..Draft::default() },
            response_type: ResponseType::Extractive,
            confidence: 0.0,
            heard: None,
            options: None,
            language,
            trace: Trace::unsearched(engine, settings, stages),
        }
    }

    /// Why it is not sent; `None` when it is.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.decision.reason()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_a_letter_or_digit_is_empty() {
        for message in ["", "  \n\t", "\u{0}\u{1}", "?!…"] {
            assert_eq!(Question::parse(message, 100).unwrap_err(), QuestionError::Empty, "{message:?}");
        }
    }

    #[test]
    fn the_limit_counts_characters_and_not_bytes() {
        assert!(Question::parse(&"日".repeat(100), 100).is_ok());
        assert_eq!(
            Question::parse(&"a".repeat(101), 100).unwrap_err(),
            QuestionError::TooLong { chars: 101, chars_max: 100 }
        );
    }
}
