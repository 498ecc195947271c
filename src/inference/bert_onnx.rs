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

use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::Value;

/// How the weights of the dense layers are stored and multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats throughout.
    Fp32,
    /// Dense weights as int8 with one scale per output channel, activations quantised on the fly
    /// with one scale per call; word embeddings as int8 with one scale per row.
    ///
    /// Because of the scale per call, a text's vector depends on what shares its batch: send
    /// texts one by one. Processors with AVX2 but without VNNI may also saturate in ONNX
    /// Runtime's int8 product, so vectors of different machines are not interchangeable.
    Int8,
}

/// Builds the ONNX model of a BERT encoder.
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

// --- Source files ---------------------------------------------------------------------------

/// The part of `config.json` that decides the graph. Every number is at least 1.
struct Config {
    vocabulary: usize,
    positions: usize,
    token_types: usize,
    hidden: usize,
    intermediate: usize,
    heads: usize,
    layers: usize,
    layer_norm_epsilon: f32,
}

impl Config {
    fn parse(json: &[u8]) -> Result<Self, BertOnnxError> {
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

fn count(json: &Value, field: &'static str) -> Result<usize, BertOnnxError> {
    // 32 bits, so that no product of two counts below can overflow.
    json.get(field)
        .and_then(Value::as_u64)
        .filter(|number| (1..=u64::from(u32::MAX)).contains(number))
        .and_then(|number| usize::try_from(number).ok())
        .ok_or(BertOnnxError::ConfigField { field, expected: "a whole number from 1 to 4294967295" })
}

fn layer_norm_epsilon(json: &Value) -> Result<f32, BertOnnxError> {
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

/// Little-endian f32 values as they lie in the file, which promises no alignment.
type Floats<'file> = &'file [[u8; 4]];

struct Weights<'file> {
    tensors: SafeTensors<'file>,
    /// `BertFor…` checkpoints keep the encoder under `bert.`; `BertModel` ones have no prefix.
    prefix: &'static str,
}

impl<'file> Weights<'file> {
    fn parse(bytes: &'file [u8]) -> Result<Self, BertOnnxError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(BertOnnxError::Safetensors)?;
        let prefixed = tensors.iter().any(|(name, _)| name.starts_with("bert."));
        let prefix = if prefixed { "bert." } else { "" };
        Ok(Self { tensors, prefix })
    }

    /// The tensor called `name`, row-major, after checking that it is f32 of the given shape.
    fn floats(&self, name: &str, shape: &[usize]) -> Result<Floats<'file>, BertOnnxError> {
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

// --- Encoder --------------------------------------------------------------------------------

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
            self.graph.value(GRAPH_INPUT, name, ElementType::Int64, &shape);
        }
        let shape = [Dimension::Named("batch"), Dimension::Named("seq"), Dimension::Fixed(self.config.hidden)];
        self.graph.value(GRAPH_OUTPUT, LAST_HIDDEN_STATE, ElementType::Float, &shape);
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

// --- Tensor contents ------------------------------------------------------------------------

/// Largest magnitude of an int8 weight; −128 stays unused, so that the range is symmetric.
const INT8_MAX: f32 = 127.0;

/// Rows whose largest weight is below this are stored as zeros: 127 ÷ it must stay finite.
const ROW_MAXIMUM_MIN: f32 = 1e-30;

/// One quantisation step per row: weight ≈ int8 × step.
struct RowScales(Vec<f32>);

impl RowScales {
    /// Scales that map each row's largest magnitude to 127. Each part is \[rows, `columns`\].
    fn of(name: &str, parts: &[Floats], columns: usize) -> Result<Self, BertOnnxError> {
        let rows = parts.iter().flat_map(|part| part.chunks_exact(columns));
        let scales = rows.map(|row| {
            // Without their sign bit, floats order as integers do, with infinity and NaN above
            // all numbers: one integer maximum, which vectorises, finds size and validity.
            let magnitude = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes) & 0x7fff_ffff;
            let maximum = f32::from_bits(row.iter().map(magnitude).fold(0, u32::max));
            if !maximum.is_finite() {
                let name = name.to_owned();
                return Err(BertOnnxError::NotFinite { name });
            }
            Ok(maximum / INT8_MAX)
        });
        scales.collect::<Result<_, _>>().map(Self)
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|scale| scale.to_le_bytes()).collect()
    }

