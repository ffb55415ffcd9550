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
        let sample_bytes = self.dtype.bytes() as usize;
        self.dtype.for_each(&self.bytes, index * sample_bytes, self.per_pixel * sample_bytes, each);
    }
}
