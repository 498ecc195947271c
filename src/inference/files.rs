//! What models are loaded from: the runtime's library and the files of a folder.

use std::path::Path;
use std::sync::OnceLock;

use fastembed::TokenizerFiles;
use ort::environment::Environment;

use crate::inference::InferenceError;

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
