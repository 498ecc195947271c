//! What was found for a message: for each of its questions apart, and in one for a language model, which reads them together.

use std::collections::HashMap;

use crate::answer::EVIDENCE_PASSAGES_MAX;
use crate::answer::extractive;
use crate::answer::language::Language;
use crate::answer::rewrite::Asked;
use crate::answer::sentence::{self, Sentence};
use crate::engine::Engine;
use crate::ids::{ArticleId, ChunkId, WorkspaceId};
use crate::index::PassageVectors;
use crate::search::{self, Found, Passage, QuestionTerms, SearchError, SearchQuery};
use crate::telemetry::{Stage, Stages};

/// Passages that are looked for, so that there are enough of several articles.
const PASSAGES_FOUND: usize = 16;
/// Passages of one article that come before those of others. A long article would else fill the evidence: with three, the article that
/// answers is among the ten passages of 133 of 135 questions of a help centre, and of 131 where no article has too many.
const PASSAGES_AN_ARTICLE: usize = 3;

/// A question and what was found for it.
#[derive(Debug)]
pub(super) struct Evidence {
    pub question: String,
    /// The message's own words of it.
    pub own: String,
    /// What a sentence that answers is told by: the message's own words. What was carried over from before finds the passages, but
    /// would let the sentences of the last answer win again.
    pub terms: QuestionTerms,
    pub found: Found,
    /// What each token of the question counts; nothing where it was carried over.
    pub weights: Vec<f32>,
    /// What the index keeps of the best passages; of none that it could not be asked for.
    pub vectors: HashMap<ChunkId, PassageVectors>,
    /// The sentences of the best passages.
    pub sentences: Vec<Sentence>,
}

/// Looks for each question of a message; what was found is one where a model reads all of it.
pub(super) async fn find(
    engine: &Engine,
    workspace: WorkspaceId,
    asked: &Asked,
    is_for_model: bool,
    stages: &mut Stages,
) -> Result<Vec<Evidence>, SearchError> {
    let founds = search(engine, workspace, &asked.questions, stages).await?;
    let mut all: Vec<(&str, Found)> = asked.questions.iter().map(String::as_str).zip(founds).collect();
    if is_for_model && all.len() > 1 {
        let joined =
            all.into_iter().map(|(_, found)| found).reduce(|one, other| one.joined(other, EVIDENCE_PASSAGES_MAX));
        let whole = stages.time(Stage::Embed, engine.embedder().embed_question(&asked.text)).await?;
        all = joined.map(|found| (asked.text.as_str(), Found { question: whole, ..found })).into_iter().collect();
    }
    let mut evidence = Vec::with_capacity(all.len());
    for (question, found) in all {
        let passages = if is_for_model { EVIDENCE_PASSAGES_MAX } else { sentence::PASSAGES_QUOTED };
        let reading = Evidence::read(engine, workspace, question, asked, found, passages);
        evidence.push(stages.time(Stage::Generate, reading).await?);
    }
    Ok(evidence)
}

/// What is found for each of the `questions` that an answer may be made from.
pub(super) async fn search(
    engine: &Engine,
    workspace: WorkspaceId,
    questions: &[String],
    stages: &mut Stages,
) -> Result<Vec<Found>, SearchError> {
    let mut founds = Vec::with_capacity(questions.len());
    for question in questions {
        let query = SearchQuery::new(question, PASSAGES_FOUND);
        let found = search::search(engine, workspace, &query, stages).await?;
        founds.push(Found { passages: of_several_articles(found.passages), ..found });
    }
    Ok(founds)
}