    /// Steps per unit of weight, row by row.
    fn inverted(&self) -> impl Iterator<Item = f32> {
        self.0.iter().map(|scale| if *scale * INT8_MAX < ROW_MAXIMUM_MIN { 0.0 } else { scale.recip() })
    }
}

/// A weight as a whole number of steps, in two's complement.
fn quantize(bytes: [u8; 4], steps_per_unit: f32) -> [u8; 1] {
    // In floats from 2²³ to 2²⁴ the last bit counts ones: adding 1.5 · 2²³ rounds to the nearest
    // whole number and leaves it in the low bits. `f32::round` is a library call on x86-64's
    // baseline and cannot be vectorised.
    const ROUND: f32 = 12_582_912.0;
    let shifted = f32::from_le_bytes(bytes) * steps_per_unit + ROUND;
    [shifted.to_bits().to_le_bytes()[0]]
}

/// A tensor's bytes, or how to make them out of the source file.
enum Payload<'file> {
    Owned(Vec<u8>),
    Copied(Floats<'file>),
    /// Each part \[rows, columns\] in the file; f32 \[columns, all rows\] in the model.
    Transposed {
        columns: usize,
        parts: Vec<Floats<'file>>,
    },
    /// The same with int8 values, one scale per row.
    QuantizedTransposed {
        columns: usize,
        parts: Vec<Floats<'file>>,
        scales: RowScales,
    },
    /// \[rows, columns\] as in the file, int8, one scale per row.
    QuantizedRows {
        columns: usize,
        rows: Floats<'file>,
        scales: RowScales,
    },
}

impl Payload<'_> {
    /// Number of bytes that `write` appends.
    fn len(&self) -> usize {
        let count = |parts: &[Floats]| parts.iter().map(|part| part.len()).sum::<usize>();
        match self {
            Self::Owned(bytes) => bytes.len(),
            Self::Copied(floats) => floats.as_flattened().len(),
            Self::Transposed { parts, .. } => count(parts) * size_of::<f32>(),
            Self::QuantizedTransposed { parts, .. } => count(parts),
            Self::QuantizedRows { rows, .. } => rows.len(),
        }
    }

    fn write(&self, output: &mut Vec<u8>) {
        match self {
            Self::Owned(bytes) => output.extend_from_slice(bytes),
            Self::Copied(floats) => output.extend_from_slice(floats.as_flattened()),
            Self::Transposed { columns, parts } => {
                write_transposed(output, parts, *columns, std::iter::repeat(()), |float, ()| float);
            }
            Self::QuantizedTransposed { columns, parts, scales } => {
                write_transposed(output, parts, *columns, scales.inverted(), quantize);
            }
            Self::QuantizedRows { columns, rows, scales } => {
                let mut line = vec![[0]; *columns];
                for (row, steps) in rows.chunks_exact(*columns).zip(scales.inverted()) {
                    for (byte, float) in line.iter_mut().zip(row) {
                        *byte = quantize(*float, steps);
                    }
                    output.extend_from_slice(line.as_flattened());
                }
            }
        }
    }
}

