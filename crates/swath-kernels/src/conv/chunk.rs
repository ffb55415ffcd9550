//! Work cut into chunks of rows or images, and the zero-padded copy of what a chunk reads.

use super::reach::Reach;
use std::ops::Range;

/// How the results of a batch are cut: some rows of one image each, or some whole images.
pub(super) struct Chunks {
    batch: usize,
    rows: usize,
    images_each: usize,
    rows_each: usize,
    per_image: usize,
}

/// A part of the results.
#[derive(Clone)]
pub(super) struct Chunk {
    /// Images of the batch.
    pub images: Range<usize>,
    /// Rows of results in each.
    pub rows: Range<usize>,
}

impl Chunks {
    /// Chunks of about `target` results each. Depends on the shape alone.
    pub(super) fn new(batch: usize, points: [usize; 2], target: usize) -> Chunks {
        let [rows, cols] = points;
        if rows * cols >= target {
            let number = rows.div_ceil((target / cols).max(1));
            let rows_each = rows.div_ceil(number);
            return Chunks {
                batch,
                rows,
                images_each: 1,
                rows_each,
                per_image: rows.div_ceil(rows_each),
            };
        }
        let number = batch.div_ceil((target / (rows * cols)).max(1));
        Chunks { batch, rows, images_each: batch.div_ceil(number), rows_each: rows, per_image: 1 }
    }

    pub(super) fn number(&self) -> usize {
        self.batch.div_ceil(self.images_each) * self.per_image
    }

    pub(super) fn get(&self, index: usize) -> Chunk {
        let image = index / self.per_image * self.images_each;
        let row = index % self.per_image * self.rows_each;
        Chunk {
            images: image..(image + self.images_each).min(self.batch),
            rows: row..(row + self.rows_each).min(self.rows),
        }
    }
}

impl Chunk {
    /// Results in the chunk.
    pub(super) fn points(&self, reach: &Reach) -> usize {
        self.images.len() * self.rows.len() * reach.points[1]
    }

    /// Numbers that [`Chunk::copy`] writes for `channels` channels.
    pub(super) fn copy_length(&self, reach: &Reach, channels: usize) -> usize {
        let [_, points] = reach.points;
        self.images.len() * reach.extent(0, self.rows.len()) * reach.extent(1, points) * channels
    }

    /// Copies all that the chunk's results read, zeros where that is padding:
    /// `[image, row, col, channel]`, of `images` with `channels` channels those in `some`.
    pub(super) fn copy(
        &self,
        reach: &Reach,
        images: &[f32],
        channels: usize,
        some: Range<usize>,
        to: &mut [f32],
    ) {
        let [size_rows, size_cols] = reach.size;
        let (rows, cols) = (reach.extent(0, self.rows.len()), reach.extent(1, reach.points[1]));
        // Columns of the copy from `left` to `right` lie in the image.
        let left = ((-reach.first(1)).max(0) as usize).min(cols);
        let right = ((size_cols as isize - reach.first(1)).max(0) as usize).clamp(left, cols);
        let top = (self.rows.start * reach.stride[0]) as isize + reach.first(0);
        let width = some.len();
        let mut to = to.chunks_exact_mut(cols * width);
        for image in self.images.clone() {
            for row in 0..rows {
                let Some(to) = to.next() else { return };
                let row = top + row as isize;
                if row < 0 || row >= size_rows as isize || left == right {
                    to.fill(0.0);
                    continue;
                }
                to[..left * width].fill(0.0);
                to[right * width..].fill(0.0);
                let col = (left as isize + reach.first(1)) as usize;
                let from =
                    &images[((image * size_rows + row as usize) * size_cols + col) * channels..];
                let to = &mut to[left * width..right * width];
                if width == channels {
                    to.copy_from_slice(&from[..to.len()]);
                    continue;
                }
                for (to, from) in to.chunks_exact_mut(width).zip(from.chunks(channels)) {
                    to.copy_from_slice(&from[some.clone()]);
                }
            }
        }
    }
}
