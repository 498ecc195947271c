//! A checker: a cross-encoder that reads passages and a sentence together and says whether the one follows from the other. Candor ships
//! none; who has one names it, and it then has a say beside the check that asks no model.

mod classifier;

use std::sync::Arc;
use std::time::Duration;

use fastembed::TextRerank;

use crate::config::Config;
use crate::inference::InferenceError;
use crate::inference::breaker::Breaker;
use crate::inference::files::{cross_encoder_of_hub, failed, runtime};
use crate::inference::lanes::Lane;
use classifier::Classifier;

/// What the circuit before it is called in `circuit_state`.
const UPSTREAM: &str = "checker";

/// How long it may take for all sentences of an answer: a customer waits, and they are checked without it too.
const BUDGET: Duration = Duration::from_secs(5);

/// A checker with a lane of its own; cheap to clone.
#[derive(Clone)]
pub struct Entailment {
    name: String,
    lane: Arc<Lane<Checker>>,
    breaker: Breaker,
}

impl std::fmt::Debug for Entailment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Entailment({})", self.name)
    }
}

/// A sentence with what it is said to follow from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The text of its passages.
    pub passages: String,
    /// What it says.
    pub sentence: String,
}

/// What reads a statement.
enum Checker {
    /// From a folder: one logit, or one a label.
    Classifier(Classifier),
    /// From the hub: a model that was made for ranking passages, whose one logit is taken for what it is worth.
    Ranking(TextRerank),
}

impl Entailment {
    /// Loads the model that `config` names, from its folder or from the hub; `None` when it names none.
    ///
    /// # Errors
    /// [`InferenceError::NotSetUp`] for a model that is neither, [`InferenceError::Failed`] for one that does not load or does not say
    /// which of its labels is entailment.
    pub fn open(config: &Config) -> Result<Option<Self>, InferenceError> {
        let Some(name) = config.checker_model.clone() else { return Ok(None) };
        let environment = runtime(&config.runtime_library)?;
        let folder = config.models_dir.join(&name);
        let checker = if folder.is_dir() {
            Checker::Classifier(Classifier::load(&environment, &folder, config.embedding_sessions)?)
        } else {
            Checker::Ranking(cross_encoder_of_hub(config, environment, &name, "CANDOR_CHECKER_MODEL")?)
        };
        let lane = Lane::start("check", vec![checker], config.question_queue_max, false)?;
        Ok(Some(Self { name, lane: Arc::new(lane), breaker: Breaker::new(UPSTREAM) }))
    }

    /// What the model is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is asked: one that has failed again and again is left alone for a while.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.lane.is_running() && self.breaker.is_passable()
    }

    /// How likely each sentence follows from its passages, 0 to 1, in the statements' order; `None` for a sentence that is too long for
    /// the model to read.
    ///
    /// # Errors
    /// [`InferenceError::Failed`], also when it takes longer than five seconds, or has done so again and again and is left alone for a
    /// while; never a part of them.
    pub async fn probabilities(&self, statements: Vec<Statement>) -> Result<Vec<Option<f64>>, InferenceError> {
        let Some(passage) = self.breaker.pass() else {
            return Err(InferenceError::Failed(format!("{} has failed again and again and is left alone", self.name)));
        };
        let read = async {
            let mut waiting = Vec::with_capacity(statements.len());
            for statement in statements {
                // One task each: those that nobody waits for any more are left out.
                waiting.push(self.lane.queue(move |checker: &mut Checker| checker.probability(&statement)).await?);
            }
            let mut probabilities = Vec::with_capacity(waiting.len());
            for pending in waiting {
                probabilities.push(pending.outcome().await?);
            }
            Ok(probabilities)
        };
        let too_slow = || InferenceError::Failed(format!("{} took longer than {} s", self.name, BUDGET.as_secs()));
        let outcome = tokio::time::timeout(BUDGET, read).await.unwrap_or_else(|_| Err(too_slow()));
        match outcome {
            Ok(_) => passage.succeeded(),
            Err(_) => passage.failed(None),
        }
        outcome
    }
}

impl Checker {
    fn probability(&mut self, statement: &Statement) -> Result<Option<f64>, InferenceError> {
        let probability = match self {
            Self::Classifier(classifier) => classifier.probability(&statement.passages, &statement.sentence)?,
            Self::Ranking(model) => {
                let passages = [statement.passages.as_str()];
                let results = model.rerank(statement.sentence.as_str(), passages, false, None).map_err(failed)?;
                results.first().map(|result| sigmoid(result.score))
            }
        };
        match probability {
            Some(probability) if !probability.is_finite() => {
                Err(InferenceError::Failed("the checker gave a score that is no number".into()))
            }
            probability => Ok(probability),
        }
    }
}

