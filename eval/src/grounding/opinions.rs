//! What models think of the sentences of labelled answers: which words their context carries by meaning, and what a checker says.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use anyhow::{Context, Result};
use candor::answer::opinions::{self, Opinion};
use candor::answer::support::Meanings;
use candor::inference::{Embedder, Entailment, InferenceError, Passage, PassageEmbedding, Statement};
use candor::knowledge::sentences;
use tokio::task::JoinSet;

use super::Labelled;
use crate::progress;

/// Tokens of the parts that a context is embedded in: more the model does not see. Special tokens included.
const PART_TOKENS_MAX: usize = 256;

/// Answers that are on their way at a time. A checker has so much time for an answer, which another one would take a part of.
const ANSWERS_IN_FLIGHT: usize = 8;
const ANSWERS_IN_FLIGHT_OF_CHECKER: usize = 1;

/// The models that are asked; each may be none.
#[derive(Clone)]
pub struct Models {
    pub embedder: Option<Embedder>,
    pub checker: Option<Entailment>,
}

/// The opinions of each answer's statements, in the answers' order. Where the checker fails, they are without its own, as in the product,
/// and it is said how often that was.
///
/// # Errors
/// As the embedding model.
pub async fn of_answers(models: &Models, answers: &[Labelled], statements: &[Vec<&str>]) -> Result<Vec<Vec<Opinion>>> {
    let bar = progress::bar("asking models", answers.len());
    let mut contexts: HashMap<&str, Arc<Vec<Meanings>>> = HashMap::new();
    let mut opinions = vec![Vec::new(); answers.len()];
    let mut waiting = answers.iter().zip(statements).enumerate();
    let in_flight = if models.checker.is_some() { ANSWERS_IN_FLIGHT_OF_CHECKER } else { ANSWERS_IN_FLIGHT };
    let mut flying = JoinSet::new();
    let mut failures: Vec<InferenceError> = Vec::new();
    loop {
        while flying.len() < in_flight
            && let Some((place, (answer, statements))) = waiting.next()
        {
            let meanings = match (contexts.entry(&answer.context), &models.embedder) {
                (_, None) => Arc::default(),
                (Entry::Occupied(known), _) => Arc::clone(known.get()),
                (Entry::Vacant(place), Some(embedder)) => {
                    Arc::clone(place.insert(Arc::new(meanings(embedder, &answer.context).await?)))
                }
            };
            let (models, context) = (models.clone(), answer.context.clone());
            let statements: Vec<String> = statements.iter().map(|statement| (*statement).to_owned()).collect();
            flying.spawn(async move { (place, of_answer(&models, &meanings, &context, statements).await) });
        }
        let Some(done) = flying.join_next().await else { break };
        let (place, asked) = done?;
        let (asked, failure) = asked?;
        opinions[place] = asked;
        failures.extend(failure);
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(first) = failures.first() {
        eprintln!("{} answers were checked without the checker: {first}", failures.len());
    }
    Ok(opinions)
}

/// The opinions of one answer's statements, and why the checker has none.
async fn of_answer(
    models: &Models,
    meanings: &[Meanings],
    context: &str,
    statements: Vec<String>,
) -> Result<(Vec<Opinion>, Option<InferenceError>)> {
    let mut opinions = vec![Opinion::default(); statements.len()];
    if let Some(embedder) = &models.embedder {
        let meanings: Vec<&Meanings> = meanings.iter().collect();
        for (opinion, statement) in opinions.iter_mut().zip(&statements) {
            let carried = opinions::carried(embedder, statement, &meanings).await;
            opinion.carried = Some(carried.context("a sentence cannot be embedded")?);
        }
    }
    let Some(checker) = &models.checker else { return Ok((opinions, None)) };
    let statement = |sentence: String| Statement { passages: context.to_owned(), sentence };
    match opinions::entailments(checker, statements.into_iter().map(statement).collect()).await {
        Ok(entailments) => {
            for (opinion, entailment) in opinions.iter_mut().zip(entailments) {
                opinion.entailment = entailment;
            }
            Ok((opinions, None))
        }
        Err(failure) => Ok((opinions, Some(failure))),
    }
}

/// A context as its parts, each embedded as a chunk of an article is.
async fn meanings(embedder: &Embedder, context: &str) -> Result<Vec<Meanings>> {
    let texts: Vec<&str> = parts(embedder, context).into_iter().map(|span| &context[span]).collect();
    let passage = |text: &&str| Passage { text: (*text).to_owned(), sentences: Vec::new() };
    let embeddings = embedder.embed_passages(texts.iter().map(passage).collect()).await;
    let embeddings = embeddings.context("a context cannot be embedded")?;
    let read = |(text, embedding): (&str, PassageEmbedding)| {
        Meanings::of_passage(text, &embedder.words(text), &embedding.tokens)
    };
    Ok(texts.into_iter().zip(embeddings).map(read).collect())
}

/// Neighbouring sentences that the model sees whole together. Of a sentence that is longer by itself it sees the beginning.
fn parts(embedder: &Embedder, context: &str) -> Vec<Range<usize>> {
    // A text that is no text for the tokenizer is one that the model does not see either.
    let tokens = |span: &Range<usize>| {
        embedder.tokenizer().encode(&context[span.clone()], true).map_or(PART_TOKENS_MAX, |encoding| encoding.len())
    };
    let mut parts: Vec<Range<usize>> = Vec::new();
    for sentence in sentences::split(context) {
        let longer = parts.last().map(|part| part.start..sentence.end);
        match (longer.filter(|longer| tokens(longer) <= PART_TOKENS_MAX), parts.last_mut()) {
            (Some(longer), Some(part)) => *part = longer,
            _ => parts.push(sentence),
        }
    }
    parts
}
