//! What was found for a message: for each of its questions apart, and in one for a language model, which reads them together.

use crate::answer::EVIDENCE_PASSAGES_MAX;
use crate::answer::language::Language;
use crate::answer::rewrite::Asked;
use crate::engine::Engine;
use crate::ids::WorkspaceId;
use crate::search::{self, Found, Passage, QuestionTerms, SearchError, SearchQuery};
use crate::telemetry::Stages;

/// A question and what was found for it.
#[derive(Debug)]
pub(super) struct Evidence {
    pub question: String,
    /// What a sentence that answers is told by: the message's own words. What was carried over from before finds the passages, but
    /// would let the sentences of the last answer win again.
    pub terms: QuestionTerms,
    pub found: Found,
}

/// Looks for each question of a message.
pub(super) async fn find(
    engine: &Engine,
    workspace: WorkspaceId,
    asked: &Asked,
    stages: &mut Stages,
) -> Result<Vec<Evidence>, SearchError> {
    let mut evidence = Vec::with_capacity(asked.questions.len());
    for question in &asked.questions {
        let query = SearchQuery::new(question, EVIDENCE_PASSAGES_MAX);
        let found = search::search(engine, workspace, &query, stages).await?;
        let terms = match &asked.own {
            Some(own) => found.terms.narrowed(&engine.bm25().question(own).ids),
            None => found.terms.clone(),
        };
        evidence.push(Evidence { question: question.clone(), terms, found });
    }
    match engine.gemini() {
        Some(_) => Ok(evidence.into_iter().reduce(|one, other| one.and(other, &asked.text)).into_iter().collect()),
        None => Ok(evidence),
    }
}

impl Evidence {
    /// What was found for two questions of the message `text`, as one.
    fn and(self, other: Self, text: &str) -> Self {
        let found = Found::joined(self.found, other.found, EVIDENCE_PASSAGES_MAX);
        Self { question: text.to_owned(), terms: found.terms.clone(), found }
    }
}

/// Whether a question is in a language that none of the passages is in: the model and the words of the one say little about the
/// other. `false` where a language is not known.
pub(super) fn is_in_other_language(question: &str, passages: &[Passage]) -> bool {
    let Some(asked) = Language::detected(question) else { return false };
    let mut languages = passages.iter().map(|passage| passage.language.as_deref());
    !passages.is_empty() && languages.all(|language| language.is_some_and(|language| language != asked.code()))
}
