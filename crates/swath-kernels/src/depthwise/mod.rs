//! Convolution of each channel on its own, forward and backward.

mod runs;

mod line;

mod weight_gradient;

#[cfg(test)]
mod tests;

use crate::{
    Epilogue, parallel,
    shape::{check_length, count},
    simd::dispatch,
};
use line::Line;
use runs::{Axis, Taps};

/// The shape of a depthwise convolution. Pairs are `[rows, columns]`.
///
/// `out[b, r, c, n] = Σ images[b, r·stride + i·dilation - padding, …, n] · weights[i, j, 0, n]`, with zeros
/// outside the image.
///
/// # Shapes
/// - images `[batch, row, col, channel]`
/// - weights `[kernel row, kernel col, 1, channel]`
/// - output and its gradient `[batch, row, col, channel]`, of [`DepthwiseConv::output_size`]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseConv {
    /// Images; may be 0.
    pub batch: usize,
    /// Channels in, and as many out.
    pub channels: usize,
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

impl DepthwiseConv {
    /// Rows and columns of the output.
    ///
    /// # Panics
    /// If a kernel, stride, dilation or channel count is 0, or the kernel is larger than the padded image.
    pub fn output_size(&self) -> [usize; 2] {
        self.dense().output_size()
    }

    /// `out = activation(images * weights + bias + residual)`, steps of the [`Epilogue`] included.
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
        check_length(self, "images", images, self.images_len());
        check_length(self, "weights", weights, self.weights_len());
        check_length(self, "output", out, self.output_len());
        epilogue.check(self.channels, out.len());
        let [rows, cols] = self.axes().map(|axis| axis.forward());
        self.lines(images, weights, [&rows, &cols], epilogue, out);
    }

    /// The gradient of the images, `[batch, row, col, channel]`, from that of the output.
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says.
    pub fn image_gradient(&self, gradient: &[f32], weights: &[f32], out: &mut [f32]) {
        check_length(self, "gradient", gradient, self.output_len());
        check_length(self, "weights", weights, self.weights_len());
        check_length(self, "image gradient", out, self.images_len());
        let [rows, cols] = self.axes().map(|axis| axis.gradient());
        self.lines(gradient, weights, [&rows, &cols], Epilogue::default(), out);
    }

    /// The gradient of the weights, `[kernel row, kernel col, 1, channel]`, from that of the output.
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
        weight_gradient::weight_gradient(self, images, gradient, out);
    }

    /// Writes every line of `out` from lines of the same image of `from`.
    fn lines(
        &self,
        from: &[f32],
        weights: &[f32],
        [rows, cols]: [&Taps; 2],
        epilogue: Epilogue<'_>,
        out: &mut [f32],
    ) {
        let channels = self.channels;
        let n_from_image = rows.sources * cols.sources * channels;
        let n_line = cols.targets * channels;
        parallel::parts(out, n_line, |line, out| {
            let (image, row) = (line / rows.targets, line % rows.targets);
            let from = &from[image * n_from_image..(image + 1) * n_from_image];
            let rows = rows.of(row);
            let first = line * n_line;
            dispatch(Line { from, weights, channels, rows, cols, epilogue, first, out });
        });
    }

    fn axes(&self) -> [Axis; 2] {
        let output = self.output_size();
        [0, 1].map(|axis| Axis {
            input: self.size[axis],
            output: output[axis],
            kernel: self.kernel[axis],
            stride: self.stride[axis],
            padding: self.padding[axis],
            dilation: self.dilation[axis],
        })
    }

    /// The dense convolution of the same geometry.
    fn dense(&self) -> crate::Conv {
        let DepthwiseConv { batch, channels, size, kernel, stride, padding, dilation } = *self;
        crate::Conv { batch, channels: [channels; 2], size, kernel, stride, padding, dilation }
    }

    /// Numbers in the images.
    pub fn images_len(&self) -> usize {
        self.dense().images_len()
    }

    /// Numbers in the weights.
    pub fn weights_len(&self) -> usize {
        count([self.kernel[0], self.kernel[1], self.channels])
    }

    /// Numbers in the output.
    pub fn output_len(&self) -> usize {
        self.dense().output_len()
    }
}
