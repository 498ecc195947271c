//! The contents of tensors: copied, transposed or quantised out of the source file.

use super::BertOnnxError;

/// Little-endian f32 values as they lie in the file, which promises no alignment.
pub(super) type Floats<'file> = &'file [[u8; 4]];

/// Largest magnitude of an int8 weight; −128 stays unused, so that the range is symmetric.
const INT8_MAX: f32 = 127.0;

/// Rows whose largest weight is below this are stored as zeros: 127 ÷ it must stay finite.
const ROW_MAXIMUM_MIN: f32 = 1e-30;

/// One quantisation step per row: weight ≈ int8 × step.
pub(super) struct RowScales(Vec<f32>);

impl RowScales {
    /// Scales that map each row's largest magnitude to 127. Each part is \[rows, `columns`\].
    pub(super) fn of(name: &str, parts: &[Floats], columns: usize) -> Result<Self, BertOnnxError> {
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

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|scale| scale.to_le_bytes()).collect()
    }

    /// Steps per unit of weight, row by row.
    pub(super) fn inverted(&self) -> impl Iterator<Item = f32> {
        self.0.iter().map(|scale| if *scale * INT8_MAX < ROW_MAXIMUM_MIN { 0.0 } else { scale.recip() })
    }
}

/// A weight as a whole number of steps, in two's complement.
pub(super) fn quantize(bytes: [u8; 4], steps_per_unit: f32) -> [u8; 1] {
    // In floats from 2²³ to 2²⁴ the last bit counts ones: adding 1.5 · 2²³ rounds to the nearest
    // whole number and leaves it in the low bits. `f32::round` is a library call on x86-64's
    // baseline and cannot be vectorised.
    const ROUND: f32 = 12_582_912.0;
    let shifted = f32::from_le_bytes(bytes) * steps_per_unit + ROUND;
    [shifted.to_bits().to_le_bytes()[0]]
}

/// A tensor's bytes, or how to make them out of the source file.
pub(super) enum Payload<'file> {
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
    pub(super) fn len(&self) -> usize {
        let count = |parts: &[Floats]| parts.iter().map(|part| part.len()).sum::<usize>();
        match self {
            Self::Owned(bytes) => bytes.len(),
            Self::Copied(floats) => floats.as_flattened().len(),
            Self::Transposed { parts, .. } => count(parts) * size_of::<f32>(),
            Self::QuantizedTransposed { parts, .. } => count(parts),
            Self::QuantizedRows { rows, .. } => rows.len(),
        }
    }

    pub(super) fn write(&self, output: &mut Vec<u8>) {
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
