//! From a question to passages: embed → candidates by meaning and by words, scored by six signals → fuse → what is visible.

mod frequencies;
pub mod fuse;
mod readiness;
mod superseded;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

pub use frequencies::FrequencyCache;
pub use readiness::{Comparison, NotReady, Readiness};

use crate::database::DatabaseError;
use crate::engine::{Engine, OpenError};
use crate::ids::{ArticleId, ChunkId, VersionId, WorkspaceId};
use crate::index::{Bm25, IndexError, IndexQuery, Scores, Signal, TermFrequencies, TermId};
use crate::inference::{InferenceError, QuestionEmbedding, QuestionToken, Reranker};
use crate::knowledge::parse::SUPERSEDED;
use crate::knowledge::points::told;
use crate::knowledge::store::{self, Standing, VisibleChunk};
use crate::search::fuse::Ranked;
use crate::telemetry::{Stage, Stages};

/// What this way of ranking is called; the number goes up when passages are ranked otherwise.
pub const NAME: &str = "six-signals-2";

/// Candidates that meaning and words bring each. More than are shown, because some may have been replaced since.
const CANDIDATES_A_SIGNAL: usize = 24;

/// Passages that can be asked for without more candidates than an answer has: figures of long rankings are then the product's.
pub const PASSAGES_MAX: usize = 2 * CANDIDATES_A_SIGNAL;

/// Passages that a cross-encoder reads, where there is one: each takes as long as embedding a chunk, or longer.
const RERANKED_MAX: usize = 10;

/// The least that a token of the question counts, where the IDF of its word is what it counts. Words without a term of their own, such
/// as "not" and "before", still say what is asked. From 0.3 to 2 no open set moves by more than two points.
const TOKEN_WEIGHT_MIN: f32 = 1.0;

/// How often a search looks again when articles change while it looks; each look is one version of each article or another.
const LOOKS_MAX: usize = 5;

/// What to look for.
#[derive(Clone, Debug)]
pub struct SearchQuery<'a> {
    /// The question, in the asker's words.
    pub text: &'a str,
    /// Only articles with one of these tags; empty: all.
    pub tags: &'a [String],
    /// How many passages at most.
    pub limit: usize,
}

impl<'a> SearchQuery<'a> {
    /// Looks for `text` in all articles, as the product does.
    #[must_use]
    pub fn new(text: &'a str, limit: usize) -> Self {
        Self { text, tags: &[], limit }
    }
}

/// A chunk that was found, with why.
#[derive(Clone, Debug)]
pub struct Passage {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its article.
    pub article: ArticleId,
    /// The version whose plain text it stands in.
    pub version: VersionId,
    /// The article's path below the ingested folder.
    pub source: String,
    /// The article's title.
    pub title: String,
    /// Where a customer can read the article.
    pub url: Option<String>,
    /// The article's language, ISO 639-1.
    pub language: Option<String>,
    /// The headings above it.
    pub heading_path: Vec<String>,
    /// Its first code point in the version's plain text.
    pub start_char: usize,
    /// One after its last.
    pub end_char: usize,
    /// What it says.
    pub text: String,
    /// Whether its article says that another has taken its place.
    pub is_superseded: bool,
    /// What it was ranked by; see [`Signals`].
    pub signals: Signals,
    /// What passages are ranked by: the weighted mean of the signals, at most 1, or what the cross-encoder says.
    pub score: f32,
}

/// How much a passage says about a question, by each signal alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signals {
    /// Cosine of question and chunk, -1 to 1.
    pub cosine: f32,
    /// BM25 as a share of what a chunk with all of the question's words could reach, 0 to 1.
    pub bm25: f32,
    /// Late interaction: the mean cosine of the question's tokens with the nearest of the chunk's, weighted by IDF, -1 to 1.
    #[serde(default)]
    pub tokens: f32,
    /// Cosine of the question and the chunk's nearest sentence, -1 to 1.
    #[serde(default)]
    pub sentence_cosine: f32,
    /// Cosine of the question and the article's title, -1 to 1.
    #[serde(default)]
    pub title_cosine: f32,
    /// The share of the question's words, by IDF, that stand in the article's title, 0 to 1.
    #[serde(default)]
    pub title_words: f32,
    /// What the cross-encoder says, 0 to 1, where there is one and the passage was among the best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_encoder: Option<f32>,
}

