//! The embedding model: found, loaded and asked.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use fastembed::{
    EmbeddingModel, InitOptionsUserDefined, Pooling, TextEmbedding, TextInitOptions, UserDefinedEmbeddingModel,
};
use ort::environment::Environment;
use quick_cache::sync::Cache;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use tokenizers::Tokenizer;
use tokio::sync::OnceCell;

use crate::config::{Config, Precision};
use crate::inference::files::{failed, read, runtime, tokenizer_files};
use crate::inference::lanes::Lane;
use crate::inference::token_projection::TokenProjection;
use crate::inference::token_states::{Passage, PassageEmbedding, QuestionEmbedding, TokenStates};
use crate::inference::{InferenceError, KeptEmbeddings, bert_onnx, token_states};

/// The longest text in tokens that the model sees; all-MiniLM-L6-v2 was trained on no more.
pub const TOKENS_MAX: usize = 256;

/// Questions whose vectors are remembered: the same ones are asked again and again.
const RECENT_QUESTIONS_MAX: usize = 1_000;
/// Tokens of the longest one that is remembered, which bounds them all to some 20 MB. Long messages seldom come twice.
const RECENT_TOKENS_MAX: usize = 64;

/// What vectors of this model are called: those of two identities do not compare.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    /// Model, precision, the start of the weights' SHA-256, and what tokens are projected with, as in
    /// `all-MiniLM-L6-v2-int8-53aa51172d14-64-1f2e3d`.
    pub name: String,
    /// Floats of a vector of a text.
    pub dimension: usize,
}

/// The embedding model with a lane for questions and one for bulk work; cheap to clone.
#[derive(Clone)]
pub struct Embedder {
    inner: Arc<Inner>,
}

struct Inner {
    source: Source,
    /// What the sessions' vectors are called before tokens are projected.
    weights: String,
    identity: Identity,
    projection: Arc<TokenProjection>,
    tokenizer: Tokenizer,
    /// The sessions that were opened; the lane that is needed first takes them.
    opened: Mutex<Vec<TextEmbedding>>,
    sessions: usize,
    questions: OnceCell<Lane<TextEmbedding>>,
    question_queue_max: usize,
    bulk: OnceCell<Lane<TextEmbedding>>,
    bulk_queue_max: usize,
    kept: OnceLock<KeptEmbeddings>,
    /// By SHA-256, so that no customer's words stay in memory.
    recent: Cache<[u8; 32], Arc<QuestionEmbedding>>,
}

/// Where a model comes from.
enum Source {
    /// A folder with `config.json`, the tokenizer's files, and `model.onnx` or `model.safetensors`.
    Folder { environment: Environment, folder: PathBuf, model: String, precision: Precision },
    /// A model that fastembed knows and brings from the hub.
    Hub { environment: Environment, model: EmbeddingModel, name: String, cache: PathBuf },
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
        let (name, mut opened) = source.load(config.embedding_sessions)?;
        let first = opened.first_mut().ok_or_else(|| InferenceError::Failed("no session was made".into()))?;
        let mut tokenizer = first.tokenizer.clone();
        // The chunker counts whole texts: nothing may be cut or filled up.
        tokenizer.with_truncation(None).map_err(failed)?;
        tokenizer.with_padding(None);
        let dimension = TokenStates::of(first, ".")?.dimension();
        let projection = TokenProjection::of_model(&name, dimension);
        let inner = Inner {
            source,
            identity: Identity { name: format!("{name}-{}", projection.name()), dimension },
            projection: Arc::new(projection),
            weights: name,
            tokenizer,
            opened: Mutex::new(opened),
            sessions: config.embedding_sessions,
            questions: OnceCell::new(),
            question_queue_max: config.question_queue_max,
            bulk: OnceCell::new(),
            bulk_queue_max: config.bulk_queue_max,
            kept: OnceLock::new(),
            recent: Cache::new(RECENT_QUESTIONS_MAX),
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

    /// Whether questions can be embedded: a lane whose threads have all ended answers nothing any more.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.inner.questions.get().is_none_or(Lane::is_running)
    }

    /// Whether a cosine of two words' vectors says how near they are, and not only which of several is nearest.
    #[must_use]
    pub fn tells_near_words(&self) -> bool {
        self.inner.projection.is_fitted()
    }

