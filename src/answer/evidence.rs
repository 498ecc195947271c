//! What was found for a message: for each of its questions apart, and in one for a language model, which reads them together.

use std::collections::HashMap;

use crate::answer::EVIDENCE_PASSAGES_MAX;
use crate::answer::language::Language;
use crate::answer::rewrite::Asked;
use crate::engine::Engine;
use crate::ids::{ArticleId, WorkspaceId};
use crate::search::{self, Found, Passage, QuestionTerms, SearchError, SearchQuery};
use crate::telemetry::Stages;

/// Passages that are looked for, so that there are enough of several articles.
const PASSAGES_FOUND: usize = 16;
/// Passages of one article that come before those of others. A long article would else fill the evidence: with three, the article that
/// answers is among the ten passages of 133 of 135 questions of a help centre, and of 131 where no article has too many.
const PASSAGES_AN_ARTICLE: usize = 3;

/// A question and what was found for it.
#[derive(Debug)]
pub(super) struct Evidence {
    pub question: String,
    /// What a sentence that answers is told by: the message's own words. What was carried over from before finds the passages, but
    /// would let the sentences of the last answer win again.
    pub terms: QuestionTerms,
    pub found: Found,
}

/// Looks for each question of a message; what was found is one where a model reads all of it.
pub(super) async fn find(
    engine: &Engine,
    workspace: WorkspaceId,
    asked: &Asked,
    is_for_model: bool,
    stages: &mut Stages,
) -> Result<Vec<Evidence>, SearchError> {
    let mut evidence = Vec::with_capacity(asked.questions.len());
    for question in &asked.questions {
        let query = SearchQuery::new(question, PASSAGES_FOUND);
        let mut found = search::search(engine, workspace, &query, stages).await?;
        found.passages = of_several_articles(found.passages);
        let terms = match &asked.own {
            Some(own) => found.terms.narrowed(&engine.bm25().question(own).ids),
            None => found.terms.clone(),
        };
        evidence.push(Evidence { question: question.clone(), terms, found });
    }
    if is_for_model {
        evidence = evidence.into_iter().reduce(|one, other| one.and(other, &asked.text)).into_iter().collect();
    }
    Ok(evidence)
}

impl Evidence {
    /// What was found for two questions of the message `text`, as one.
    fn and(self, other: Self, text: &str) -> Self {
        let found = Found::joined(self.found, other.found, EVIDENCE_PASSAGES_MAX);
        Self { question: text.to_owned(), terms: found.terms.clone(), found }
    }
}

/// The evidence out of what was found: passages of an article that has [`PASSAGES_AN_ARTICLE`] before them go behind those of others.
fn of_several_articles(passages: Vec<Passage>) -> Vec<Passage> {
    let mut taken: HashMap<ArticleId, usize> = HashMap::new();
    let (mut first, others): (Vec<Passage>, Vec<Passage>) = passages.into_iter().partition(|passage| {
        let taken = taken.entry(passage.article).or_default();
        *taken += 1;
        *taken <= PASSAGES_AN_ARTICLE
    });
    first.extend(others);
    first.truncate(EVIDENCE_PASSAGES_MAX);
    first
}

/// Whether a question is in a language that none of the passages is in: the model and the words of the one say little about the
/// other. `false` where a language is not known.
pub(super) fn is_in_other_language(question: &str, passages: &[Passage]) -> bool {
    let Some(asked) = Language::detected(question) else { return false };
    let mut languages = passages.iter().map(|passage| passage.language.as_deref());
    !passages.is_empty() && languages.all(|language| language.is_some_and(|language| language != asked.code()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;
    use crate::search::tests::passage;

    #[test]
    fn no_article_fills_the_evidence_when_others_are_there() {
        let ids = Ids::counted();
        let (long, short) = (ArticleId::new(&ids, 1), ArticleId::new(&ids, 2));
        let of = |article, text: &str| Passage { article, ..passage(text) };
        let found = vec![of(long, "1"), of(long, "2"), of(long, "3"), of(long, "4"), of(short, "5")];
        let texts: Vec<String> = of_several_articles(found).into_iter().map(|passage| passage.text).collect();
        assert_eq!(texts, ["1", "2", "3", "5", "4"]);
    }

    #[test]
    fn a_language_that_is_not_known_is_no_other_language() {
        let german = "Wie kann ich eine Rechnung für meine Firma bekommen, wenn ich schon bezahlt habe?";
        let of = |language: Option<&str>| Passage { language: language.map(str::to_owned), ..passage("Text.") };
        assert!(is_in_other_language(german, &[of(Some("en")), of(Some("fr"))]));
        assert!(!is_in_other_language(german, &[of(Some("en")), of(Some("de"))]));
        assert!(!is_in_other_language(german, &[of(Some("en")), of(None)]));
        assert!(!is_in_other_language(german, &[]) && !is_in_other_language("Rechnung?", &[of(Some("en"))]));
    }
}
