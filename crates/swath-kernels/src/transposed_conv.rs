//! Transposed convolution, forward and backward.

use crate::{
    Conv, Epilogue,
    finish::finish,
    memory, parallel,
    shape::{check_length, count, padded, span},
    simd::{Kernel, Vector, dispatch},
    transpose::transpose,
};

/// The shape of a transposed convolution: the gradient of a convolution's images, as a layer of its own.
/// Pairs are `[rows, columns]`.
///
/// `out[b, r·stride + i·dilation - padding, …, o] = Σ images[b, r, c, n] · weights[i, j, n, o]`
///
/// # Shapes
/// - images `[batch, row, col, channel in]`
/// - weights `[kernel row, kernel col, channel in, channel out]`
/// - output and its gradient `[batch, row, col, channel out]`, of [`TransposedConv::output_size`]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransposedConv {
    /// Images; may be 0.
    pub batch: usize,
    /// Channels in and out.
    pub channels: [usize; 2],
    /// Rows and columns of an image.
    pub size: [usize; 2],
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Output rows and columns from one image pixel to the next.
    pub stride: [usize; 2],
    /// Rows and columns that are cut off the output on each side.
    pub padding: [usize; 2],
    /// Rows and columns more at the end of the output; less than the stride.
    pub output_padding: [usize; 2],
    /// Output rows and columns from one kernel element to the next.
    pub dilation: [usize; 2],
}

