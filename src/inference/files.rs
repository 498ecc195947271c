//! What models are loaded from: the runtime's library, the files of a folder, and the hub.

use std::path::Path;
use std::str::FromStr;
use std::sync::OnceLock;

use fastembed::{RerankInitOptions, RerankerModel, TextRerank, TokenizerFiles};
use ort::environment::Environment;

use crate::config::Config;
use crate::inference::InferenceError;

/// The longest that a cross-encoder reads at once, in tokens; the rest is cut or read in another piece.
pub(super) const CROSS_ENCODER_TOKENS_MAX: usize = 512;

/// The ONNX Runtime library, loaded once a process. Left to itself, ort would panic at the first call.
pub(super) fn runtime(library: &Path) -> Result<Environment, InferenceError> {
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

/// The tokenizer of the model in `folder`.
pub(super) fn tokenizer_files(folder: &Path) -> Result<TokenizerFiles, InferenceError> {
    Ok(TokenizerFiles {
        tokenizer_file: read(&folder.join("tokenizer.json"))?,
        config_file: read(&folder.join("config.json"))?,
        special_tokens_map_file: read(&folder.join("special_tokens_map.json"))?,
        tokenizer_config_file: read(&folder.join("tokenizer_config.json"))?,
    })
}

/// The cross-encoder that fastembed knows by `name`, from the hub or from where it was kept when it came from there; `variable` is
/// the setting that names it.
pub(super) fn cross_encoder_of_hub(
    config: &Config,
    environment: Environment,
    name: &str,
    variable: &'static str,
) -> Result<TextRerank, InferenceError> {
    let model = RerankerModel::from_str(name).map_err(|_| InferenceError::NotSetUp {
        what: format!("the model {name} is not there, and the hub has none of this name"),
        path: config.models_dir.join(name).display().to_string(),
        variable,
    })?;
    let options = RerankInitOptions::new(model)
        .with_environment(environment)
        .with_intra_threads(config.embedding_sessions)
        .with_max_length(CROSS_ENCODER_TOKENS_MAX)
        .with_cache_dir(config.models_dir.clone())
        .with_show_download_progress(false);
    TextRerank::try_new(options).map_err(failed)
}

/// A file of a model.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, InferenceError> {
    std::fs::read(path).map_err(|error| InferenceError::NotSetUp {
        what: format!("a file of the model cannot be read: {error}"),
        path: path.display().to_string(),
        variable: "CANDOR_MODELS_DIR",
    })
}

pub(super) fn failed(error: impl std::fmt::Display) -> InferenceError {
    InferenceError::Failed(error.to_string())
}
