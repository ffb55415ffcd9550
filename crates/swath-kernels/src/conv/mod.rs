//! Dense two-dimensional convolution, forward and backward.

#![allow(
    clippy::needless_range_loop,
    reason = "register blocks: several arrays are walked at once"
)]

mod epilogue;

mod panel;

mod reach;

mod chunk;

mod sized;

mod block;

mod direct;

mod outer;

mod weight_gradient;

mod bias;

mod bias_gradient;

mod winograd;

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests;

pub use bias::add_bias;
pub use bias_gradient::bias_gradient;
pub use epilogue::Epilogue;

use crate::parallel::{SharedMut, parts};
use crate::shape::{check_length, count, padded, span};
use crate::simd::dispatch;
use direct::Direct;
use panel::Weights;
use reach::Reach;
use weight_gradient::WeightGradient;

/// The shape of a convolution. Pairs are `[rows, columns]`.
///
/// `out[b, r, c, o] = Σ images[b, r·stride + i·dilation - padding, …, n] · weights[i, j, n, o]`, with
/// zeros outside the image.
///
/// # Shapes
/// - images `[batch, row, col, channel in]`
/// - weights `[kernel row, kernel col, channel in, channel out]`
/// - output and its gradient `[batch, row, col, channel out]`, of [`Conv::output_size`]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Images; may be 0.
    pub batch: usize,
    /// Channels in and out.
    pub channels: [usize; 2],
    /// Rows and columns of an image.
    pub size: [usize; 2],
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Image rows and columns from one output to the next.
    pub stride: [usize; 2],
    /// Rows of zeros above and below, columns of zeros left and right.
    pub padding: [usize; 2],
    /// Image rows and columns from one kernel element to the next.
    pub dilation: [usize; 2],
}

impl Conv {
    /// Rows and columns of the output.
    ///
    /// # Panics
    /// If a kernel, stride, dilation or channel count is 0, or the kernel is larger than the padded image.
    pub fn output_size(&self) -> [usize; 2] {
        let Conv { channels, kernel, stride, dilation, .. } = self;
        let positive =
            [channels, kernel, stride, dilation].iter().all(|pair| pair.iter().all(|&n| n > 0));
        assert!(
            positive,
            "channels {channels:?}, kernel {kernel:?}, stride {stride:?} and dilation {dilation:?} must be positive"
        );
        [0, 1].map(|axis| {
            let padded = padded(self.size[axis], self.padding[axis]);
            let reach = span(self.kernel[axis], self.dilation[axis]);
            assert!(padded >= reach, "a kernel that spans {reach} does not fit into an image of {padded} with its padding");
            (padded - reach) / self.stride[axis] + 1
        })
    }

    /// `out = activation((images * weights) * scale + bias + residual)`, steps of the [`Epilogue`] included.
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says.
    pub fn forward(
        &self,
        images: &[f32],
        weights: &[f32],
        epilogue: Epilogue<'_>,
        out: &mut [f32],
    ) {
        let out_size = self.output_size();
        check_length(self, "images", images, self.images_len());
        check_length(self, "weights", weights, self.weights_len());
        check_length(self, "output", out, self.output_len());
        epilogue.check(self.channels[1], out.len());
        if out.is_empty() {
            return;
        }
        let weights = Weights { values: weights, channels: self.channels, transposed: false };
        if self.is_winograd() {
            let (batch, size, padding) = (self.batch, self.size, self.padding);
            let out = SharedMut::new(out);
            return dispatch(winograd::Forward {
                batch,
                images,
                size,
                padding,
                weights,
                out,
                out_size,
                epilogue,
            });
        }
        dispatch(Direct {
            batch: self.batch,
            images,
            weights,
            kernel_cols: self.kernel[1],
            reach: Reach::forward(self),
            out: SharedMut::new(out),
            out_size,
            out_first: [0, 0],
            out_step: [1, 1],
            epilogue,
        });
    }