impl Signals {
    /// The same by number.
    #[must_use]
    pub fn scores(&self) -> Scores {
        Scores([self.cosine, self.bm25, self.tokens, self.sentence_cosine, self.title_cosine, self.title_words])
    }

    fn of(scores: &Scores) -> Self {
        Self {
            cosine: scores[Signal::Meaning],
            bm25: scores[Signal::Words],
            tokens: scores[Signal::Tokens],
            sentence_cosine: scores[Signal::Sentences],
            title_cosine: scores[Signal::Title],
            title_words: scores[Signal::TitleWords],
            cross_encoder: None,
        }
    }
}

/// The question's distinct terms with how telling each is in this workspace.
#[derive(Clone, Debug, Default)]
pub struct QuestionTerms {
    /// Term and inverse document frequency.
    pub idf: BTreeMap<TermId, f32>,
    /// Those that stand in no chunk at all.
    pub unknown: BTreeSet<TermId>,
}

impl QuestionTerms {
    /// The sum of all terms' inverse document frequencies.
    #[must_use]
    pub fn mass(&self) -> f32 {
        self.idf.values().sum()
    }

    /// The share of the question's mass whose terms are among `terms`, 0 to 1.
    #[must_use]
    pub fn covered_by(&self, terms: &[TermId]) -> f32 {
        share(terms.iter().filter_map(|term| self.idf.get(term)).sum(), self.mass())
    }

    /// The share of the question's mass whose terms stand in no chunk at all, 0 to 1.
    #[must_use]
    pub fn unknown_share(&self) -> f32 {
        share(self.unknown.iter().filter_map(|term| self.idf.get(term)).sum(), self.mass())
    }

    /// Those of the terms that are among `ids`.
    #[must_use]
    pub fn narrowed(&self, ids: &[TermId]) -> Self {
        let idf: BTreeMap<TermId, f32> = ids.iter().filter_map(|id| Some((*id, *self.idf.get(id)?))).collect();
        let unknown = self.unknown.iter().filter(|term| idf.contains_key(term)).copied().collect();
        Self { idf, unknown }
    }
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Best first.
    pub passages: Vec<Passage>,
    /// The question as BM25 saw it.
    pub terms: QuestionTerms,
    /// The question as the embedding model saw it.
    pub question: Arc<QuestionEmbedding>,
    /// The index generation that was asked.
    pub generation: String,
}

impl Found {
    /// What two searches of one workspace found, as one: the best of each, then the second of each, and so on, each passage once and
    /// at most `limit` of them. The vectors of the question are those of the first.
    #[must_use]
    pub fn joined(mut self, other: Self, limit: usize) -> Self {
        self.terms.idf.extend(other.terms.idf);
        self.terms.unknown.extend(other.terms.unknown);
        let mut seen = HashSet::new();
        let ranked = self.passages.into_iter().enumerate().chain(other.passages.into_iter().enumerate());
        let mut ranked: Vec<(usize, Passage)> = ranked.filter(|(_, passage)| seen.insert(passage.chunk)).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        self.passages = ranked.into_iter().map(|(_, passage)| passage).take(limit).collect();
        self
    }
}

/// What `part` is of `whole`, 0 to 1; 0 of nothing.
pub(crate) fn share(part: f32, whole: f32) -> f32 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// What a caller can do about a search that failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// There is no such workspace.
    #[error("there is no workspace {0}")]
    NoWorkspace(WorkspaceId),
    /// The index has not all that SQL has.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The embedding model.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The active index generation, which this process cannot open.
    #[error(transparent)]
    Generation(#[from] OpenError),
}

impl SearchError {
    /// Whether it is the search itself that does not work, and not the customer's question, the load or the database: a person can take
    /// the question then, and it can be stored for one.
    #[must_use]
    pub fn is_of_search(&self) -> bool {
        match self {
            Self::NotReady(_) | Self::Generation(_) => true,
            Self::Index(error) => !matches!(error, IndexError::DiskFull),
            Self::Inference(error) => !matches!(error, InferenceError::Overloaded),
            Self::NoWorkspace(_) | Self::Database(_) => false,
        }
    }
}

