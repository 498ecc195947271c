//! Writes a BERT encoder as an ONNX model, in memory.
//!
//! ONNX Runtime reads graphs; the model hub's common currency is `config.json` with
//! `model.safetensors`. This module makes the first out of the second at start-up, so that no
//! converter, no Python and no second copy of the weights on disk is needed.
//!
//! An ONNX file is one protobuf message. Its wire format is small enough to write by hand: the
//! graph is first laid out as a list of nodes and of tensors that still point into the
//! safetensors file, which makes every length known; then each tensor is transposed or quantised
//! straight into its place in the finished buffer.
//!
//! Field numbers: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>. Fused operators:
//! <https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md>.

mod checkpoint;
mod graph;
mod protobuf;
mod tensor;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::word_counter;

use safetensors::{Dtype, SafeTensorError};

use crate::config::Precision;
use checkpoint::{Config, Weights};
use graph::{Attribute, Dimension, ElementType, Graph};
use tensor::{Floats, Payload, RowScales};

/// Builds the ONNX model of a BERT encoder.
///
/// With [`Precision::Int8`], dense weights are int8 with one scale per output channel, activations are quantised on the fly with
/// one scale per call, and word embeddings are int8 with one scale per row. Because of the scale per call, a text's vector
/// depends on what shares its batch: send texts one by one.
///
/// Takes the contents of `config.json` and `model.safetensors` (32-bit floats; tensor names with
/// or without the prefix `bert.`). Returns a serialised `ModelProto`, opset 17 plus ONNX
/// Runtime's `com.microsoft` operators:
///
/// | | name | type | shape |
/// | --- | --- | --- | --- |
/// | inputs | `input_ids`, `attention_mask`, `token_type_ids` | int64 | \[batch, seq\] |
/// | output | `last_hidden_state` | f32 | \[batch, seq, hidden\] |
///
/// # Errors
/// When the files are damaged, lack a tensor, or describe anything but a BERT encoder with exact
/// GELU and absolute positions.
pub fn build(config_json: &[u8], safetensors: &[u8], precision: Precision) -> Result<Vec<u8>, BertOnnxError> {
    let config = Config::parse(config_json)?;
    let weights = Weights::parse(safetensors)?;
    let mut encoder = Encoder { config, weights, precision, graph: Graph::default() };
    encoder.write_inputs_and_output();
    let mut hidden = encoder.embeddings()?;
    for layer in 0..encoder.config.layers {
        hidden = encoder.layer(layer, &hidden)?;
    }
    encoder.graph.into_model()
}

/// Why a model could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BertOnnxError {
    #[error("config.json is not valid JSON")]
    ConfigSyntax(#[source] serde_json::Error),
    #[error("config.json: {field} must be {expected}")]
    ConfigField { field: &'static str, expected: &'static str },
    #[error("config.json: {field} is {found}, but only {supported} is supported")]
    UnsupportedArchitecture { field: &'static str, found: String, supported: &'static str },
    #[error("model.safetensors is damaged")]
    Safetensors(#[source] SafeTensorError),
    #[error("model.safetensors has no tensor {name}")]
    MissingTensor { name: String },
    #[error("model.safetensors: {name} has type {found:?}, but only F32 is supported")]
    WrongDtype { name: String, found: Dtype },
    #[error("model.safetensors: {name} has shape {found:?}, but config.json asks for {expected:?}")]
    WrongShape { name: String, expected: Vec<usize>, found: Vec<usize> },
    #[error("model.safetensors: {name} holds a weight that is infinite or not a number")]
    NotFinite { name: String },
    #[error("the model would take {bytes} bytes; ONNX allows less than 2 GiB")]
    TooLarge { bytes: usize },
}

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const TOKEN_TYPE_IDS: &str = "token_type_ids";
const LAST_HIDDEN_STATE: &str = "last_hidden_state";

/// Lays the encoder out as a graph.
///
/// Its methods add nodes and return the name of the tensor the last of them puts out, f32
/// \[batch, seq, hidden\] unless stated otherwise.
struct Encoder<'file> {
    config: Config,
    weights: Weights<'file>,
    precision: Precision,
    graph: Graph<'file>,
}

