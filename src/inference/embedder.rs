//! The embedding model: found, loaded and asked.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use fastembed::{
    EmbeddingModel, InitOptionsUserDefined, Pooling, TextEmbedding, TextInitOptions, TokenizerFiles,
    UserDefinedEmbeddingModel,
};
use ort::environment::Environment;
use sha2::{Digest, Sha256};
use tokenizers::Tokenizer;

use crate::config::{Config, Precision};
use crate::inference::lanes::Lane;
use crate::inference::{InferenceError, bert_onnx};

/// The longest text in tokens that the model sees; all-MiniLM-L6-v2 was trained on no more.
pub const TOKENS_MAX: usize = 256;

/// What vectors of this model are called: those of two identities do not compare.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    /// Model, precision and the start of the weights' SHA-256, as in `all-MiniLM-L6-v2-int8-53aa51172d14`.
    pub name: String,
    /// Floats a vector.
    pub dimension: usize,
}

/// The embedding model with a lane for questions and one for bulk work; cheap to clone.
#[derive(Clone)]
pub struct Embedder {
    inner: Arc<Inner>,
}

struct Inner {
    source: Source,
    identity: Identity,
    tokenizer: Tokenizer,
    questions: Lane,
    bulk: OnceLock<Lane>,
    bulk_sessions: usize,
    bulk_queue_max: usize,
}

/// Where a model comes from.
enum Source {
    /// A folder with `config.json`, the tokenizer's files, and `model.onnx` or `model.safetensors`.
    Folder { environment: Environment, folder: PathBuf, precision: Precision },
    /// A model that fastembed knows and brings from the hub.
    Hub { environment: Environment, model: EmbeddingModel, cache: PathBuf },
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Embedder({})", self.inner.identity.name)
    }
}

