//! What the model hub keeps a model in: `config.json` and `model.safetensors`.

use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::Value;

use super::BertOnnxError;
use super::tensor::Floats;

/// The part of `config.json` that decides the graph. Every number is at least 1.
pub(super) struct Config {
    pub(super) vocabulary: usize,
    pub(super) positions: usize,
    pub(super) token_types: usize,
    pub(super) hidden: usize,
    pub(super) intermediate: usize,
    pub(super) heads: usize,
    pub(super) layers: usize,
    pub(super) layer_norm_epsilon: f32,
}

impl Config {
    pub(super) fn parse(json: &[u8]) -> Result<Self, BertOnnxError> {
        let json: Value = serde_json::from_slice(json).map_err(BertOnnxError::ConfigSyntax)?;
        for (field, supported, default) in [
            ("model_type", "bert", ""),
            ("hidden_act", "gelu", ""),
            ("position_embedding_type", "absolute", "absolute"),
        ] {
            let found = json.get(field).map_or(default, |value| value.as_str().unwrap_or(""));
            if found != supported {
                return Err(BertOnnxError::UnsupportedArchitecture {
                    field,
                    found: json.get(field).unwrap_or(&Value::Null).to_string(),
                    supported,
                });
            }
        }
        if json.get("is_decoder").and_then(Value::as_bool) == Some(true) {
            return Err(BertOnnxError::UnsupportedArchitecture {
                field: "is_decoder",
                found: "true".to_owned(),
                supported: "false",
            });
        }
        let config = Self {
            vocabulary: count(&json, "vocab_size")?,
            positions: count(&json, "max_position_embeddings")?,
            token_types: count(&json, "type_vocab_size")?,
            hidden: count(&json, "hidden_size")?,
            intermediate: count(&json, "intermediate_size")?,
            heads: count(&json, "num_attention_heads")?,
            layers: count(&json, "num_hidden_layers")?,
            layer_norm_epsilon: layer_norm_epsilon(&json)?,
        };
        if !config.hidden.is_multiple_of(config.heads) {
            return Err(BertOnnxError::ConfigField {
                field: "hidden_size",
                expected: "a multiple of num_attention_heads",
            });
        }
        Ok(config)
    }
}

pub(super) fn count(json: &Value, field: &'static str) -> Result<usize, BertOnnxError> {
    // 32 bits, so that no product of two counts below can overflow.
    json.get(field)
        .and_then(Value::as_u64)
        .filter(|number| (1..=u64::from(u32::MAX)).contains(number))
        .and_then(|number| usize::try_from(number).ok())
        .ok_or(BertOnnxError::ConfigField { field, expected: "a whole number from 1 to 4294967295" })
}

pub(super) fn layer_norm_epsilon(json: &Value) -> Result<f32, BertOnnxError> {
    // BERT's own default, for configs that leave it out.
    let Some(value) = json.get("layer_norm_eps") else {
        return Ok(1e-12);
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "ONNX stores the attribute as f32; the filter refuses what does not fit"
    )]
    value
        .as_f64()
        .map(|number| number as f32)
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or(BertOnnxError::ConfigField { field: "layer_norm_eps", expected: "a number, zero or more" })
}

pub(super) struct Weights<'file> {
    tensors: SafeTensors<'file>,
    /// `BertFor…` checkpoints keep the encoder under `bert.`; `BertModel` ones have no prefix.
    prefix: &'static str,
}

impl<'file> Weights<'file> {
    pub(super) fn parse(bytes: &'file [u8]) -> Result<Self, BertOnnxError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(BertOnnxError::Safetensors)?;
        let prefixed = tensors.iter().any(|(name, _)| name.starts_with("bert."));
        let prefix = if prefixed { "bert." } else { "" };
        Ok(Self { tensors, prefix })
    }

    /// The tensor called `name`, row-major, after checking that it is f32 of the given shape.
    pub(super) fn floats(&self, name: &str, shape: &[usize]) -> Result<Floats<'file>, BertOnnxError> {
        let name = format!("{}{name}", self.prefix);
        let tensor = match self.tensors.tensor(&name) {
            Ok(tensor) => tensor,
            Err(SafeTensorError::TensorNotFound(_)) => {
                return Err(BertOnnxError::MissingTensor { name });
            }
            Err(error) => return Err(BertOnnxError::Safetensors(error)),
        };
        if tensor.dtype() != Dtype::F32 {
            return Err(BertOnnxError::WrongDtype { name, found: tensor.dtype() });
        }
        let (floats, remainder) = tensor.data().as_chunks();
        // safetensors has compared shape and length already; the length is asked for again
        // because the tiled copies below rely on it.
        if tensor.shape() != shape || !remainder.is_empty() || floats.len() != shape.iter().product::<usize>() {
            return Err(BertOnnxError::WrongShape { name, expected: shape.to_vec(), found: tensor.shape().to_vec() });
        }
        Ok(floats)
    }
}
