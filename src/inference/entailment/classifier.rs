//! A classifier of two texts, as the hub has them for natural language inference: `model.onnx` beside `config.json` and `tokenizer.json`.

use std::path::Path;

use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::Tensor;
use serde_json::Value;
use tokenizers::{Encoding, Tokenizer};

use super::sigmoid;
use crate::inference::InferenceError;
use crate::inference::files::{CROSS_ENCODER_TOKENS_MAX, failed, read};

/// The longest sentence in tokens: the passages need the rest.
const SENTENCE_TOKENS_MAX: usize = 192;
/// Tokens that two neighbouring pieces of long passages share, so that what a sentence follows from is whole in one of them.
const SHARED_TOKENS: usize = 64;

/// Tokens that mark where a text begins and ends, at most.
const SPECIAL_TOKENS: usize = 4;

/// What a model of this kind may ask for, and what it gives.
const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const TOKEN_TYPE_IDS: &str = "token_type_ids";
const LOGITS: &str = "logits";

/// A session with its tokenizer.
pub(super) struct Classifier {
    session: Session,
    /// What the session asks for.
    inputs: Vec<String>,
    tokenizer: Tokenizer,
    labels: Labels,
}

/// What the logits of a model are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Labels {
    /// One that is larger the surer the model is.
    One,
    /// One a label.
    Several { count: usize, entailment: usize },
}

impl Classifier {
    /// Loads the model in `folder`.
    pub(super) fn load(environment: &Environment, folder: &Path, threads: usize) -> Result<Self, InferenceError> {
        let labels = Labels::read(&read(&folder.join("config.json"))?)?;
        let mut tokenizer = Tokenizer::from_bytes(read(&folder.join("tokenizer.json"))?).map_err(failed)?;
        // Passages are read in pieces, and a sentence that is cut says something else.
        tokenizer.with_truncation(None).map_err(failed)?;
        tokenizer.with_padding(None);
        let onnx = read(&folder.join("model.onnx"))?;
        let builder = Session::builder(environment).map_err(failed)?;
        let mut builder = builder.with_intra_threads(threads).map_err(failed)?;
        let session = builder.commit_from_memory(&onnx).map_err(failed)?;
        let inputs: Vec<String> = session.inputs().iter().map(|input| input.name().to_owned()).collect();
        let known = [INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS];
        if let Some(unknown) = inputs.iter().find(|input| !known.contains(&input.as_str())) {
            return Err(InferenceError::Failed(format!("the checker asks for {unknown}, which a text does not have")));
        }
        if !session.outputs().iter().any(|output| output.name() == LOGITS) {
            return Err(InferenceError::Failed(format!("the checker gives no {LOGITS}")));
        }
        Ok(Self { session, inputs, tokenizer, labels })
    }

    /// How likely `sentence` follows from `passages`, from the piece of them that says most for it; `None` for a sentence that is too
    /// long to be read beside them.
    pub(super) fn probability(&mut self, passages: &str, sentence: &str) -> Result<Option<f64>, InferenceError> {
        let sentence_tokens = self.tokenizer.encode(sentence, false).map_err(failed)?.len();
        if sentence_tokens > SENTENCE_TOKENS_MAX {
            return Ok(None);
        }
        let tokens = self.tokenizer.encode(passages, false).map_err(failed)?;
        let room = CROSS_ENCODER_TOKENS_MAX - SPECIAL_TOKENS - sentence_tokens;
        let mut best: f64 = 0.0;
        let mut start = 0;
        loop {
            let piece = tokens.get_offsets().get(start..tokens.len().min(start + room)).unwrap_or_default();
            let bytes = piece.first().map_or(0, |first| first.0)..piece.last().map_or(0, |last| last.1);
            let encoding =
                self.tokenizer.encode((passages.get(bytes).unwrap_or(passages), sentence), true).map_err(failed)?;
            let probability = self.read(&encoding)?;
            // One that is no number is for the caller to see.
            if probability.is_nan() {
                return Ok(Some(probability));
            }
            best = best.max(probability);
            if start + room >= tokens.len() {
                return Ok(Some(best));
            }
            start += room - SHARED_TOKENS;
        }
    }

    fn read(&mut self, encoding: &Encoding) -> Result<f64, InferenceError> {
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = Vec::with_capacity(self.inputs.len());
        for name in &self.inputs {
            let values = match name.as_str() {
                INPUT_IDS => encoding.get_ids(),
                ATTENTION_MASK => encoding.get_attention_mask(),
                _ => encoding.get_type_ids(),
            };
            let values: Vec<i64> = values.iter().map(|value| i64::from(*value)).collect();
            inputs.push((name, Tensor::from_array(([1, values.len()], values)).map_err(failed)?.into()));
        }
        let outputs = self.session.run(inputs).map_err(failed)?;
        let logits = outputs.get(LOGITS).ok_or_else(|| failed("no logits"))?;
        let (_, logits) = logits.try_extract_tensor::<f32>().map_err(failed)?;
        self.labels.probability(logits)
    }
}

impl Labels {
    /// Reads them from a model's `config.json`, whose `id2label` names them.
    fn read(config: &[u8]) -> Result<Self, InferenceError> {
        let config: Value = serde_json::from_slice(config).map_err(failed)?;
        let Some(labels) = config["id2label"].as_object().filter(|labels| labels.len() > 1) else {
            return Ok(Self::One);
        };
        let is_entailment =
            |label: &Value| label.as_str().is_some_and(|label| label.eq_ignore_ascii_case("entailment"));
        let number = labels.iter().find(|(_, label)| is_entailment(label)).and_then(|(number, _)| number.parse().ok());
        let entailment = number.filter(|number| *number < labels.len()).ok_or_else(|| {
            failed("the config.json of the checker does not say which of its labels is entailment (id2label)")
        })?;
        Ok(Self::Several { count: labels.len(), entailment })
    }

    /// The sigmoid of the one logit, or the softmax of the label's.
    fn probability(self, logits: &[f32]) -> Result<f64, InferenceError> {
        let count = match self {
            Self::One => 1,
            Self::Several { count, .. } => count,
        };
        if logits.len() != count {
            return Err(failed(format!("the checker gave {} logits for {count} labels", logits.len())));
        }
        Ok(match self {
            Self::One => sigmoid(logits[0]),
            Self::Several { entailment, .. } => {
                let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let power = |logit: &f32| f64::from(logit - largest).exp();
                power(&logits[entailment]) / logits.iter().map(power).sum::<f64>()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_by_their_names() {
        let read = |config: &str| Labels::read(config.as_bytes());
        assert_eq!(read("{}").unwrap(), Labels::One);
        assert_eq!(read(r#"{"id2label": {"0": "LABEL_0"}}"#).unwrap(), Labels::One);
        let three = read(r#"{"id2label": {"0": "entailment", "1": "neutral", "2": "contradiction"}}"#).unwrap();
        assert_eq!(three, Labels::Several { count: 3, entailment: 0 });
        assert!((three.probability(&[2.0_f32.ln(), 0.0, 0.0]).unwrap() - 0.5).abs() < 1e-6);
        assert!(three.probability(&[1.0]).is_err());
        assert!(read(r#"{"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}"#).is_err());
    }

    #[test]
    fn a_logit_that_is_no_number_gives_no_probability() {
        assert!(Labels::One.probability(&[f32::NAN]).unwrap().is_nan());
    }
}