impl Embedder {
    /// Loads the model that `config` names; takes some tenths of a second.
    ///
    /// # Errors
    /// [`InferenceError::NotSetUp`] for a missing file or library, [`InferenceError::Failed`] for a model that does not load.
    pub fn open(config: &Config) -> Result<Self, InferenceError> {
        let source = Source::find(config)?;
        let mut models = source.load(config.embedding_sessions)?;
        let first = models.first_mut().ok_or_else(|| InferenceError::Failed("no session was made".into()))?;
        let mut tokenizer = first.tokenizer.clone();
        // The chunker counts whole texts: nothing may be cut or filled up.
        tokenizer.with_truncation(None).map_err(|error| InferenceError::Failed(error.to_string()))?;
        tokenizer.with_padding(None);
        let dimension = first.embed(["."], None).map_err(failed)?.first().map_or(0, Vec::len);
        let identity = Identity { name: source.name(config)?, dimension };
        let questions = Lane::start("embed-question", models, config.question_queue_max, false)?;
        let inner = Inner {
            source,
            identity,
            tokenizer,
            questions,
            bulk: OnceLock::new(),
            bulk_sessions: config.embedding_sessions,
            bulk_queue_max: config.bulk_queue_max,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the vectors are called.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// The model's tokenizer, which neither cuts nor pads.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.inner.tokenizer
    }

    /// Embeds one question: a unit vector of [`Identity::dimension`] floats.
    ///
    /// Text beyond [`TOKENS_MAX`] tokens is cut.
    ///
    /// # Errors
    /// [`InferenceError::Overloaded`] when too many wait already.
    pub async fn embed_question(&self, question: &str) -> Result<Vec<f32>, InferenceError> {
        self.inner.questions.try_embed(question.to_owned()).await
    }

    /// Embeds texts for storage: one unit vector for each, in the same order. Waits while the bulk lane is full.
    ///
    /// Text beyond [`TOKENS_MAX`] tokens is cut, so chunk first. Questions never wait behind it.
    ///
    /// # Errors
    /// [`InferenceError::Failed`]; never a part of the vectors.
    pub async fn embed_passages(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, InferenceError> {
        let lane = self.bulk_lane().await?;
        let mut waiting = Vec::with_capacity(texts.len());
        for text in texts {
            waiting.push(lane.queue(text).await?);
        }
        let mut vectors = Vec::with_capacity(waiting.len());
        for vector in waiting {
            vectors.push(vector.vector().await?);
        }
        Ok(vectors)
    }

    /// The bulk lane, whose sessions are made when they are first needed: a server that only answers has no use for them.
    async fn bulk_lane(&self) -> Result<&Lane, InferenceError> {
        if self.inner.bulk.get().is_none() {
            let inner = Arc::clone(&self.inner);
            let lane = tokio::task::spawn_blocking(move || {
                let models = inner.source.load(inner.bulk_sessions)?;
                Lane::start("embed-bulk", models, inner.bulk_queue_max, true)
            })
            .await
            .map_err(|error| InferenceError::Failed(error.to_string()))??;
            // Two first callers may both have made one; the second is dropped and its threads end.
            let _ = self.inner.bulk.set(lane);
        }
        self.inner.bulk.get().ok_or_else(|| InferenceError::Failed("the bulk lane did not start".into()))
    }
}

impl Source {
    fn find(config: &Config) -> Result<Self, InferenceError> {
        let environment = runtime(&config.runtime_library)?;
        let folder = config.models_dir.join(&config.embedding_model);
        if folder.is_dir() {
            return Ok(Self::Folder { environment, folder, precision: config.embedding_precision });
        }
        match EmbeddingModel::from_str(&config.embedding_model) {
            Ok(model) => Ok(Self::Hub { environment, model, cache: config.models_dir.clone() }),
            Err(_) => Err(InferenceError::NotSetUp {
                what: format!("the embedding model {} is not there", config.embedding_model),
                path: folder.display().to_string(),
                variable: "CANDOR_MODELS_DIR",
            }),
        }
    }

    /// `sessions` one-thread sessions, which is faster than one session with as many threads.
    fn load(&self, sessions: usize) -> Result<Vec<TextEmbedding>, InferenceError> {
        match self {
            Self::Folder { environment, folder, precision } => {
                let onnx = onnx(folder, *precision)?;
                (0..sessions).map(|_| session(environment, folder, onnx.clone())).collect()
            }
            Self::Hub { environment, model, cache } => (0..sessions)
                .map(|_| {
                    let options = TextInitOptions::new(model.clone())
                        .with_environment(environment.clone())
                        .with_intra_threads(1)
                        .with_max_length(TOKENS_MAX)
                        .with_cache_dir(cache.clone())
                        .with_show_download_progress(false);
                    TextEmbedding::try_new(options).map_err(failed)
                })
                .collect(),
        }
    }

    fn name(&self, config: &Config) -> Result<String, InferenceError> {
        match self {
            Self::Folder { folder, precision, .. } => {
                let (file, precision) = match (weights(folder), precision) {
                    (file, _) if file.extension().is_some_and(|extension| extension == "onnx") => (file, "onnx"),
                    (file, Precision::Fp32) => (file, "fp32"),
                    (file, Precision::Int8) => (file, "int8"),
                };
                let digest = hex::encode(Sha256::digest(read(&file)?));
                Ok(format!("{}-{precision}-{}", config.embedding_model, &digest[..12]))
            }
            Self::Hub { .. } => Ok(format!("{}-hub", config.embedding_model.replace('/', "-"))),
        }
    }
}

/// The file that holds the weights: an ONNX graph that somebody put there, else the safetensors.
fn weights(folder: &Path) -> PathBuf {
    let graph = folder.join("model.onnx");
    if graph.is_file() { graph } else { folder.join("model.safetensors") }
}

fn onnx(folder: &Path, precision: Precision) -> Result<Vec<u8>, InferenceError> {
    let file = weights(folder);
    let bytes = read(&file)?;
    if file.extension().is_some_and(|extension| extension == "onnx") {
        return Ok(bytes);
    }
    let precision = match precision {
        Precision::Fp32 => bert_onnx::Precision::Fp32,
        Precision::Int8 => bert_onnx::Precision::Int8,
    };
    bert_onnx::build(&read(&folder.join("config.json"))?, &bytes, precision).map_err(failed)
}

fn session(environment: &Environment, folder: &Path, onnx: Vec<u8>) -> Result<TextEmbedding, InferenceError> {
    let tokenizer = TokenizerFiles {
        tokenizer_file: read(&folder.join("tokenizer.json"))?,
        config_file: read(&folder.join("config.json"))?,
        special_tokens_map_file: read(&folder.join("special_tokens_map.json"))?,
        tokenizer_config_file: read(&folder.join("tokenizer_config.json"))?,
    };
    let model = UserDefinedEmbeddingModel::new(onnx, tokenizer).with_pooling(Pooling::Mean);
    let options = InitOptionsUserDefined::new()
        .with_environment(environment.clone())
        .with_intra_threads(1)
        .with_max_length(TOKENS_MAX);
    TextEmbedding::try_new_from_user_defined(model, options).map_err(failed)
}

/// The ONNX Runtime library, loaded once a process. Left to itself, ort would panic at the first call.
fn runtime(library: &Path) -> Result<Environment, InferenceError> {
    static RUNTIME: OnceLock<Result<Environment, String>> = OnceLock::new();
    let not_set_up = |what: String| InferenceError::NotSetUp {
        what,
        path: library.display().to_string(),
        variable: "CANDOR_RUNTIME_LIBRARY",
    };
    if !library.is_file() {
        return Err(not_set_up("the ONNX Runtime library is not there".into()));
    }
    RUNTIME
        .get_or_init(|| {
            let builder = ort::init_from(library).map_err(|error| error.to_string())?;
            builder.with_telemetry(false).build().map_err(|error| error.to_string())
        })
        .clone()
        .map_err(|why| not_set_up(format!("the ONNX Runtime library does not load: {why}")))
}

fn read(path: &Path) -> Result<Vec<u8>, InferenceError> {
    std::fs::read(path).map_err(|error| InferenceError::NotSetUp {
        what: format!("a file of the embedding model cannot be read: {error}"),
        path: path.display().to_string(),
        variable: "CANDOR_MODELS_DIR",
    })
}

fn failed(error: impl std::fmt::Display) -> InferenceError {
    InferenceError::Failed(error.to_string())
}
