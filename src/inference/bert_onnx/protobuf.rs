//! Protobuf's wire format, as far as a writer needs it: <https://protobuf.dev/programming-guides/encoding/>.

const WIRE_VARINT: u32 = 0;
const WIRE_LENGTH: u32 = 2;
const WIRE_32_BITS: u32 = 5;

/// The fields of one message, encoded.
#[derive(Default)]
pub(super) struct Message(pub(super) Vec<u8>);

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

    pub(super) fn integer(&mut self, field: u32, value: u64) {
        self.tag(field, WIRE_VARINT);
        self.varint(value);
    }

    pub(super) fn float(&mut self, field: u32, value: f32) {
        self.tag(field, WIRE_32_BITS);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Starts a field whose `length` bytes the caller appends.
    pub(super) fn open(&mut self, field: u32, length: usize) {
        self.tag(field, WIRE_LENGTH);
        self.varint(length as u64);
    }

    pub(super) fn text(&mut self, field: u32, text: &str) {
        self.open(field, text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn message(&mut self, field: u32, message: &Self) {
        self.open(field, message.0.len());
        self.0.extend_from_slice(&message.0);
    }
}

/// Length of a field with `length` bytes of content, its tag and length included.
pub(super) fn field_length(field: u32, length: usize) -> usize {
    let mut start = Message::default();
    start.open(field, length);
    start.0.len() + length
}