/// Appends the transpose of `parts`, stacked rows of `columns` floats, in `SIZE` bytes a value.
///
/// `encode` turns a float into its bytes, given its row's entry of `row_contexts`.
fn write_transposed<const SIZE: usize, Context: Copy>(
    output: &mut Vec<u8>,
    parts: &[Floats],
    columns: usize,
    row_contexts: impl Iterator<Item = Context>,
    encode: impl Fn([u8; 4], Context) -> [u8; SIZE],
) {
    // A cache line of the source, so that every line is loaded once; the tile, at most
    // 16 × 1536 floats = 96 KiB in MiniLM, stays in the second-level cache.
    const TILE: usize = 16;
    let source_rows = parts.iter().flat_map(|part| part.chunks_exact(columns));
    let rows: Vec<(Floats, Context)> = source_rows.zip(row_contexts).collect();
    let mut tile = vec![[0; SIZE]; TILE * rows.len()];
    for first in (0..columns).step_by(TILE) {
        let width = TILE.min(columns - first);
        for (index, (row, context)) in rows.iter().enumerate() {
            let column = tile[index..].iter_mut().step_by(rows.len());
            for (target, float) in column.zip(&row[first..first + width]) {
                *target = encode(*float, *context);
            }
        }
        output.extend_from_slice(tile[..width * rows.len()].as_flattened());
    }
}

// --- ONNX messages --------------------------------------------------------------------------

// Fields of GraphProto.
const GRAPH_NODE: u32 = 1;
const GRAPH_NAME: u32 = 2;
const GRAPH_INITIALIZER: u32 = 5;
const GRAPH_INPUT: u32 = 11;
const GRAPH_OUTPUT: u32 = 12;

// Field of ModelProto.
const MODEL_GRAPH: u32 = 7;

// Field of TensorProto.
const TENSOR_RAW_DATA: u32 = 9;

/// Domain of ONNX Runtime's own operators.
const FUSED_DOMAIN: &str = "com.microsoft";

/// `TensorProto.DataType`.
#[derive(Clone, Copy)]
enum ElementType {
    Float = 1,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
}

enum Attribute {
    Float(f32),
    Integer(i64),
}

enum Dimension {
    Fixed(usize),
    Named(&'static str),
}

/// A `GraphProto` whose weights have not been written yet.
#[derive(Default)]
struct Graph<'file> {
    /// Everything but the initializers.
    message: Message,
    /// Each initializer's fields up to the length of its data, and the data.
    initializers: Vec<(Message, Payload<'file>)>,
}

impl<'file> Graph<'file> {
    fn floats(&mut self, name: &str, shape: &[usize], floats: Floats<'file>) {
        self.tensor(name, ElementType::Float, shape, Payload::Copied(floats));
    }

    /// Adds a constant, row-major.
    fn tensor(&mut self, name: &str, kind: ElementType, shape: &[usize], payload: Payload<'file>) {
        let mut header = Message::default();
        for dimension in shape {
            header.integer(1, *dimension as u64);
        }
        header.integer(2, kind as u64);
        header.text(8, name);
        header.open(TENSOR_RAW_DATA, payload.len());
        self.initializers.push((header, payload));
    }

    /// Adds a node with a standard operator.
    fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &Attributes) {
        self.any_node("", operator, inputs, &[output], attributes);
    }

