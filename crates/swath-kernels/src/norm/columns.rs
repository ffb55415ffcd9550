//! Pixels side by side, so that their values fill whole vectors.

use crate::{simd::MAX_LANES, sweep::CHUNK};

/// Columns that keep enough sums in flight.
const ENOUGH: usize = 64;

/// Rows of a task at least, where there are that many: its sums shall be few beside its values.
const MIN_ROWS: usize = 16;

/// How `[pixel, channel]` is cut: rows of one or more whole pixels, tasks of whole rows, and a few
/// pixels that fill no row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    pub n_values: usize,
    pub channels: usize,
    /// Values of a row: a multiple of the channels and of the longest vector.
    pub width: usize,
    /// Rows of a task.
    pub rows: usize,
    /// Rows of all tasks.
    pub n_rows: usize,
}

impl Columns {
    pub fn new(pixels: usize, channels: usize) -> Self {
        let mut width = channels.max(1);
        while width < ENOUGH || !width.is_multiple_of(MAX_LANES) {
            width *= 2;
        }
        let n_values = pixels * channels;
        let rows = (CHUNK / width).max(MIN_ROWS);
        Self { n_values, channels, width, rows, n_rows: n_values / width }
    }

    pub fn n_tasks(&self) -> usize {
        self.n_rows.div_ceil(self.rows)
    }

    /// First row and number of rows of a task.
    pub fn rows_of(&self, task: usize) -> (usize, usize) {
        let first = task * self.rows;
        (first, self.rows.min(self.n_rows - first))
    }

    /// Where the values begin that fill no row.
    pub fn rest(&self) -> usize {
        self.n_rows * self.width
    }

    /// `[channel]` once for every pixel of a row.
    pub fn repeat(&self, values: impl Iterator<Item = f32> + Clone) -> Vec<f32> {
        values.cycle().take(self.width).collect()
    }

    /// Sums the pixels of a row: `[width]` to `[channel]`.
    pub fn fold(&self, row: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.channels];
        for pixel in row.chunks_exact(self.channels.max(1)) {
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
        }
        sums
    }
}
