//! Images with channels last and zeros around them.

use rayon::prelude::*;

/// Values that a kernel may read, without using them, beyond the last image.
pub(crate) const SLACK: usize = 64;

/// A batch of images, `[batch, row, col, channel]`.
pub(crate) struct Images {
    pub values: Vec<f32>,
    /// Rows of one image, with the zeros around it.
    pub rows: usize,
    /// Columns of one image, with the zeros around it.
    pub cols: usize,
    /// Channels, with those that fill up.
    pub channels: usize,
}

/// How channels-first planes become [`Images`].
pub(crate) struct Layout {
    pub channels: usize,
    /// Channels of the images are a multiple of this; those added are 0.
    pub multiple_of: usize,
    /// Rows and columns of the planes.
    pub size: [usize; 2],
    /// Rows and columns of the images, without the zeros around.
    pub spread: [usize; 2],
    /// Pixel `i` of a plane goes to pixel `i * step` of the image.
    pub step: usize,
    /// Zeros on each side of the image.
    pub around: usize,
}

impl Layout {
    /// Copies `planes`, `[batch, channel, row, col]`.
    pub fn images(&self, planes: &[f32]) -> Images {
        let [plane_rows, plane_cols] = self.size;
        let [rows, cols] = self.spread.map(|length| length + 2 * self.around);
        let channels = self.channels.next_multiple_of(self.multiple_of);
        let n_plane = plane_rows * plane_cols;
        let batch = planes.len() / (self.channels * n_plane);
        let n_image = rows * cols * channels;
        let mut values = vec![0.0; batch * n_image + SLACK];
        values[..batch * n_image].par_chunks_mut(cols * channels).enumerate().for_each(
            |(line, to)| {
                let (image, row) = (line / rows, line % rows);
                let Some(row) = row.checked_sub(self.around) else { return };
                if row % self.step != 0 || plane_rows <= row / self.step {
                    return;
                }
                let row = row / self.step;
                for channel in 0..self.channels {
                    let from = ((image * self.channels + channel) * plane_rows + row) * plane_cols;
                    let from = &planes[from..from + plane_cols];
                    let to = &mut to[self.around * channels + channel..];
                    let to = to.iter_mut().step_by(self.step * channels);
                    to.zip(from).for_each(|(to, &from)| *to = from);
                }
            },
        );
        Images { values, rows, cols, channels }
    }
}

impl Images {
    /// Where the kernel of every output pixel begins, in `values`: one pixel in `stride` rows and
    /// columns, `size` of them in each image.
    pub fn windows(&self, batch: usize, size: [usize; 2], stride: usize) -> Vec<usize> {
        let [rows, cols] = size;
        let mut starts = Vec::with_capacity(batch * rows * cols);
        for image in 0..batch {
            for row in 0..rows {
                let line = image * self.rows + row * stride;
                let start = line * self.line();
                starts.extend((0..cols).map(|col| start + col * stride * self.channels));
            }
        }
        starts
    }

    /// Values from one row to the next.
    pub fn line(&self) -> usize {
        self.cols * self.channels
    }
}