    /// Takes the vectors of questions from `kept` from now on and adds to it. For measuring: a product remembers its last
    /// questions in memory. Only the first call counts.
    pub fn keep(&self, kept: KeptEmbeddings) {
        // A second one is closed unused.
        let _ = self.inner.kept.set(kept);
    }

    /// Whether the vectors of the question are kept, so that embedding it takes no time.
    #[must_use]
    pub fn is_kept(&self, question: &str) -> bool {
        self.inner.kept.get().is_some_and(|kept| kept.get(question).is_some())
    }

    /// The bytes of the words of `text` that [`PassageEmbedding::tokens`] has vectors of, in their order; those beyond [`TOKENS_MAX`]
    /// tokens have none.
    #[must_use]
    pub fn words(&self, text: &str) -> Vec<Range<usize>> {
        // A text that is no longer a text for the tokenizer has no words either.
        let Ok(encoding) = self.inner.tokenizer.encode(text, true) else { return Vec::new() };
        token_states::words(&encoding, text).into_iter().map(|(span, _)| span).collect()
    }

    /// Embeds one question, or remembers its vectors.
    ///
    /// Text beyond [`TOKENS_MAX`] tokens is cut.
    ///
    /// # Errors
    /// [`InferenceError::Overloaded`] when too many wait already.
    pub async fn embed_question(&self, question: &str) -> Result<Arc<QuestionEmbedding>, InferenceError> {
        let key: [u8; 32] = Sha256::digest(question).into();
        if let Some(embedding) = self.inner.recent.get(&key) {
            return Ok(embedding);
        }
        let embedding = Arc::new(self.embed_new_question(question).await?);
        if embedding.tokens.len() <= RECENT_TOKENS_MAX {
            self.inner.recent.insert(key, Arc::clone(&embedding));
        }
        Ok(embedding)
    }

    async fn embed_new_question(&self, question: &str) -> Result<QuestionEmbedding, InferenceError> {
        let kept = self.inner.kept.get();
        if let Some(embedding) = kept.and_then(|kept| kept.get(question)) {
            return Ok(embedding);
        }
        let (text, projection) = (question.to_owned(), Arc::clone(&self.inner.projection));
        let embed = move |model: &mut TextEmbedding| Ok(TokenStates::of(model, &text)?.question(&projection));
        let embedding = self.question_lane().await?.try_ask(embed).await?;
        if let Some(kept) = kept {
            kept.put(question, &embedding);
        }
        Ok(embedding)
    }

    /// Embeds texts for storage, in the same order. Waits while the bulk lane is full.
    ///
    /// Text beyond [`TOKENS_MAX`] tokens is cut, so chunk first. Questions never wait behind it.
    ///
    /// # Errors
    /// [`InferenceError::Failed`]; never a part of the vectors.
    pub async fn embed_passages(&self, passages: Vec<Passage>) -> Result<Vec<PassageEmbedding>, InferenceError> {
        let lane = self.bulk_lane().await?;
        let mut waiting = Vec::with_capacity(passages.len());
        for passage in passages {
            let projection = Arc::clone(&self.inner.projection);
            let embed = move |model: &mut TextEmbedding| {
                Ok(TokenStates::of(model, &passage.text)?.passage(&projection, &passage))
            };
            waiting.push(lane.queue(embed).await?);
        }
        let mut embeddings = Vec::with_capacity(waiting.len());
        for pending in waiting {
            embeddings.push(pending.outcome().await?);
        }
        Ok(embeddings)
    }

    /// The states of the tokens of `text`, as the model gives them: for measuring what to keep of them.
    ///
    /// # Errors
    /// [`InferenceError::Failed`].
    pub async fn token_states(&self, text: String) -> Result<TokenStates, InferenceError> {
        let ask = move |model: &mut TextEmbedding| TokenStates::of(model, &text);
        self.bulk_lane().await?.queue(ask).await?.outcome().await
    }

    /// Lanes are started when they are first needed: a server that only answers has no use for bulk sessions, `ingest` none for
    /// those of questions.
    async fn question_lane(&self) -> Result<&Lane<TextEmbedding>, InferenceError> {
        let start = |sessions| Lane::start("embed-question", sessions, self.inner.question_queue_max, false);
        self.inner.questions.get_or_try_init(|| async { start(self.load_sessions().await?) }).await
    }

    async fn bulk_lane(&self) -> Result<&Lane<TextEmbedding>, InferenceError> {
        let start = |sessions| Lane::start("embed-bulk", sessions, self.inner.bulk_queue_max, true);
        self.inner.bulk.get_or_try_init(|| async { start(self.load_sessions().await?) }).await
    }

