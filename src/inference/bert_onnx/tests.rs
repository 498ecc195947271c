use std::collections::{BTreeMap, HashMap, HashSet};

use safetensors::tensor::TensorView;

use super::tensor::quantize;
use super::*;

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

/// A cross-encoder whose logits are how often the text has each of the tokens `words`, out of a vocabulary of so many.
pub(crate) fn word_counter(vocabulary: usize, words: &[u32]) -> Vec<u8> {
    let mut graph = Graph::default();
    for name in [INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS] {
        graph.input(name, ElementType::Int64, &[Dimension::Named("batch"), Dimension::Named("seq")]);
    }
    graph.output("logits", ElementType::Float, &[Dimension::Named("batch"), Dimension::Fixed(words.len())]);
    let counts = (0..vocabulary).flat_map(|token| {
        words.iter().flat_map(move |word| f32::from(u8::from(token == *word as usize)).to_le_bytes())
    });
    graph.tensor("counts", ElementType::Float, &[vocabulary, words.len()], Payload::Owned(counts.collect()));
    graph.tensor("tokens", ElementType::Int64, &[1], Payload::Owned(1_i64.to_le_bytes().to_vec()));
    graph.node("Gather", &["counts", INPUT_IDS], "counted", &[("axis", Attribute::Integer(0))]);
    graph.node("ReduceSum", &["counted", "tokens"], "logits", &[("keepdims", Attribute::Integer(0))]);
    graph.into_model().unwrap()
}