    /// Adds a node with one of ONNX Runtime's fused operators.
    fn fused_node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &Attributes) {
        self.any_node(FUSED_DOMAIN, operator, inputs, &[output], attributes);
    }

    /// Cuts the last dimension into equal parts, one for each output.
    fn split_node(&mut self, input: &str, outputs: &[&str]) {
        self.any_node("", "Split", &[input], outputs, &[("axis", Attribute::Integer(-1))]);
    }

    fn any_node(&mut self, domain: &str, operator: &str, inputs: &[&str], outputs: &[&str], attributes: &Attributes) {
        let mut node = Message::default();
        for input in inputs {
            node.text(1, input);
        }
        for output in outputs {
            node.text(2, output);
        }
        // Named after its output, which is unique; profiles and error messages show the name.
        node.text(3, outputs.first().unwrap_or(&""));
        node.text(4, operator);
        for (name, attribute) in attributes {
            let mut message = Message::default();
            message.text(1, name);
            match attribute {
                Attribute::Float(value) => {
                    message.float(2, *value);
                    message.integer(20, 1);
                }
                Attribute::Integer(value) => {
                    message.integer(3, value.cast_unsigned());
                    message.integer(20, 2);
                }
            }
            node.message(5, &message);
        }
        node.text(7, domain);
        self.message.message(GRAPH_NODE, &node);
    }

    /// Declares an input or output.
    fn value(&mut self, field: u32, name: &str, kind: ElementType, shape: &[Dimension]) {
        let mut dimensions = Message::default();
        for dimension in shape {
            let mut message = Message::default();
            match dimension {
                Dimension::Fixed(size) => message.integer(1, *size as u64),
                Dimension::Named(name) => message.text(2, name),
            }
            dimensions.message(1, &message);
        }
        let mut tensor = Message::default();
        tensor.integer(1, kind as u64);
        tensor.message(2, &dimensions);
        let mut kind = Message::default();
        kind.message(1, &tensor);
        let mut value = Message::default();
        value.text(1, name);
        value.message(2, &kind);
        self.message.message(field, &value);
    }

    /// Writes the finished `ModelProto`.
    fn into_model(mut self) -> Result<Vec<u8>, BertOnnxError> {
        self.message.text(GRAPH_NAME, "bert");
        let mut model = Message::default();
        // IR version 8 came with opset 17, whose Shape and Split this graph uses.
        model.integer(1, 8);
        model.text(2, "candor");
        for (domain, version) in [("", 17), (FUSED_DOMAIN, 1)] {
            let mut operators = Message::default();
            operators.text(1, domain);
            operators.integer(2, version);
            model.message(8, &operators);
        }

        let length = |(header, payload): &(Message, Payload)| header.0.len() + payload.len();
        let initializers: usize =
            self.initializers.iter().map(|tensor| field_length(GRAPH_INITIALIZER, length(tensor))).sum();
        let graph_length = self.message.0.len() + initializers;
        let bytes = model.0.len() + field_length(MODEL_GRAPH, graph_length);
        // Protobuf readers count in i32.
        if i32::try_from(bytes).is_err() {
            return Err(BertOnnxError::TooLarge { bytes });
        }

        let mut output = Message(Vec::with_capacity(bytes));
        output.0.extend_from_slice(&model.0);
        output.open(MODEL_GRAPH, graph_length);
        output.0.extend_from_slice(&self.message.0);
        for tensor in &self.initializers {
            let (header, payload) = tensor;
            output.open(GRAPH_INITIALIZER, length(tensor));
            output.0.extend_from_slice(&header.0);
            payload.write(&mut output.0);
        }
        debug_assert_eq!(output.0.len(), bytes);
        Ok(output.0)
    }
}

