//! A cross-encoder: it reads the question and a passage together. Slower by far than comparing vectors, so it sees the best passages only.

use std::sync::Arc;
use std::time::Duration;

use fastembed::{OnnxSource, RerankInitOptionsUserDefined, TextRerank, UserDefinedRerankingModel};

use crate::config::Config;
use crate::inference::InferenceError;
use crate::inference::files::{CROSS_ENCODER_TOKENS_MAX, cross_encoder_of_hub, failed, read, runtime, tokenizer_files};
use crate::inference::lanes::Lane;

/// How long it may take.
const BUDGET: Duration = Duration::from_secs(2);

/// A cross-encoder with a lane of its own; cheap to clone.
#[derive(Clone)]
pub struct Reranker {
    name: String,
    lane: Arc<Lane<TextRerank>>,
}

impl std::fmt::Debug for Reranker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Reranker({})", self.name)
    }
}

impl Reranker {
    /// Loads the model that `config` names, from its folder or from the hub; `None` when it names none.
    ///
    /// # Errors
    /// [`InferenceError::NotSetUp`] for a model that is neither, [`InferenceError::Failed`] for one that does not load.
    pub fn open(config: &Config) -> Result<Option<Self>, InferenceError> {
        let Some(name) = config.reranker_model.clone() else { return Ok(None) };
        let environment = runtime(&config.runtime_library)?;
        let folder = config.models_dir.join(&name);
        let model = if folder.is_dir() {
            let onnx = OnnxSource::Memory(read(&folder.join("model.onnx"))?);
            let options = RerankInitOptionsUserDefined::new()
                .with_environment(environment)
                .with_intra_threads(config.embedding_sessions)
                .with_max_length(CROSS_ENCODER_TOKENS_MAX);
            let model = UserDefinedRerankingModel::new(onnx, tokenizer_files(&folder)?);
            TextRerank::try_new_from_user_defined(model, options).map_err(failed)?
        } else {
            cross_encoder_of_hub(config, environment, &name, "CANDOR_RERANKER_MODEL")?
        };
        let lane = Lane::start("rerank", vec![model], config.question_queue_max, false)?;
        Ok(Some(Self { name, lane: Arc::new(lane) }))
    }

    /// What the model is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it can still be asked.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.lane.is_running()
    }

    /// How likely each passage answers the question, 0 to 1, in the passages' order.
    ///
    /// # Errors
    /// [`InferenceError::Overloaded`] when too many wait already or it takes too long; a customer waits, and the passages have an order
    /// already.
    pub async fn scores(&self, question: &str, passages: Vec<String>) -> Result<Vec<f32>, InferenceError> {
        let question = question.to_owned();
        let rerank = move |model: &mut TextRerank| {
            let texts: Vec<&str> = passages.iter().map(String::as_str).collect();
            let mut results = model.rerank(question.as_str(), texts, false, None).map_err(failed)?;
            results.sort_by_key(|result| result.index);
            let scores: Vec<f32> = results.into_iter().map(|result| 1.0 / (1.0 + (-result.score).exp())).collect();
            if scores.iter().all(|score| score.is_finite()) {
                Ok(scores)
            } else {
                Err(InferenceError::Failed("the reranker gave a score that is no number".into()))
            }
        };
        tokio::time::timeout(BUDGET, self.lane.try_ask(rerank)).await.unwrap_or(Err(InferenceError::Overloaded))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use super::*;
    use crate::inference::counter::counter;

    /// A model that counts the word "battery".
    pub(crate) fn model(folder: &Path) -> Config {
        Config { reranker_model: Some("counter".into()), ..counter(folder, &["battery"], &[]) }
    }

    #[tokio::test]
    async fn a_model_in_a_folder_scores_passages_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let reranker = Reranker::open(&model(folder.path())).unwrap().unwrap();
        let passages = ["No word of it.", "The battery and a second battery.", "One battery."].map(str::to_owned);
        let scores = reranker.scores("How long does it last?", passages.to_vec()).await.unwrap();
        assert!(scores[1] > scores[2] && scores[2] > scores[0], "{scores:?}");
        assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)));
        assert!(reranker.scores("Nothing?", Vec::new()).await.unwrap().is_empty());
    }

    #[test]
    fn a_model_that_is_nowhere_is_told_by_its_setting_and_none_is_no_error() {
        assert!(Reranker::open(&Config::default()).unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        let config = Config { reranker_model: Some("nowhere".into()), ..model(folder.path()) };
        let error = Reranker::open(&config).unwrap_err();
        assert!(matches!(error, InferenceError::NotSetUp { variable: "CANDOR_RERANKER_MODEL", .. }), "{error}");
    }
}