    /// The gradient of the images, `[batch, row, col, channel in]`, from that of the output.
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says.
    pub fn image_gradient(&self, gradient: &[f32], weights: &[f32], out: &mut [f32]) {
        check_length(self, "gradient", gradient, self.output_len());
        check_length(self, "weights", weights, self.weights_len());
        check_length(self, "image gradient", out, self.images_len());
        if out.is_empty() {
            return;
        }
        let weights = Weights { values: weights, channels: self.channels, transposed: true };
        if self.is_winograd() {
            return dispatch(winograd::Forward {
                batch: self.batch,
                images: gradient,
                size: self.output_size(),
                padding: self.padding.map(|padding| 2 - padding),
                weights,
                out: SharedMut::new(out),
                out_size: self.size,
                epilogue: Epilogue::default(),
            });
        }
        let [down, right] = [0, 1].map(|axis| self.stride[axis].min(self.size[axis]));
        let phases: Vec<[usize; 2]> = (0..down * right).map(|i| [i / right, i % right]).collect();
        if phases.iter().any(|&phase| Reach::gradient(self, phase).is_none()) {
            parts(out, 1 << 16, |_, part| part.fill(0.0));
        }
        for phase in phases {
            let Some(reach) = Reach::gradient(self, phase) else { continue };
            if reach.points.contains(&0) {
                continue;
            }
            dispatch(Direct {
                batch: self.batch,
                images: gradient,
                weights,
                kernel_cols: self.kernel[1],
                reach,
                out: SharedMut::new(out),
                out_size: self.size,
                out_first: phase,
                out_step: self.stride,
                epilogue: Epilogue::default(),
            });
        }
    }

    /// The gradient of the weights, `[kernel row, kernel col, channel in, channel out]`, from that of the
    /// output.
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says.
    pub fn weight_gradient(&self, images: &[f32], gradient: &[f32], out: &mut [f32]) {
        check_length(self, "images", images, self.images_len());
        check_length(self, "gradient", gradient, self.output_len());
        check_length(self, "weight gradient", out, self.weights_len());
        if images.is_empty() {
            return out.fill(0.0);
        }
        if self.is_winograd() {
            let Conv { batch, size, padding, channels, .. } = *self;
            let out_size = self.output_size();
            return dispatch(winograd::WeightGradient {
                batch,
                images,
                size,
                padding,
                gradient,
                out_size,
                channels,
                out,
            });
        }
        dispatch(WeightGradient {
            batch: self.batch,
            images,
            gradient,
            channels: self.channels,
            kernel_cols: self.kernel[1],
            reach: Reach::forward(self),
            out,
        });
    }

    /// Whether Winograd's algorithm F(4×4, 3×3) runs: for every 3×3 kernel of stride 1 with a padding of at
    /// most 2, at least 8 channels in and 4 out, and an output of which whole tiles of 4×4 cover no more
    /// than twice as much. It multiplies 36 times for each pair of channels and tile, where the plain sum
    /// multiplies 144 times.
    pub fn is_winograd(&self) -> bool {
        let [rows, cols] = self.output_size();
        let fits = self.kernel == [3, 3] && self.stride == [1, 1] && self.dilation == [1, 1];
        let covered = rows.next_multiple_of(4) * cols.next_multiple_of(4);
        fits && self.padding.iter().all(|&padding| padding <= 2)
            && self.channels[0] >= 8
            && self.channels[1] >= 4
            && covered <= 2 * rows * cols
    }

    /// Numbers in the images.
    pub fn images_len(&self) -> usize {
        count([self.batch, self.size[0], self.size[1], self.channels[0]])
    }

    /// Numbers in the weights.
    pub fn weights_len(&self) -> usize {
        count([self.kernel[0], self.kernel[1], self.channels[0], self.channels[1]])
    }

    /// Numbers in the output.
    pub fn output_len(&self) -> usize {
        let [rows, cols] = self.output_size();
        count([self.batch, rows, cols, self.channels[1]])
    }
}
