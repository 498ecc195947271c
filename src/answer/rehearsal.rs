//! An answer that nobody is given: for whoever tries out a question or measures many. Nothing is stored and no ticket is opened.

use std::time::Instant;

use crate::answer::conversation::Conversation;
use crate::answer::listener::Listener;
use crate::answer::{Answer, AnswerSettings, Question, answer};
use crate::engine::Engine;
use crate::ids::{ArticleId, WorkspaceId};
use crate::search::{self, SearchError, SearchQuery};
use crate::telemetry::Stages;

/// What would be said, and what was found beyond what an answer is made from.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// As a customer would get it, or not.
    pub answer: Answer,
    /// How long that took, in milliseconds.
    pub answer_ms: f64,
    /// The articles of the best passages, each once, best first.
    pub ranking: Vec<RankedArticle>,
}

/// An article by its best passage.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedArticle {
    /// Which article.
    pub article: ArticleId,
    /// Its path below the ingested folder.
    pub source: String,
    /// Its title.
    pub title: String,
    /// The fused score of its best passage.
    pub score: f32,
}

/// Answers `question` as [`answer`] does, and ranks the articles of the best `passages` passages.
///
/// # Errors
/// [`SearchError`].
pub async fn rehearse(
    engine: &Engine,
    workspace: WorkspaceId,
    settings: &AnswerSettings,
    question: &Question,
    conversation: &Conversation,
    passages: usize,
) -> Result<Rehearsal, SearchError> {
    let began = Instant::now();
    let answer = answer(engine, workspace, settings, question, conversation, &Listener::default()).await?;
    let answer_ms = began.elapsed().as_secs_f64() * 1_000.0;
    let questions = answer.trace.all_questions();
    let mut founds = Vec::with_capacity(questions.len());
    for question in &questions {
        // A search of its own: an answer looks at fewer passages, and its times would not be those of an answer.
        let query = SearchQuery::new(question, passages);
        founds.push(search::search(engine, workspace, &query, &mut Stages::default()).await?);
    }
    let found = founds.into_iter().reduce(|one, other| one.joined(other, passages));
    let mut ranking: Vec<RankedArticle> = Vec::new();
    for passage in found.map(|found| found.passages).unwrap_or_default() {
        if ranking.iter().all(|ranked| ranked.article != passage.article) {
            ranking.push(RankedArticle {
                article: passage.article,
                source: passage.source,
                title: passage.title,
                score: passage.score,
            });
        }
    }
    Ok(Rehearsal { answer, answer_ms, ranking })
}