impl<'file> Encoder<'file> {
    fn write_inputs_and_output(&mut self) {
        for name in [INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS] {
            let shape = [Dimension::Named("batch"), Dimension::Named("seq")];
            self.graph.input(name, ElementType::Int64, &shape);
        }
        let shape = [Dimension::Named("batch"), Dimension::Named("seq"), Dimension::Fixed(self.config.hidden)];
        self.graph.output(LAST_HIDDEN_STATE, ElementType::Float, &shape);
    }

    /// Words, positions and token types, summed and normalised; prepares the mask on the way.
    fn embeddings(&mut self) -> Result<String, BertOnnxError> {
        let hidden = self.config.hidden;
        let words = self.word_embeddings()?;

        let table = "embeddings.token_type_embeddings.weight";
        let shape = [self.config.token_types, hidden];
        self.graph.floats(table, &shape, self.weights.floats(table, &shape)?);
        self.graph.node("Gather", &[table, TOKEN_TYPE_IDS], "embeddings.token_types", &[]);

        // The first `seq` rows of the position table. A text longer than the table gets a slice
        // that is too short, hence an error from the addition rather than a wrong vector.
        let table = "embeddings.position_embeddings.weight";
        let shape = [self.config.positions, hidden];
        self.graph.floats(table, &shape, self.weights.floats(table, &shape)?);
        let zero = 0_i64.to_le_bytes().to_vec();
        self.graph.tensor("zero", ElementType::Int64, &[1], Payload::Owned(zero));
        let second_dimension = [("start", Attribute::Integer(1)), ("end", Attribute::Integer(2))];
        self.graph.node("Shape", &[INPUT_IDS], "seq", &second_dimension);
        let slice = [table, "zero", "seq", "zero"];
        self.graph.node("Slice", &slice, "embeddings.positions", &[]);

        let addends = ["embeddings.token_types", "embeddings.positions"];
        self.graph.node("Add", &addends, "embeddings.places", &[]);

        // The attention operators take the mask as int32 [batch, seq], 1 = look, 0 = padding.
        let int32 = [("to", Attribute::Integer(ElementType::Int32 as i64))];
        self.graph.node("Cast", &[ATTENTION_MASK], "mask", &int32);

        let output = "embeddings.normalized";
        self.add_and_normalize("embeddings", &words, "embeddings.places", None, output)
    }

    fn word_embeddings(&mut self) -> Result<String, BertOnnxError> {
        let table = "embeddings.word_embeddings.weight";
        let shape = [self.config.vocabulary, self.config.hidden];
        let floats = self.weights.floats(table, &shape)?;
        let output = "embeddings.words";
        match self.precision {
            Precision::Fp32 => {
                self.graph.floats(table, &shape, floats);
                self.graph.node("Gather", &[table, INPUT_IDS], output, &[]);
            }
            Precision::Int8 => {
                let scales = RowScales::of(table, &[floats], self.config.hidden)?;
                let scales_name = "embeddings.word_embeddings.scale";
                let bytes = Payload::Owned(scales.to_bytes());
                let scales_shape = [self.config.vocabulary, 1];
                self.graph.tensor(scales_name, ElementType::Float, &scales_shape, bytes);
                let payload = Payload::QuantizedRows { columns: self.config.hidden, rows: floats, scales };
                self.graph.tensor(table, ElementType::Int8, &shape, payload);
                let float = [("to", Attribute::Integer(ElementType::Float as i64))];
                let (steps, scale) = ("embeddings.word_steps", "embeddings.word_scale");
                self.graph.node("Gather", &[table, INPUT_IDS], "embeddings.word_int8", &[]);
                self.graph.node("Cast", &["embeddings.word_int8"], steps, &float);
                self.graph.node("Gather", &[scales_name, INPUT_IDS], scale, &[]);
                self.graph.node("Mul", &[steps, scale], output, &[]);
            }
        }
        Ok(output.to_owned())
    }