    async fn load_sessions(&self) -> Result<Vec<TextEmbedding>, InferenceError> {
        let inner = Arc::clone(&self.inner);
        let load = move || {
            let opened = std::mem::take(&mut *inner.opened.lock().unwrap_or_else(PoisonError::into_inner));
            if !opened.is_empty() {
                return Ok(opened);
            }
            let (name, sessions) = inner.source.load(inner.sessions)?;
            if name != inner.weights {
                // Vectors of two models do not compare.
                let loaded = &inner.weights;
                return Err(InferenceError::Failed(format!("{loaded} was replaced by {name} on disk: restart")));
            }
            Ok(sessions)
        };
        tokio::task::spawn_blocking(load).await.map_err(failed)?
    }
}

impl Source {
    fn find(config: &Config) -> Result<Self, InferenceError> {
        let environment = runtime(&config.runtime_library)?;
        let folder = config.models_dir.join(&config.embedding_model);
        if folder.is_dir() {
            let model = config.embedding_model.clone();
            return Ok(Self::Folder { environment, folder, model, precision: config.embedding_precision });
        }
        match EmbeddingModel::from_str(&config.embedding_model) {
            Ok(model) => {
                let name = format!("{}-hub", config.embedding_model.replace('/', "-"));
                Ok(Self::Hub { environment, model, name, cache: config.models_dir.clone() })
            }
            Err(_) => Err(InferenceError::NotSetUp {
                what: format!("the embedding model {} is not there", config.embedding_model),
                path: folder.display().to_string(),
                variable: "CANDOR_MODELS_DIR",
            }),
        }
    }

    /// What the model's vectors are called, and `sessions` one-thread sessions: faster than one session with as many threads.
    fn load(&self, sessions: usize) -> Result<(String, Vec<TextEmbedding>), InferenceError> {
        match self {
            Self::Folder { environment, folder, model, precision } => {
                let Graph { name, onnx } = Graph::read(folder, *precision)?;
                let sessions = (0..sessions).into_par_iter().map(|_| session(environment, folder, onnx.clone()));
                Ok((format!("{model}-{name}"), sessions.collect::<Result<_, _>>()?))
            }
            Self::Hub { environment, model, name, cache } => {
                let sessions = (0..sessions).map(|_| {
                    let options = TextInitOptions::new(model.clone())
                        .with_environment(environment.clone())
                        .with_intra_threads(1)
                        .with_max_length(TOKENS_MAX)
                        .with_cache_dir(cache.clone())
                        .with_show_download_progress(false);
                    TextEmbedding::try_new(options).map_err(failed)
                });
                Ok((name.clone(), sessions.collect::<Result<_, _>>()?))
            }
        }
    }
}

/// A model's graph with its weights.
struct Graph {
    /// Its precision and the start of its weights' SHA-256.
    name: String,
    onnx: Vec<u8>,
}

impl Graph {
    /// An ONNX graph that somebody put into the folder, else one that is made of its safetensors.
    fn read(folder: &Path, precision: Precision) -> Result<Self, InferenceError> {
        let name = |precision, weights: &[u8]| format!("{precision}-{}", &hex::encode(Sha256::digest(weights))[..12]);
        let graph = folder.join("model.onnx");
        if graph.is_file() {
            let onnx = read(&graph)?;
            return Ok(Self { name: name("onnx", &onnx), onnx });
        }
        let weights = read(&folder.join("model.safetensors"))?;
        let label = match precision {
            Precision::Fp32 => "fp32",
            Precision::Int8 => "int8",
        };
        let onnx = bert_onnx::build(&read(&folder.join("config.json"))?, &weights, precision).map_err(failed)?;
        Ok(Self { name: name(label, &weights), onnx })
    }
}

fn session(environment: &Environment, folder: &Path, onnx: Vec<u8>) -> Result<TextEmbedding, InferenceError> {
    let model = UserDefinedEmbeddingModel::new(onnx, tokenizer_files(folder)?).with_pooling(Pooling::Mean);
    let options = InitOptionsUserDefined::new()
        .with_environment(environment.clone())
        .with_intra_threads(1)
        .with_max_length(TOKENS_MAX);
    TextEmbedding::try_new_from_user_defined(model, options).map_err(failed)
}