/// Finds the passages of `workspace` that say most about the question, best first.
///
/// # Errors
/// [`SearchError`].
pub async fn search(
    engine: &Engine,
    workspace: WorkspaceId,
    query: &SearchQuery<'_>,
    stages: &mut Stages,
) -> Result<Found, SearchError> {
    engine.readiness().check()?;
    let embedding = stages.time(Stage::Embed, engine.embedder().embed_question(query.text)).await?;
    let looked = async {
        let mut looks = 1;
        loop {
            let (found, is_whole) = look(engine, workspace, query, Arc::clone(&embedding)).await?;
            if is_whole || looks == LOOKS_MAX {
                return Ok::<_, SearchError>(found);
            }
            looks += 1;
        }
    };
    let mut found = stages.time(Stage::Search, looked).await?;
    if let Some(reranker) = engine.reranker() {
        stages.time(Stage::Rerank, rerank(reranker, query.text, &mut found.passages)).await;
    }
    Ok(found)
}

/// Orders the best passages by what the cross-encoder says; where it says nothing, they stay as they are.
async fn rerank(reranker: &Reranker, question: &str, passages: &mut [Passage]) {
    let (best, others) = passages.split_at_mut(passages.len().min(RERANKED_MAX));
    let texts = best.iter().map(|passage| told(&passage.title, &passage.heading_path, &passage.text)).collect();
    match reranker.scores(question, texts).await {
        Ok(scores) => {
            for (passage, score) in best.iter_mut().zip(scores) {
                passage.signals.cross_encoder = Some(score);
                passage.score = score;
            }
            best.sort_by(|one, other| other.score.total_cmp(&one.score));
            // Its scores have another scale than the fused ones: what it has not read must not pass for better than what it has.
            let least = best.last().map_or(0.0, |passage| passage.score);
            for passage in others {
                passage.score = passage.score.min(least);
            }
        }
        Err(error) => tracing::warn!(%error, "passages are not reranked"),
    }
}

/// Looks once. The index and SQL are two looks: says `false` when something was replaced between them, so that neither the old
/// nor the new may have been seen.
async fn look(
    engine: &Engine,
    workspace: WorkspaceId,
    query: &SearchQuery<'_>,
    embedding: Arc<QuestionEmbedding>,
) -> Result<(Found, bool), SearchError> {
    let standing = standing(engine, workspace).await?;
    let mut generation = engine.generation();
    if generation.row.id != standing.generation {
        generation = engine.active_generation().await?;
    }
    let question = engine.bm25().question(query.text);
    let frequencies =
        engine.frequencies().of(engine.database(), workspace, &generation.row.id, standing.knowledge_version).await?;
    let terms = question_terms(&frequencies, &question.ids);
    let words = embedding.tokens.iter().map(|token| &token.word);
    let weights = token_weights(engine.bm25(), &terms, query.text, words);
    let index_query = IndexQuery {
        dense: embedding.dense.clone(),
        tokens: weighted(&embedding.tokens, &weights),
        terms: frequencies.weighted(&question),
        tags: query.tags.to_vec(),
        limit: CANDIDATES_A_SIGNAL.max(query.limit.div_ceil(2)),
    };
    let ranked = fuse::rank(generation.index.search(workspace, index_query).await?, terms.mass());
    let ids: Vec<ChunkId> = ranked.iter().map(|ranked| ranked.candidate.chunk).collect();
    // As many as are wanted, and only if some of those are not visible, all: reading a hundred texts to show ten is most of
    // a search's time.
    let best = &ids[..ids.len().min(query.limit)];
    let mut visible = store::visible_chunks(engine.database(), workspace, &generation.row.id, best).await?;
    let mut is_whole = visible.len() == best.len();
    if !is_whole {
        visible = store::visible_chunks(engine.database(), workspace, &generation.row.id, &ids).await?;
        is_whole = self::standing(engine, workspace).await? == standing && standing.generation == generation.row.id;
    }
    let mut passages = passages(visible, &ranked);
    passages.truncate(query.limit);
    superseded::leave_out(&mut passages, engine.bm25(), query.text);
    Ok((Found { passages, terms, question: embedding, generation: generation.row.id.clone() }, is_whole))
}

async fn standing(engine: &Engine, workspace: WorkspaceId) -> Result<Standing, SearchError> {
    store::standing(engine.database(), workspace).await?.ok_or(SearchError::NoWorkspace(workspace))
}

fn question_terms(frequencies: &TermFrequencies, terms: &[TermId]) -> QuestionTerms {
    let unknown = |term: &&TermId| frequencies.chunks_with(**term) == 0;
    QuestionTerms {
        idf: terms.iter().map(|term| (*term, frequencies.idf(*term))).collect(),
        unknown: terms.iter().filter(unknown).copied().collect(),
    }
}