    /// One transformer layer.
    fn layer(&mut self, index: usize, input: &str) -> Result<String, BertOnnxError> {
        let Config { hidden, intermediate, layers, .. } = self.config;
        let layer = format!("encoder.layer.{index}");

        let context = self.attention(&layer, input)?;
        let name = format!("{layer}.attention.output");
        let dense = format!("{name}.dense");
        let product = self.multiply(&dense, &[&dense], [hidden, hidden], &context, None)?;
        let bias = self.bias(&dense, &[&dense], hidden)?;
        let output = format!("{name}.normalized");
        let attended = self.add_and_normalize(&name, &product, input, Some(&bias), &output)?;

        let dense = format!("{layer}.intermediate.dense");
        let shape = [intermediate, hidden];
        let product = self.multiply(&dense, &[&dense], shape, &attended, None)?;
        let bias = self.bias(&dense, &[&dense], intermediate)?;
        let activated = format!("{layer}.intermediate.activated");
        self.graph.fused_node("BiasGelu", &[&product, &bias], &activated, &[]);

        let name = format!("{layer}.output");
        let dense = format!("{name}.dense");
        let shape = [hidden, intermediate];
        let product = self.multiply(&dense, &[&dense], shape, &activated, None)?;
        let bias = self.bias(&dense, &[&dense], hidden)?;
        let output = if index + 1 == layers { LAST_HIDDEN_STATE.to_owned() } else { format!("{name}.normalized") };
        self.add_and_normalize(&name, &product, &attended, Some(&bias), &output)
    }

    /// Self-attention up to, and without, its output projection.
    fn attention(&mut self, layer: &str, input: &str) -> Result<String, BertOnnxError> {
        let hidden = self.config.hidden;
        // Query, key and value lie side by side, so one product makes all three.
        let name = format!("{layer}.attention.self");
        let parts = ["query", "key", "value"].map(|part| format!("{name}.{part}"));
        let parts = parts.each_ref().map(String::as_str);
        let bias = self.bias(&name, &parts, hidden)?;
        let output = format!("{name}.context");
        let heads = i64::try_from(self.config.heads).unwrap_or(i64::MAX);
        let heads = [("num_heads", Attribute::Integer(heads))];
        match self.precision {
            Precision::Fp32 => {
                let weight = self.transposed(&name, &parts, [hidden, hidden])?;
                let inputs = [input, &weight, &bias, "mask"];
                self.graph.fused_node("Attention", &inputs, &output, &heads);
            }
            // The Attention operator has no form with dynamic quantisation.
            Precision::Int8 => {
                let shape = [hidden, hidden];
                let product = self.multiply(&name, &parts, shape, input, Some(&bias))?;
                let split = parts.map(|part| format!("{part}.output"));
                let split = split.each_ref().map(String::as_str);
                self.graph.split_node(&product, &split);
                let inputs = [split[0], split[1], split[2], "", "mask"];
                self.graph.fused_node("MultiHeadAttention", &inputs, &output, &heads);
            }
        }
        Ok(output)
    }

    /// `input` × the weights of `parts` side by side, each \[out, in\] = `shape`; plus `bias`
    /// where given. Puts out \[batch, seq, parts × out\].
    ///
    /// Where the following operator can add the bias in its own pass, it is left to that one.
    fn multiply(
        &mut self,
        name: &str,
        parts: &[&str],
        shape: [usize; 2],
        input: &str,
        bias: Option<&str>,
    ) -> Result<String, BertOnnxError> {
        let output = format!("{name}.product");
        match self.precision {
            Precision::Fp32 => {
                let weight = self.transposed(name, parts, shape)?;
                self.graph.node("MatMul", &[input, &weight], &output, &[]);
                if let Some(bias) = bias {
                    let sum = format!("{name}.sum");
                    self.graph.node("Add", &[&output, bias], &sum, &[]);
                    return Ok(sum);
                }
            }
            Precision::Int8 => {
                let (weight, scale) = self.quantized(name, parts, shape)?;
                // No zero point: the weights are symmetric about zero.
                let inputs = [input, &weight, &scale, "", bias.unwrap_or("")];
                let used = if bias.is_some() { 5 } else { 3 };
                self.graph.fused_node("DynamicQuantizeMatMul", &inputs[..used], &output, &[]);
            }
        }
        Ok(output)
    }

