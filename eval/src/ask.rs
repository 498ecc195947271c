//! Every question of a set, asked as a customer would ask it.

use std::time::Instant;

use anyhow::{Context, Result};
use candor::answer::{self, Answer, Question as AskedQuestion};
use candor::search::{self, Found, SearchError, SearchQuery};
use candor::telemetry::{Stage, Stages};
use tokio::task::JoinSet;

use crate::corpus::Corpus;
use crate::dataset::{Dataset, Question};
use crate::library::Library;
use crate::progress;

/// Passages that articles are ranked by: enough for ten different articles, however many passages of one are found.
const PASSAGES_RANKED: usize = 50;

/// What came back for one question.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Article ids by their best passage, best first.
    pub ranked: Vec<String>,
    /// What would be said.
    pub draft: String,
    /// Ids of the articles that the draft cites, without repeats.
    pub cited: Vec<String>,
    /// The words of the articles that it stands on.
    pub quotes: Vec<String>,
    /// `answered`, `clarified` or `escalated`.
    pub decision: &'static str,
    /// How the draft was made; `none` for a message that is no question.
    pub response_type: &'static str,
    /// 0 to 1.
    pub confidence: f64,
    /// The confidence before it became a probability; negative infinity for a message that is no question.
    pub logit: f64,
    /// The values of `candor`'s features in their order; empty for a message that is no question.
    pub features: Vec<f64>,
    /// How long each stage of the answer took.
    pub stages_ms: Vec<(Stage, f64)>,
    /// How long the answer took.
    pub total_ms: f64,
}

impl Asked {
    /// A message that the product refuses to take, such as one that is too long: no draft, not answered.
    fn refused() -> Self {
        Self {
            ranked: Vec::new(),
            draft: String::new(),
            cited: Vec::new(),
            quotes: Vec::new(),
            decision: "escalated",
            response_type: "none",
            confidence: 0.0,
            logit: f64::NEG_INFINITY,
            features: Vec::new(),
            stages_ms: Vec::new(),
            total_ms: 0.0,
        }
    }

    fn of(answer: Answer, found: &Found, total_ms: f64, corpus: &Corpus) -> Self {
        let ids = |sources: &mut dyn Iterator<Item = &str>| {
            let mut ids: Vec<String> = Vec::new();
            for source in sources {
                let id = corpus.article_id(source);
                if !ids.iter().any(|known| known == id) {
                    ids.push(id.to_owned());
                }
            }
            ids
        };
        Self {
            ranked: ids(&mut found.passages.iter().map(|passage| passage.source.as_str())),
            cited: ids(&mut answer.draft.citations.iter().map(|citation| citation.source.as_str())),
            quotes: answer.draft.citations.into_iter().map(|citation| citation.quote).collect(),
            draft: answer.draft.text,
            decision: answer.decision.name(),
            response_type: answer.response_type.name(),
            confidence: answer.confidence,
            logit: answer.trace.logit,
            features: answer.trace.features.iter().map(|share| share.value).collect(),
            stages_ms: answer.trace.stages_ms,
            total_ms,
        }
    }
}

/// Asks all questions of the set, `concurrency` at a time, in the set's order.
///
/// A question's history is not looked at: the library has no rewriting of follow-ups yet, so they are asked as they are.
///
/// # Errors
/// The first question that could not be answered for a reason outside of it.
pub async fn all(library: &Library, set: &Dataset, corpus: &Corpus, concurrency: usize) -> Result<Vec<Asked>> {
    let bar = progress::bar(&format!("{}: asking", set.name), set.questions.len());
    let mut asked: Vec<Option<Asked>> = vec![None; set.questions.len()];
    let mut waiting = set.questions.iter().enumerate();
    let mut flying = JoinSet::new();
    loop {
        while flying.len() < concurrency
            && let Some((place, question)) = waiting.next()
        {
            match AskedQuestion::parse(&question.text, library.engine.config().message_chars_max) {
                Ok(question) => {
                    let (engine, workspace) = (library.engine.clone(), library.workspace);
                    flying.spawn(async move { (place, one(&engine, workspace, &question).await) });
                }
                Err(problem) => {
                    eprintln!("{}: question {} counts as not answered: {problem}", set.name, question.id);
                    asked[place] = Some(Asked::refused());
                    bar.inc(1);
                }
            }
        }
        let Some(done) = flying.join_next().await else { break };
        let (place, outcome) = done?;
        let (answer, found, total_ms) = outcome.with_context(|| {
            let Question { id, .. } = &set.questions[place];
            format!("question {id} of {} could not be asked", set.name)
        })?;
        asked[place] = Some(Asked::of(answer, &found, total_ms, corpus));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(asked.into_iter().map(|asked| asked.unwrap_or_else(Asked::refused)).collect())
}

/// The answer with its time, and a longer list of passages, which an answer does not show.
async fn one(
    engine: &candor::engine::Engine,
    workspace: candor::ids::WorkspaceId,
    question: &AskedQuestion,
) -> Result<(Answer, Found, f64), SearchError> {
    let began = Instant::now();
    let answer = answer::answer(engine, workspace, question).await?;
    let total_ms = began.elapsed().as_secs_f64() * 1_000.0;
    let query = SearchQuery { text: question.as_str(), tags: &[], limit: PASSAGES_RANKED };
    let found = search::search(engine, workspace, &query, &mut Stages::default()).await?;
    Ok((answer, found, total_ms))
}