/// What each token of a question counts, given the bytes of their words: the words' IDF, as shares of one.
#[must_use]
pub fn token_weights<'a>(
    bm25: &Bm25,
    terms: &QuestionTerms,
    question: &str,
    words: impl Iterator<Item = &'a Range<usize>>,
) -> Vec<f32> {
    let idf = |term: TermId| terms.idf.get(&term).copied().unwrap_or_default();
    let weight = |word: &Range<usize>| {
        let word = question.get(word.clone()).unwrap_or_default();
        bm25.question(word).ids.into_iter().map(idf).fold(TOKEN_WEIGHT_MIN, f32::max)
    };
    let weights: Vec<f32> = words.map(weight).collect();
    let total: f32 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

/// The tokens' vectors, each as long as what it counts: the mean is then a sum of products.
fn weighted(tokens: &[QuestionToken], weights: &[f32]) -> Vec<Vec<f32>> {
    let scaled = |(token, weight): (&QuestionToken, &f32)| token.vector.iter().map(|float| float * weight).collect();
    tokens.iter().zip(weights).map(scaled).collect()
}

/// The visible chunks in the order of the ranking.
fn passages(visible: Vec<VisibleChunk>, ranked: &[Ranked]) -> Vec<Passage> {
    let mut visible: HashMap<ChunkId, VisibleChunk> = visible.into_iter().map(|chunk| (chunk.id, chunk)).collect();
    ranked
        .iter()
        .filter_map(|ranked| {
            let chunk = visible.remove(&ranked.candidate.chunk)?;
            Some(Passage {
                chunk: chunk.id,
                article: chunk.article,
                version: chunk.version,
                source: chunk.source,
                title: chunk.title,
                url: chunk.url,
                language: chunk.language,
                heading_path: chunk.heading_path,
                start_char: usize::try_from(chunk.start_char).unwrap_or_default(),
                end_char: usize::try_from(chunk.end_char).unwrap_or_default(),
                text: chunk.text,
                is_superseded: chunk.tags.iter().any(|tag| tag == SUPERSEDED),
                signals: Signals::of(&ranked.candidate.scores),
                score: ranked.score,
            })
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ids::Ids;
    use crate::inference::reranker::tests::model;

    pub(crate) fn passage(text: &str) -> Passage {
        let ids = Ids::counted();
        let version = VersionId::new(&ids, 1);
        Passage {
            chunk: ChunkId::of(version, "1", 0),
            article: ArticleId::new(&ids, 1),
            version,
            source: "a.md".into(),
            title: "A".into(),
            url: None,
            language: None,
            heading_path: Vec::new(),
            start_char: 0,
            end_char: text.chars().count(),
            text: text.to_owned(),
            is_superseded: false,
            signals: Signals::default(),
            score: 0.5,
        }
    }

    #[tokio::test]
    async fn a_cross_encoder_orders_the_best_and_leaves_the_others_behind_them() {
        let folder = tempfile::tempdir().unwrap();
        let reranker = Reranker::open(&model(folder.path())).unwrap().unwrap();
        let mut passages: Vec<Passage> = (0..RERANKED_MAX).map(|_| passage("Nothing of the kind.")).collect();
        passages[7] = passage("The battery.");
        passages.push(passage("battery battery battery"));
        rerank(&reranker, "How long does it last?", &mut passages).await;
        assert_eq!(passages[0].text, "The battery.");
        assert!(passages[0].signals.cross_encoder.unwrap() > passages[1].signals.cross_encoder.unwrap());
        assert_eq!(passages[RERANKED_MAX].text, "battery battery battery");
        assert_eq!(passages[RERANKED_MAX].signals.cross_encoder, None);
        assert!(passages[RERANKED_MAX].score <= passages[RERANKED_MAX - 1].score);
    }

    #[test]
    fn a_token_counts_by_its_word_and_words_without_a_term_count_a_little() {
        let bm25 = Bm25::new().unwrap();
        let question = "is the battery dead";
        let idf = bm25.question(question).ids.into_iter().map(|term| (term, 3.0)).collect();
        let terms = QuestionTerms { idf, unknown: BTreeSet::new() };
        let words = [0..2, 3..6, 7..14, 15..19];
        let weights = token_weights(&bm25, &terms, question, words.iter());
        assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((weights[2] / weights[0] - 3.0).abs() < 1e-5 && (weights[0] - weights[1]).abs() < 1e-6);
    }
}