impl TransposedConv {
    /// Rows and columns of the output.
    ///
    /// # Panics
    /// If a size is 0, the padding leaves no output, or the output padding is no less than the stride.
    pub fn output_size(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let (stride, more) = (self.stride[axis], self.output_padding[axis]);
            assert!(more < stride, "an output padding of {more} for a stride of {stride}");
            assert!(0 < self.size[axis] && 0 < self.kernel[axis], "nothing to convolve: {self:?}");
            let reach = span(self.kernel[axis], self.dilation[axis]);
            let whole = span(self.size[axis], stride) - 1 + reach + more;
            let cut = padded(0, self.padding[axis]);
            assert!(cut < whole, "a padding of {cut} leaves nothing of {whole}");
            whole - cut
        })
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
        epilogue.check(self.channels[1], out.len());
        let weights = self.swapped(weights);
        self.conv().image_gradient(images, &weights, out);
        if !epilogue.is_empty() && !out.is_empty() {
            let n_line = self.output_size()[1] * self.channels[1];
            parallel::parts(out, n_line, |line, out| {
                dispatch(Finish {
                    epilogue,
                    first: line * n_line,
                    channels: self.channels[1],
                    out,
                });
            });
        }
    }

    /// The gradient of the images, `[batch, row, col, channel in]`, from that of the output.
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says.
    pub fn image_gradient(&self, gradient: &[f32], weights: &[f32], out: &mut [f32]) {
        check_length(self, "gradient", gradient, self.output_len());
        check_length(self, "weights", weights, self.weights_len());
        check_length(self, "image gradient", out, self.images_len());
        let weights = self.swapped(weights);
        self.conv().forward(gradient, &weights, Epilogue::default(), out);
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
        let mut swapped = memory::buffer(out.len());
        self.conv().weight_gradient(gradient, images, &mut swapped);
        let [inputs, outputs] = self.channels;
        transpose([outputs, inputs], &swapped, out);
    }

    /// The weights with the two channels swapped, as the convolution has them.
    fn swapped(&self, weights: &[f32]) -> memory::Buffer {
        let mut swapped = memory::buffer(weights.len());
        transpose(self.channels, weights, &mut swapped);
        swapped
    }

    /// The convolution whose image gradient this is.
    fn conv(&self) -> Conv {
        let [inputs, outputs] = self.channels;
        let conv = Conv {
            batch: self.batch,
            channels: [outputs, inputs],
            size: self.output_size(),
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
        };
        debug_assert_eq!(conv.output_size(), self.size);
        conv
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

/// The steps after a convolution, for a part of the output.
struct Finish<'a> {
    epilogue: Epilogue<'a>,
    first: usize,
    channels: usize,
    out: &'a mut [f32],
}

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        finish::<V>(&self.epilogue, self.first, self.channels, self.out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{
        Convolution, Random, assert_convolves, assert_convolves_on_any_threads, assert_finishes,
        products,
    };

    impl Convolution for TransposedConv {
        fn lengths(&self) -> [usize; 3] {
            [self.images_len(), self.weights_len(), self.output_len()]
        }

        fn outputs(&self) -> usize {
            self.channels[1]
        }

        fn products(&self) -> Vec<(usize, usize, usize)> {
            let [inputs, outputs] = self.channels;
            let of_conv = products(&self.conv(), 1).into_iter().map(|(output, weight, image)| {
                let (tap, rest) = (weight / (inputs * outputs), weight % (inputs * outputs));
                let (output_channel, input) = (rest / inputs, rest % inputs);
                (image, (tap * inputs + input) * outputs + output_channel, output)
            });
            of_conv.collect()
        }

        fn forward(&self, images: &[f32], weights: &[f32], epilogue: Epilogue, out: &mut [f32]) {
            TransposedConv::forward(self, images, weights, epilogue, out);
        }

        fn image_gradient(&self, gradient: &[f32], weights: &[f32], out: &mut [f32]) {
            TransposedConv::image_gradient(self, gradient, weights, out);
        }

        fn weight_gradient(&self, images: &[f32], gradient: &[f32], out: &mut [f32]) {
            TransposedConv::weight_gradient(self, images, gradient, out);
        }
    }

    #[track_caller]
    fn check(of: TransposedConv) {
        assert_eq!(of.conv().output_size(), of.size);
        assert_convolves(&of, 1e-5);
    }

    const UNET: TransposedConv = TransposedConv {
        batch: 2,
        channels: [24, 12],
        size: [6, 5],
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        output_padding: [0, 0],
        dilation: [1, 1],
    };

    // By hand: each pixel becomes a square of its multiples.
    #[test]
    fn two_by_two_is_as_by_hand() {
        let of = TransposedConv { batch: 1, channels: [1, 1], size: [1, 2], ..UNET };
        let mut out = [f32::NAN; 8];
        of.forward(&[1.0, 10.0], &[1.0, 2.0, 3.0, 4.0], Epilogue::default(), &mut out);
        assert_eq!(out, [1.0, 2.0, 10.0, 20.0, 3.0, 4.0, 30.0, 40.0]);
    }

    #[test]
    fn values_and_gradients_are_right() {
        check(UNET);
        check(TransposedConv { channels: [100, 33], ..UNET });
        check(TransposedConv { channels: [1, 1], size: [1, 1], ..UNET });
        check(TransposedConv { batch: 0, ..UNET });
        let same = [1, 1];
        check(TransposedConv { kernel: [3, 3], padding: same, output_padding: same, ..UNET });
        check(TransposedConv { kernel: [4, 4], padding: same, ..UNET });
        check(TransposedConv { kernel: [3, 2], stride: [1, 3], dilation: [2, 1], ..UNET });
    }

    #[test]
    fn any_shape_is_right() {
        let mut random = Random::new(3);
        for _ in 0..60 {
            let (channels, size, kernel) =
                (random.pair(1, 40), random.pair(1, 7), random.pair(1, 5));
            let (stride, dilation) = (random.pair(1, 4), random.pair(1, 3));
            let output_padding = stride.map(|it| random.below(it));
            let padding = [0, 1].map(|axis| {
                let whole = (size[axis] - 1) * stride[axis]
                    + (kernel[axis] - 1) * dilation[axis]
                    + output_padding[axis];
                random.between(0, 3.min(whole / 2))
            });
            let batch = random.between(1, 2);
            check(TransposedConv {
                batch,
                channels,
                size,
                kernel,
                stride,
                padding,
                output_padding,
                dilation,
            });
        }
    }

    #[test]
    fn the_epilogue_scales_adds_and_activates() {
        assert_finishes(&UNET);
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        assert_convolves_on_any_threads(&UNET);
    }
}
