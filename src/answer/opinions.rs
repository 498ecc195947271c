//! What models think of each sentence of a reply, asked before it is checked, so that the check itself asks nobody.
//!
//! Two are asked: the embedding model, for which words the passages carry by their meaning, and a checker where the settings name one. A
//! sentence of which a model says nothing is checked without it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::answer::evidence::Evidence;
use crate::answer::grounded::Claim;
use crate::answer::orders;
use crate::answer::support::{self, Carried, Meanings};
use crate::engine::Engine;
use crate::inference::{Embedder, Entailment, InferenceError, Statement};
use crate::knowledge::points::told;

/// What models think of a sentence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opinion {
    /// Which of its words its passages carry by their meaning; `None` where there are no vectors.
    pub carried: Option<Carried>,
    /// How likely it follows from its passages, 0 to 1; `None` where no checker says so.
    pub entailment: Option<f64>,
}

/// What became of asking a checker.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CheckerTrace {
    /// The model.
    pub model: String,
    /// `ok`, or what went wrong, in words; the sentences are then checked without it.
    pub result: String,
}

/// Asks for an opinion of each of the `claims`, in their order, and says what became of the `checker` where there is one.
pub(super) async fn ask(
    engine: &Engine,
    evidence: &Evidence,
    checker: Option<&Entailment>,
    claims: &[Claim],
) -> (Vec<Opinion>, Option<CheckerTrace>) {
    let mut opinions = vec![Opinion::default(); claims.len()];
    if engine.embedder().tells_near_words()
        && let Err(error) = read_meanings(engine, evidence, claims, &mut opinions).await
    {
        tracing::warn!(%error, "words are compared without their meaning");
    }
    let Some(checker) = checker else { return (opinions, None) };
    let statement = |claim: &Claim| Statement { passages: claim.offered.clone(), sentence: claim.statement.clone() };
    let result = match entailments(checker, claims.iter().map(statement).collect()).await {
        Ok(entailments) => {
            for (opinion, entailment) in opinions.iter_mut().zip(entailments) {
                opinion.entailment = entailment;
            }
            "ok".to_owned()
        }
        Err(error) => {
            tracing::warn!(%error, model = checker.name(), "sentences are checked without the checker");
            error.to_string()
        }
    };
    (opinions, Some(CheckerTrace { model: checker.name().to_owned(), result }))
}

/// Fills in which words the named passages carry, as far as there are vectors.
async fn read_meanings(
    engine: &Engine,
    evidence: &Evidence,
    claims: &[Claim],
    opinions: &mut [Opinion],
) -> Result<(), InferenceError> {
    let mut read: HashMap<usize, Meanings> = HashMap::new();
    for (claim, opinion) in claims.iter().zip(opinions) {
        for rank in &claim.passages {
            let passage = &evidence.found.passages[*rank];
            // The words of an order carry nothing; which vectors are theirs is not worth telling.
            let has_order = !orders::places(&passage.text).is_empty();
            if let (false, Entry::Vacant(place), Some(vectors)) =
                (has_order, read.entry(*rank), evidence.vectors.get(&passage.chunk))
            {
                let text = told(&passage.title, &passage.heading_path, &passage.text);
                place.insert(Meanings::of_passage(&text, &engine.embedder().words(&text), &vectors.tokens));
            }
        }
        let passages: Vec<&Meanings> = claim.passages.iter().filter_map(|rank| read.get(rank)).collect();
        if !passages.is_empty() {
            opinion.carried = Some(carried(engine.embedder(), &claim.statement, &passages).await?);
        }
    }
    Ok(())
}

/// Which words of `sentence` the passages carry by their meaning.
///
/// # Errors
/// [`InferenceError::Overloaded`] when too many questions wait already.
pub async fn carried(embedder: &Embedder, sentence: &str, passages: &[&Meanings]) -> Result<Carried, InferenceError> {
    let embedding = embedder.embed_question(sentence).await?;
    Ok(support::carried(&Meanings::of_sentence(sentence, &embedding), passages))
}

/// How likely each sentence follows from its passages, as `checker` says, in the statements' order. One without passages, or that only
/// says that they do not answer, follows from nothing: it is not asked about.
///
/// # Errors
/// As the checker.
pub async fn entailments(checker: &Entailment, statements: Vec<Statement>) -> Result<Vec<Option<f64>>, InferenceError> {
    let follows = |statement: &Statement| !statement.passages.is_empty() && !support::is_admission(&statement.sentence);
    let mut entailments = vec![None; statements.len()];
    let (places, asked): (Vec<usize>, Vec<Statement>) =
        statements.into_iter().enumerate().filter(|(_, statement)| follows(statement)).unzip();
    for (place, probability) in places.into_iter().zip(checker.probabilities(asked).await?) {
        entailments[place] = probability;
    }
    Ok(entailments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::inference::counter::counter;

    #[tokio::test]
    async fn a_checker_is_asked_about_what_claims_something() {
        let folder = tempfile::tempdir().unwrap();
        let labels = ["contradiction", "entailment", "neutral"];
        let config = counter(folder.path(), &["not", "battery", "perhaps"], &labels);
        let checker = Entailment::open(&Config { checker_model: Some("counter".into()), ..config }).unwrap().unwrap();
        let statements = [
            ("The battery lasts.", "The battery lasts."),
            ("The battery lasts.", "The article does not say how long."),
            ("", "The battery lasts."),
            ("It does not last.", "It does not."),
        ];
        let statement = |(passages, sentence): (&str, &str)| Statement {
            passages: passages.to_owned(),
            sentence: sentence.to_owned(),
        };
        let entailments = entailments(&checker, statements.map(statement).to_vec()).await.unwrap();
        assert!(entailments[0] > Some(0.7) && entailments[3] < Some(0.2), "{entailments:?}");
        assert!(entailments[1].is_none() && entailments[2].is_none(), "{entailments:?}");
    }
}
