//! Stored samples of a window.

use super::DataType;

/// Samples of a window as the file stores them, in the machine's byte order.
pub(crate) struct Samples {
    pub(super) bytes: Vec<u8>,
    pub(super) dtype: DataType,
    /// Samples of a pixel that lie side by side.
    pub(super) per_pixel: usize,
}

impl Samples {
    /// Calls `each(pixel, value)` for sample `index` of every pixel, row by row.
    pub(crate) fn for_each(&self, index: usize, each: impl FnMut(usize, f64)) {
        let sample_bytes = self.bytes_per_sample();
        self.dtype.for_each(&self.bytes, index * sample_bytes, self.per_pixel * sample_bytes, each);
    }

    pub(super) fn bytes_per_sample(&self) -> usize {
        match self.dtype {
            DataType::U8 | DataType::I8 => 1,
            DataType::U16 | DataType::I16 => 2,
            DataType::U32 | DataType::I32 | DataType::F32 => 4,
            DataType::U64 | DataType::I64 | DataType::F64 => 8,
        }
    }
}
