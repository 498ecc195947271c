//! ONNX's messages: nodes, tensors, and the model around them.

use super::BertOnnxError;
use super::protobuf::{Message, field_length};
use super::tensor::{Floats, Payload};

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
pub(super) enum ElementType {
    Float = 1,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
}

pub(super) enum Attribute {
    Float(f32),
    Integer(i64),
}

pub(super) enum Dimension {
    Fixed(usize),
    Named(&'static str),
}

/// A `GraphProto` whose weights have not been written yet.
#[derive(Default)]
pub(super) struct Graph<'file> {
    /// Everything but the initializers.
    message: Message,
    /// Each initializer's fields up to the length of its data, and the data.
    initializers: Vec<(Message, Payload<'file>)>,
}

impl<'file> Graph<'file> {
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], floats: Floats<'file>) {
        self.tensor(name, ElementType::Float, shape, Payload::Copied(floats));
    }

    /// Adds a constant, row-major.
    pub(super) fn tensor(&mut self, name: &str, kind: ElementType, shape: &[usize], payload: Payload<'file>) {
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
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &Attributes) {
        self.any_node("", operator, inputs, &[output], attributes);
    }

    /// Adds a node with one of ONNX Runtime's fused operators.
    pub(super) fn fused_node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &Attributes) {
        self.any_node(FUSED_DOMAIN, operator, inputs, &[output], attributes);
    }

    /// Cuts the last dimension into equal parts, one for each output.
    pub(super) fn split_node(&mut self, input: &str, outputs: &[&str]) {
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

    pub(super) fn input(&mut self, name: &str, kind: ElementType, shape: &[Dimension]) {
        self.value(GRAPH_INPUT, name, kind, shape);
    }

    pub(super) fn output(&mut self, name: &str, kind: ElementType, shape: &[Dimension]) {
        self.value(GRAPH_OUTPUT, name, kind, shape);
    }

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
    pub(super) fn into_model(mut self) -> Result<Vec<u8>, BertOnnxError> {
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

pub(super) type Attributes = [(&'static str, Attribute)];