impl Evidence {
    async fn read(
        engine: &Engine,
        workspace: WorkspaceId,
        question: &str,
        asked: &Asked,
        found: Found,
        passages: usize,
    ) -> Result<Self, SearchError> {
        let own = asked.own.as_deref();
        let terms = match own {
            Some(own) => found.terms.narrowed(&engine.bm25().question(own).ids),
            None => found.terms.clone(),
        };
        // What was carried over stands before the message's own words.
        let own_start = own.filter(|own| question.ends_with(own)).map_or(0, |own| question.len() - own.len());
        let words = found.question.tokens.iter().map(|token| &token.word);
        let mut weights = search::token_weights(engine.bm25(), &terms, question, words);
        for (weight, token) in weights.iter_mut().zip(&found.question.tokens) {
            if token.word.start < own_start {
                *weight = 0.0;
            }
        }
        let total: f32 = weights.iter().sum();
        if total > 0.0 {
            for weight in &mut weights {
                *weight /= total;
            }
        }
        let mut evidence = Self {
            question: question.to_owned(),
            own: own.unwrap_or(question).to_owned(),
            terms,
            found,
            weights,
            vectors: HashMap::new(),
            sentences: Vec::new(),
        };
        let told = asked.told.as_deref();
        evidence.read_sentences(engine, workspace, told, |rank, _| rank < passages).await?;
        // What helps may stand in another part of the article that answers than what the question is about.
        if let Some(article) = extractive::article(&evidence) {
            let is_other_part = |rank, passage: &Passage| rank >= passages && passage.article == article;
            evidence.read_sentences(engine, workspace, told, is_other_part).await?;
        }
        Ok(evidence)
    }

    /// Adds the sentences of those passages that `is_wanted` says of by their rank.
    async fn read_sentences(
        &mut self,
        engine: &Engine,
        workspace: WorkspaceId,
        told: Option<&str>,
        is_wanted: impl Fn(usize, &Passage) -> bool,
    ) -> Result<(), SearchError> {
        let passages = self.found.passages.iter().enumerate().filter(|(rank, passage)| is_wanted(*rank, passage));
        let (ranks, chunks): (Vec<usize>, Vec<ChunkId>) = passages.map(|(rank, passage)| (rank, passage.chunk)).unzip();
        let generation = engine.generation();
        // After a switch the vectors of the former generation are gone; sentences are then told by their words.
        if generation.row.id == self.found.generation {
            match generation.index.vectors(workspace, &chunks).await {
                Ok(vectors) => self.vectors.extend(vectors),
                Err(error) => tracing::warn!(%error, "sentences are told by their words alone"),
            }
        }
        let read = sentence::read(engine, self, &ranks, told);
        self.sentences.extend(read);
        Ok(())
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
/// other. Passages whose language is not known do not count.
pub(super) fn is_in_other_language(question: &str, passages: &[Passage]) -> bool {
    let Some(asked) = Language::detected(question) else { return false };
    let mut languages = passages.iter().filter_map(|passage| passage.language.as_deref()).peekable();
    languages.peek().is_some() && languages.all(|language| language != asked.code())
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ids::Ids;
    use crate::inference::QuestionEmbedding;
    use crate::search::tests::passage;

    /// Nothing found for `question`.
    pub(in crate::answer) fn evidence(question: &str) -> Evidence {
        let terms = QuestionTerms::default();
        let found = Found {
            passages: Vec::new(),
            terms: terms.clone(),
            question: Arc::new(QuestionEmbedding::default()),
            generation: "1".into(),
        };
        Evidence {
            question: question.to_owned(),
            own: question.to_owned(),
            terms,
            found,
            weights: Vec::new(),
            vectors: HashMap::new(),
            sentences: Vec::new(),
        }
    }

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
    fn a_question_in_no_language_of_the_articles_is_told_from_others() {
        let german = "Wie kann ich eine Rechnung für meine Firma bekommen, wenn ich schon bezahlt habe?";
        let of = |language: Option<&str>| Passage { language: language.map(str::to_owned), ..passage("Text.") };
        assert!(is_in_other_language(german, &[of(Some("en")), of(Some("fr"))]));
        assert!(!is_in_other_language(german, &[of(Some("en")), of(Some("de"))]));
        assert!(
            is_in_other_language(german, &[of(Some("en")), of(None)]) && !is_in_other_language(german, &[of(None)])
        );
        assert!(!is_in_other_language(german, &[]) && !is_in_other_language("Rechnung?", &[of(Some("en"))]));
    }
}
