//! A cross-encoder that tests make: small enough to be made anew, in a folder as somebody would put a real one there.

use std::path::Path;

use crate::config::Config;
use crate::inference::bert_onnx::word_counter;

/// The settings for a folder in which the model `counter` lies: its logits are how often the two texts have each of `words`, and
/// `labels` are what it calls them.
pub(crate) fn counter(folder: &Path, words: &[&str], labels: &[&str]) -> Config {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let place = folder.join("counter");
    std::fs::create_dir(&place).unwrap();
    for file in ["tokenizer.json", "config.json", "special_tokens_map.json", "tokenizer_config.json"] {
        std::fs::copy(models.join("all-MiniLM-L6-v2").join(file), place.join(file)).unwrap();
    }
    let mut config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.join("config.json")).unwrap()).unwrap();
    let named = labels.iter().enumerate().map(|(number, label)| (number.to_string(), (*label).into()));
    config["id2label"] = serde_json::Value::Object(named.collect());
    std::fs::write(place.join("config.json"), config.to_string()).unwrap();
    let tokenizer = tokenizers::Tokenizer::from_file(place.join("tokenizer.json")).unwrap();
    let words: Vec<u32> = words.iter().map(|word| tokenizer.token_to_id(word).unwrap()).collect();
    let onnx = word_counter(tokenizer.get_vocab_size(true), &words);
    std::fs::write(place.join("model.onnx"), onnx).unwrap();
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join(Config::default().runtime_library);
    Config { models_dir: folder.to_owned(), runtime_library: library, ..Config::default() }
}