type Attributes = [(&'static str, Attribute)];

// --- Protobuf wire format -------------------------------------------------------------------
// https://protobuf.dev/programming-guides/encoding/

const WIRE_VARINT: u32 = 0;
const WIRE_LENGTH: u32 = 2;
const WIRE_32_BITS: u32 = 5;

/// The fields of one message, encoded.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    fn tag(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    fn integer(&mut self, field: u32, value: u64) {
        self.tag(field, WIRE_VARINT);
        self.varint(value);
    }

    fn float(&mut self, field: u32, value: f32) {
        self.tag(field, WIRE_32_BITS);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Starts a field whose `length` bytes the caller appends.
    fn open(&mut self, field: u32, length: usize) {
        self.tag(field, WIRE_LENGTH);
        self.varint(length as u64);
    }

    fn text(&mut self, field: u32, text: &str) {
        self.open(field, text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn message(&mut self, field: u32, message: &Self) {
        self.open(field, message.0.len());
        self.0.extend_from_slice(&message.0);
    }
}

/// Length of a field with `length` bytes of content, its tag and length included.
fn field_length(field: u32, length: usize) -> usize {
    let mut start = Message::default();
    start.open(field, length);
    start.0.len() + length
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;
    use std::collections::{BTreeMap, HashMap, HashSet};

    const HIDDEN: usize = 8;
    /// Neither a multiple of the transpose's tile nor smaller than it.
    const INTERMEDIATE: usize = 20;
    const VOCABULARY: usize = 11;
    const LAYERS: usize = 2;

    /// A fixed stream of pseudo-random numbers (xorshift64).
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn below(&mut self, limit: usize) -> usize {
            usize::try_from(self.next() % limit as u64).unwrap()
        }

        /// From −1 to 1, in steps of 1/128.
        fn weight(&mut self) -> f32 {
            f32::from(i8::from_le_bytes([self.next().to_le_bytes()[3]])) / 128.0
        }
    }

    fn config() -> String {
        format!(
            r#"{{"model_type": "bert", "hidden_act": "gelu", "hidden_size": {HIDDEN},
                "intermediate_size": {INTERMEDIATE}, "num_attention_heads": 2,
                "num_hidden_layers": {LAYERS}, "vocab_size": {VOCABULARY},
                "max_position_embeddings": 5, "type_vocab_size": 2, "layer_norm_eps": 1e-12}}"#
        )
    }

    type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

    fn tiny_bert() -> Tensors {
        let mut shapes: Vec<(String, Vec<usize>)> = Vec::new();
        let embeddings = [("word", VOCABULARY), ("position", 5), ("token_type", 2)];
        for (table, rows) in embeddings {
            let name = format!("embeddings.{table}_embeddings.weight");
            shapes.push((name, vec![rows, HIDDEN]));
        }
        let mut dense = vec![("embeddings.LayerNorm".to_owned(), vec![HIDDEN])];
        for layer in 0..LAYERS {
            for (name, shape) in [
                ("attention.self.query", vec![HIDDEN, HIDDEN]),
                ("attention.self.key", vec![HIDDEN, HIDDEN]),
                ("attention.self.value", vec![HIDDEN, HIDDEN]),
                ("attention.output.dense", vec![HIDDEN, HIDDEN]),
                ("attention.output.LayerNorm", vec![HIDDEN]),
                ("intermediate.dense", vec![INTERMEDIATE, HIDDEN]),
                ("output.dense", vec![HIDDEN, INTERMEDIATE]),
                ("output.LayerNorm", vec![HIDDEN]),
            ] {
                dense.push((format!("encoder.layer.{layer}.{name}"), shape));
            }
        }
        for (name, shape) in dense {
            shapes.push((format!("{name}.bias"), vec![shape[0]]));
            shapes.push((format!("{name}.weight"), shape));
        }
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut filled = |shape: &[usize]| (0..shape.iter().product()).map(|_| random.weight()).collect();
        shapes
            .into_iter()
            .map(|(name, shape)| {
                let values = filled(&shape);
                (name, (shape, values))
            })
            .collect()
    }

    fn safetensors_file(tensors: &Tensors, dtype: Dtype) -> Vec<u8> {
        let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = tensors
            .iter()
            .map(|(name, (shape, values))| {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                (name, shape, bytes)
            })
            .collect();
        let views = bytes
            .iter()
            .map(|(name, shape, bytes)| (name.as_str(), TensorView::new(dtype, (*shape).clone(), bytes).unwrap()));
        safetensors::serialize(views, None).unwrap()
    }

    fn build_tiny(precision: Precision) -> Vec<u8> {
        let weights = safetensors_file(&tiny_bert(), Dtype::F32);
        build(config().as_bytes(), &weights, precision).unwrap()
    }

    fn error_with(tensors: &Tensors) -> BertOnnxError {
        let weights = safetensors_file(tensors, Dtype::F32);
        build(config().as_bytes(), &weights, Precision::Int8).unwrap_err()
    }

    /// A decoded message: for each field number, its values in order. Varints and 32-bit values
    /// are kept as little-endian bytes.
    type Fields = HashMap<u64, Vec<Vec<u8>>>;

    fn decode(mut bytes: &[u8]) -> Fields {
        let mut fields = Fields::new();
        while !bytes.is_empty() {
            let tag = take_varint(&mut bytes);
            let value = match tag & 7 {
                0 => take_varint(&mut bytes).to_le_bytes().to_vec(),
                2 => {
                    let length = usize::try_from(take_varint(&mut bytes)).unwrap();
                    bytes.split_off(..length).unwrap().to_vec()
                }
                5 => bytes.split_off(..4).unwrap().to_vec(),
                other => panic!("wire type {other}"),
            };
            fields.entry(tag >> 3).or_default().push(value);
        }
        fields
    }

    fn take_varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = bytes.split_off_first().unwrap();
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }

    fn texts(fields: &Fields, field: u64) -> Vec<String> {
        let values = fields.get(&field).into_iter().flatten();
        values.map(|value| String::from_utf8(value.clone()).unwrap()).collect()
    }

    fn numbers(fields: &Fields, field: u64) -> Vec<usize> {
        let values = fields.get(&field).into_iter().flatten();
        values.map(|value| usize::from_le_bytes(value.as_slice().try_into().unwrap())).collect()
    }

    struct Decoded {
        nodes: Vec<Fields>,
        /// Name to element type, shape and data.
        tensors: HashMap<String, (usize, Vec<usize>, Vec<u8>)>,
        inputs: Vec<String>,
        outputs: Vec<String>,
    }

    fn decode_model(bytes: &[u8]) -> Decoded {
        let graph = decode(&decode(bytes)[&7][0]);
        let names = |field| graph[&field].iter().flat_map(|value| texts(&decode(value), 1)).collect();
        Decoded {
            nodes: graph[&1].iter().map(|node| decode(node)).collect(),
            tensors: graph[&5]
                .iter()
                .map(|tensor| {
                    let tensor = decode(tensor);
                    let [kind] = numbers(&tensor, 2)[..] else { panic!("one type") };
                    let shape = numbers(&tensor, 1);
                    (texts(&tensor, 8).remove(0), (kind, shape, tensor[&9][0].clone()))
                })
                .collect(),
            inputs: names(11),
            outputs: names(12),
        }
    }

    fn floats(bytes: &[u8]) -> Vec<f32> {
        let (chunks, []) = bytes.as_chunks() else { panic!("whole floats") };
        chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    #[test]
    fn every_node_reads_what_is_already_there_and_the_last_writes_the_output() {
        for precision in [Precision::Fp32, Precision::Int8] {
            let model = decode_model(&build_tiny(precision));
            assert_eq!(model.inputs, ["input_ids", "attention_mask", "token_type_ids"]);
            assert_eq!(model.outputs, ["last_hidden_state"]);
            let mut known: HashSet<String> = model.tensors.keys().cloned().collect();
            known.extend(model.inputs);
            let mut read = HashSet::from([String::new(), "last_hidden_state".to_owned()]);
            for node in &model.nodes {
                for input in texts(node, 1) {
                    assert!(input.is_empty() || known.contains(&input), "{input}");
                    read.insert(input);
                }
                for output in texts(node, 2) {
                    assert!(known.insert(output.clone()), "{output} is written twice");
                }
            }
            let unread: Vec<_> = known.difference(&read).collect();
            assert!(unread.is_empty(), "{unread:?}");
            assert_eq!(texts(model.nodes.last().unwrap(), 2), ["last_hidden_state"]);
        }
    }

    #[test]
    fn tensors_are_as_long_as_their_shapes_say() {
        for precision in [Precision::Fp32, Precision::Int8] {
            for (name, (kind, shape, data)) in decode_model(&build_tiny(precision)).tensors {
                let size = match kind {
                    1 => 4,
                    3 => 1,
                    7 => 8,
                    other => panic!("{name}: element type {other}"),
                };
                assert_eq!(data.len(), size * shape.iter().product::<usize>(), "{name}");
            }
        }
    }

    #[test]
    fn a_layer_is_made_of_fused_operators() {
        let operators = |precision| -> Vec<String> {
            let nodes = decode_model(&build_tiny(precision)).nodes;
            nodes[nodes.len() / 2..].iter().flat_map(|node| texts(node, 4)).collect()
        };
        let layer = ["Attention", "MatMul", "SkipLayerNormalization", "MatMul", "BiasGelu", "MatMul"];
        assert!(operators(Precision::Fp32).windows(6).any(|window| window == layer));
        let product = "DynamicQuantizeMatMul";
        let layer = [product, "Split", "MultiHeadAttention", product, "SkipLayerNormalization"];
        assert!(operators(Precision::Int8).windows(5).any(|window| window == layer));
    }

    #[test]
    fn query_key_and_value_lie_side_by_side_transposed() {
        let source = tiny_bert();
        let model = decode_model(&build_tiny(Precision::Fp32));
        let (_, shape, data) = &model.tensors["encoder.layer.1.attention.self.weight"];
        assert_eq!(*shape, [HIDDEN, 3 * HIDDEN]);
        let data = floats(data);
        for (index, part) in ["query", "key", "value"].into_iter().enumerate() {
            let (_, weights) = &source[&format!("encoder.layer.1.attention.self.{part}.weight")];
            for (position, weight) in weights.iter().enumerate() {
                let (row, column) = (position / HIDDEN, position % HIDDEN);
                let found = data[column * 3 * HIDDEN + index * HIDDEN + row];
                assert_eq!(found.to_bits(), weight.to_bits(), "{part} {row} {column}");
            }
        }
    }

    #[test]
    fn int8_weights_are_within_half_a_step_of_the_source() {
        let source = tiny_bert();
        let model = decode_model(&build_tiny(Precision::Int8));
        let close = |step: i8, scale: f32, weight: f32| (f32::from(step) * scale - weight).abs() <= scale * 0.501;
        let name = "encoder.layer.0.output.dense";
        let (_, _, steps) = &model.tensors[&format!("{name}.weight")];
        let scales = floats(&model.tensors[&format!("{name}.scale")].2);
        for (position, weight) in source[&format!("{name}.weight")].1.iter().enumerate() {
            let (row, column) = (position / INTERMEDIATE, position % INTERMEDIATE);
            let step = i8::from_le_bytes([steps[column * HIDDEN + row]]);
            assert!(close(step, scales[row], *weight), "{row} {column}");
        }
        let name = "embeddings.word_embeddings";
        let (_, _, steps) = &model.tensors[&format!("{name}.weight")];
        let scales = floats(&model.tensors[&format!("{name}.scale")].2);
        for (position, weight) in source[&format!("{name}.weight")].1.iter().enumerate() {
            let step = i8::from_le_bytes([steps[position]]);
            assert!(close(step, scales[position / HIDDEN], *weight), "{position}");
        }
    }

    #[test]
    fn rows_too_small_for_a_step_become_zeros() {
        for tiny in [0.0, 1e-40_f32, 1e-31] {
            let row = [tiny.to_le_bytes(); 2];
            let scales = RowScales::of("row", &[&row], 2).unwrap();
            let steps = scales.inverted().next().unwrap();
            assert_eq!(quantize(row[0], steps), [0]);
        }
    }

    #[test]
    fn the_prefix_of_whole_checkpoints_is_accepted() {
        let tensors = tiny_bert();
        let prefixed = tensors.iter().map(|(name, tensor)| (format!("bert.{name}"), tensor.clone()));
        let weights = safetensors_file(&prefixed.collect(), Dtype::F32);
        let bytes = build(config().as_bytes(), &weights, Precision::Int8).unwrap();
        assert!(bytes == build_tiny(Precision::Int8));
    }

    #[test]
    fn other_architectures_are_refused_by_name() {
        let weights = safetensors_file(&tiny_bert(), Dtype::F32);
        for (old, new, message) in [
            (r#""bert""#, r#""roberta""#, "model_type is \"roberta\", but only bert is supported"),
            (r#""gelu""#, r#""relu""#, "hidden_act is \"relu\", but only gelu is supported"),
            (
                r#""num_attention_heads": 2"#,
                r#""num_attention_heads": 3"#,
                "hidden_size must be a multiple of num_attention_heads",
            ),
            (r#""vocab_size": 11"#, r#""vocab_size": 0"#, "vocab_size must be a whole number from 1 to 4294967295"),
            ("1e-12", "1e300", "layer_norm_eps must be a number, zero or more"),
        ] {
            let config = config().replace(old, new);
            let error = build(config.as_bytes(), &weights, Precision::Fp32).unwrap_err();
            assert_eq!(error.to_string(), format!("config.json: {message}"));
        }
    }

    #[test]
    fn unfit_tensors_are_named() {
        let name = "encoder.layer.1.intermediate.dense.weight";

        let mut tensors = tiny_bert();
        tensors.remove(name);
        assert!(matches!(error_with(&tensors), BertOnnxError::MissingTensor { name: found } if found == name));

        let mut tensors = tiny_bert();
        tensors.get_mut(name).unwrap().0 = vec![HIDDEN, INTERMEDIATE];
        assert!(matches!(error_with(&tensors), BertOnnxError::WrongShape { name: found, .. } if found == name));

        let mut tensors = tiny_bert();
        tensors.get_mut(name).unwrap().1[3] = f32::NAN;
        assert!(matches!(error_with(&tensors), BertOnnxError::NotFinite { name: found } if found == name));

        let weights = safetensors_file(&tiny_bert(), Dtype::I32);
        let error = build(config().as_bytes(), &weights, Precision::Fp32).unwrap_err();
        assert!(matches!(error, BertOnnxError::WrongDtype { found: Dtype::I32, .. }));
    }

    #[test]
    fn cut_files_are_refused() {
        let weights = safetensors_file(&tiny_bert(), Dtype::F32);
        let config = config();
        for length in 0..weights.len() {
            assert!(build(config.as_bytes(), &weights[..length], Precision::Int8).is_err());
        }
        for length in 0..config.len() {
            assert!(build(&config.as_bytes()[..length], &weights, Precision::Int8).is_err());
        }
    }

    #[test]
    fn damaged_files_never_panic() {
        let weights = safetensors_file(&tiny_bert(), Dtype::F32);
        let config = config().into_bytes();
        // Damage in the data is boring; most of it goes to the length and the JSON header.
        let header = 8 + usize::from_le_bytes(weights[..8].try_into().unwrap());
        let mut random = Random(1);
        for round in 0..6000 {
            let (mut weights, mut config) = (weights.clone(), config.clone());
            for _ in 0..=random.below(3) {
                let byte = random.next().to_le_bytes()[0];
                // Digits and punctuation often leave valid JSON with a different meaning.
                let byte = if round % 2 == 0 { b"0123456789,]["[usize::from(byte) % 13] } else { byte };
                match random.below(4) {
                    0 => {
                        let at = random.below(config.len());
                        config[at] = byte;
                    }
                    1 => {
                        let at = random.below(weights.len());
                        weights[at] = byte;
                    }
                    _ => weights[random.below(header)] = byte,
                }
            }
            for precision in [Precision::Fp32, Precision::Int8] {
                if let Ok(model) = build(&config, &weights, precision) {
                    decode_model(&model);
                }
            }
        }
    }
}