    /// Adds the weights of `parts`, each \[out, in\], as one f32 tensor \[in, parts × out\].
    fn transposed(&mut self, name: &str, parts: &[&str], shape: [usize; 2]) -> Result<String, BertOnnxError> {
        let [rows, columns] = shape;
        let weight = format!("{name}.weight");
        let payload = Payload::Transposed { columns, parts: self.part_weights(parts, shape)? };
        let shape = [columns, parts.len() * rows];
        self.graph.tensor(&weight, ElementType::Float, &shape, payload);
        Ok(weight)
    }

    /// Adds the weights of `parts`, each \[out, in\], as one int8 tensor \[in, parts × out\] and
    /// their scales, f32 \[parts × out\]. Returns both names.
    fn quantized(&mut self, name: &str, parts: &[&str], shape: [usize; 2]) -> Result<(String, String), BertOnnxError> {
        let [rows, columns] = shape;
        let (weight, scale) = (format!("{name}.weight"), format!("{name}.scale"));
        let weights = self.part_weights(parts, shape)?;
        let scales = RowScales::of(&weight, &weights, columns)?;
        let outputs = parts.len() * rows;
        let bytes = Payload::Owned(scales.to_bytes());
        self.graph.tensor(&scale, ElementType::Float, &[outputs], bytes);
        let payload = Payload::QuantizedTransposed { columns, parts: weights, scales };
        self.graph.tensor(&weight, ElementType::Int8, &[columns, outputs], payload);
        Ok((weight, scale))
    }

    fn part_weights(&self, parts: &[&str], shape: [usize; 2]) -> Result<Vec<Floats<'file>>, BertOnnxError> {
        let weight = |part| self.weights.floats(&format!("{part}.weight"), &shape);
        parts.iter().map(weight).collect()
    }

    /// Adds the biases of `parts`, each \[out\], as one tensor \[parts × out\].
    fn bias(&mut self, name: &str, parts: &[&str], out: usize) -> Result<String, BertOnnxError> {
        let bias = format!("{name}.bias");
        let mut bytes = Vec::with_capacity(parts.len() * out * size_of::<f32>());
        for part in parts {
            let part = self.weights.floats(&format!("{part}.bias"), &[out])?;
            bytes.extend_from_slice(part.as_flattened());
        }
        let shape = [parts.len() * out];
        self.graph.tensor(&bias, ElementType::Float, &shape, Payload::Owned(bytes));
        Ok(bias)
    }

    /// Layer normalisation of `left` + `right` (+ `bias`), with the weights of `LayerNorm` under `name`.
    fn add_and_normalize(
        &mut self,
        name: &str,
        left: &str,
        right: &str,
        bias: Option<&str>,
        output: &str,
    ) -> Result<String, BertOnnxError> {
        let gain = format!("{name}.LayerNorm.weight");
        let shift = format!("{name}.LayerNorm.bias");
        let shape = [self.config.hidden];
        for parameter in [&gain, &shift] {
            let floats = self.weights.floats(parameter, &shape)?;
            self.graph.floats(parameter, &shape, floats);
        }
        let inputs = [left, right, &gain, &shift, bias.unwrap_or("")];
        let used = if bias.is_some() { 5 } else { 4 };
        let epsilon = [("epsilon", Attribute::Float(self.config.layer_norm_epsilon))];
        self.graph.fused_node("SkipLayerNormalization", &inputs[..used], output, &epsilon);
        Ok(output.to_owned())
    }
}
