//! Number types of stored samples.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a file stores the numbers of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // The names say it.
pub enum DataType {
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F32,
    F64,
}

impl DataType {
    /// The type of TIFF's SampleFormat (1 unsigned, 2 signed, 3 float) and bytes per sample.
    pub(crate) fn of_tiff(sample_format: u16, bytes: usize) -> Option<Self> {
        Some(match (sample_format, bytes) {
            (1, 1) => Self::U8,
            (1, 2) => Self::U16,
            (1, 4) => Self::U32,
            (1, 8) => Self::U64,
            (2, 1) => Self::I8,
            (2, 2) => Self::I16,
            (2, 4) => Self::I32,
            (2, 8) => Self::I64,
            (3, 4) => Self::F32,
            (3, 8) => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of a stored number.
    pub fn bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Whether values can have a fraction.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// Whether a sample of this type can hold `value`.
    pub(crate) fn can_hold(self, value: f64) -> bool {
        let [low, high] = match self {
            Self::U8 => [0.0, f64::from(u8::MAX)],
            Self::U16 => [0.0, f64::from(u16::MAX)],
            Self::U32 => [0.0, f64::from(u32::MAX)],
            Self::U64 => [0.0, u64::MAX as f64],
            Self::I8 => [f64::from(i8::MIN), f64::from(i8::MAX)],
            Self::I16 => [f64::from(i16::MIN), f64::from(i16::MAX)],
            Self::I32 => [f64::from(i32::MIN), f64::from(i32::MAX)],
            Self::I64 => [i64::MIN as f64, i64::MAX as f64],
            Self::F32 | Self::F64 => return true,
        };
        (low..=high).contains(&value) && value.fract() == 0.0
    }

    /// The value that samples of this type hold where `value` was meant, such as a nodata value
    /// that a file writes as a decimal text.
    pub(crate) fn stored(self, value: f64) -> f64 {
        if self == Self::F32 { f64::from(value as f32) } else { value }
    }

    /// Calls `each(index, value)` for the sample that starts at byte `first` of every `stride`
    /// bytes; samples are in the machine's byte order.
    pub(crate) fn for_each(
        self,
        bytes: &[u8],
        first: usize,
        stride: usize,
        each: impl FnMut(usize, f64),
    ) {
        match self {
            Self::U8 => visit(bytes, first, stride, |[byte]| f64::from(byte), each),
            Self::U16 => visit(bytes, first, stride, |b| f64::from(u16::from_ne_bytes(b)), each),
            Self::U32 => visit(bytes, first, stride, |b| f64::from(u32::from_ne_bytes(b)), each),
            Self::U64 => visit(bytes, first, stride, |b| u64::from_ne_bytes(b) as f64, each),
            Self::I8 => visit(bytes, first, stride, |b| f64::from(i8::from_ne_bytes(b)), each),
            Self::I16 => visit(bytes, first, stride, |b| f64::from(i16::from_ne_bytes(b)), each),
            Self::I32 => visit(bytes, first, stride, |b| f64::from(i32::from_ne_bytes(b)), each),
            Self::I64 => visit(bytes, first, stride, |b| i64::from_ne_bytes(b) as f64, each),
            Self::F32 => visit(bytes, first, stride, |b| f64::from(f32::from_ne_bytes(b)), each),
            Self::F64 => visit(bytes, first, stride, f64::from_ne_bytes, each),
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        })
    }
}

fn visit<const N: usize>(
    bytes: &[u8],
    first: usize,
    stride: usize,
    value: impl Fn([u8; N]) -> f64,
    mut each: impl FnMut(usize, f64),
) {
    for (index, pixel) in bytes.chunks_exact(stride).enumerate() {
        let sample = pixel[first..][..N].try_into().expect("the slice has N bytes");
        each(index, value(sample));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(data_type: DataType, bytes: &[u8], first: usize, stride: usize, want: &[f64]) {
        let mut got = Vec::new();
        data_type.for_each(bytes, first, stride, |_, value| got.push(value));
        assert_eq!(got, want, "{data_type}");
    }

    #[test]
    fn every_type_is_read_from_its_bytes() {
        check(DataType::U8, &[1, 2, 3, 255], 1, 2, &[2.0, 255.0]);
        check(DataType::I8, &[1, 255], 0, 1, &[1.0, -1.0]);
        check(DataType::U16, &65535_u16.to_ne_bytes(), 0, 2, &[65535.0]);
        check(DataType::I16, &(-2_i16).to_ne_bytes(), 0, 2, &[-2.0]);
        check(DataType::U32, &u32::MAX.to_ne_bytes(), 0, 4, &[4_294_967_295.0]);
        check(DataType::I32, &i32::MIN.to_ne_bytes(), 0, 4, &[-2_147_483_648.0]);
        check(DataType::U64, &(1_u64 << 40).to_ne_bytes(), 0, 8, &[2.0_f64.powi(40)]);
        check(DataType::I64, &(-7_i64).to_ne_bytes(), 0, 8, &[-7.0]);
        check(DataType::F32, &1.5_f32.to_ne_bytes(), 0, 4, &[1.5]);
        check(DataType::F64, &0.1_f64.to_ne_bytes(), 0, 8, &[0.1]);
    }
}