fn sigmoid(logit: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(logit)).exp())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::inference::counter::counter;
    use crate::inference::files::CROSS_ENCODER_TOKENS_MAX;

    /// A checker in a folder that counts these words, one a label.
    fn checker(folder: &Path, words: &[&str], labels: &[&str]) -> Result<Entailment, InferenceError> {
        let config = Config { checker_model: Some("counter".into()), ..counter(folder, words, labels) };
        Entailment::open(&config).map(Option::unwrap)
    }

    fn statement(passages: &str, sentence: &str) -> Statement {
        Statement { passages: passages.to_owned(), sentence: sentence.to_owned() }
    }

    async fn read(checker: &Entailment, statements: &[(&str, &str)]) -> Vec<Option<f64>> {
        let statements = statements.iter().map(|(passages, sentence)| statement(passages, sentence)).collect();
        checker.probabilities(statements).await.unwrap()
    }

    #[tokio::test]
    async fn a_model_with_one_logit_scores_sentences_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let checker = checker(folder.path(), &["battery"], &[]).unwrap();
        let statements =
            [("Nothing of it.", "No word."), ("The battery.", "A battery lasts."), ("The battery.", "It lasts.")];
        let scores = read(&checker, &statements).await;
        assert_eq!(scores[0], Some(0.5));
        assert!(scores[1] > scores[2] && scores[2] > scores[0], "{scores:?}");
        assert!(checker.probabilities(Vec::new()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn of_three_labels_the_one_called_entailment_counts() {
        let folder = tempfile::tempdir().unwrap();
        let labels = ["contradiction", "ENTAILMENT", "neutral"];
        let checker = checker(folder.path(), &["not", "battery", "perhaps"], &labels).unwrap();
        let statements = [
            ("The battery.", "The battery lasts."),
            ("The battery.", "It lasts."),
            ("It lasts.", "It lasts."),
            ("It does not.", "It lasts not, perhaps."),
        ];
        let scores: Vec<f64> = read(&checker, &statements).await.into_iter().flatten().collect();
        assert!(scores.is_sorted_by(|one, other| one > other), "{scores:?}");
        assert!((scores[2] - 1.0 / 3.0).abs() < 1e-6, "{scores:?}");
    }

    #[tokio::test]
    async fn long_passages_are_read_to_their_end_and_a_sentence_that_is_too_long_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let checker = checker(folder.path(), &["battery"], &[]).unwrap();
        let long = "word ".repeat(2 * CROSS_ENCODER_TOKENS_MAX);
        let statements = [(&*format!("{long} battery battery"), "It lasts."), ("The battery.", &long)];
        let scores = read(&checker, &statements).await;
        assert!(scores[0] > Some(0.8) && scores[1].is_none(), "{scores:?}");
    }

    #[tokio::test]
    async fn a_checker_that_fails_again_and_again_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let checker = checker(folder.path(), &["battery"], &[]).unwrap();
        assert!(checker.is_asked());
        let broken: Lane<Checker> = Lane::start("check", Vec::new(), 1, false).unwrap();
        let broken = Entailment { lane: Arc::new(broken), ..checker.clone() };
        for _ in 0..5 {
            let error = broken.probabilities(vec![statement("The battery.", "It lasts.")]).await.unwrap_err();
            assert!(error.to_string().contains("ended"), "{error}");
        }
        let error = checker.probabilities(vec![statement("The battery.", "It lasts.")]).await.unwrap_err();
        assert!(error.to_string().contains("left alone") && !checker.is_asked(), "{error}");
    }

    #[test]
    fn a_model_that_cannot_be_used_is_told_when_it_is_loaded() {
        assert!(Entailment::open(&Config::default()).unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        let config = Config { checker_model: Some("nowhere".into()), ..counter(folder.path(), &["battery"], &[]) };
        let error = Entailment::open(&config).unwrap_err();
        assert!(matches!(error, InferenceError::NotSetUp { variable: "CANDOR_CHECKER_MODEL", .. }), "{error}");

        let folder = tempfile::tempdir().unwrap();
        let error = checker(folder.path(), &["not", "battery"], &["LABEL_0", "LABEL_1"]).unwrap_err();
        assert!(error.to_string().contains("entailment"), "{error}");
    }
}
