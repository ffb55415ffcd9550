//! Transposed convolution, forward and backward.

use crate::{
    Conv, Epilogue,
    finish::finish,
    parallel, scratch,
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
            let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let whole = (self.size[axis] - 1) * stride + reach + more;
            let cut = 2 * self.padding[axis];
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
        let conv = self.conv();
        epilogue.check(self.channels[1], out.len());
        let weights = self.swapped(self.channels, weights);
        conv.image_gradient(images, &weights, out);
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
        let weights = self.swapped(self.channels, weights);
        self.conv().forward(gradient, &weights, Epilogue::default(), out);
    }

    /// The gradient of the weights, `[kernel row, kernel col, channel in, channel out]`, from that of the
    /// output.
    ///
    /// # Panics
    /// If a slice does not have the length that the shape says.
    pub fn weight_gradient(&self, images: &[f32], gradient: &[f32], out: &mut [f32]) {
        assert_eq!(out.len(), self.weights_len(), "numbers in the weight gradient, for {self:?}");
        let mut swapped = scratch::shared(out.len());
        self.conv().weight_gradient(gradient, images, &mut swapped);
        let [inputs, outputs] = self.channels;
        transpose([outputs, inputs], &swapped, out);
    }

    /// The weights with the two channels swapped, as the convolution has them.
    fn swapped(&self, channels: [usize; 2], weights: &[f32]) -> scratch::Scratch {
        assert_eq!(weights.len(), self.weights_len(), "numbers in the weights, for {self:?}");
        let mut swapped = scratch::shared(weights.len());
        transpose(channels, weights, &mut swapped);
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
        self.batch * self.size[0] * self.size[1] * self.channels[0]
    }

    /// Numbers in the weights.
    pub fn weights_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.channels[0] * self.channels[1]
    }

    /// Numbers in the output.
    pub fn output_len(&self) -> usize {
        let [rows, cols] = self.output_size();
        self.batch * rows * cols * self.channels[1]
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
    use crate::{
        Activation,
        expected::{Random, assert_close, assert_same_bits_on_any_threads, products, sums},
    };

    fn values(of: &TransposedConv) -> [Vec<f32>; 3] {
        let mut random = Random::new(1);
        [of.images_len(), of.weights_len(), of.output_len()].map(|n| random.values(n))
    }

    fn run(of: &TransposedConv, [images, weights, gradient]: &[Vec<f32>; 3]) -> [Vec<f32>; 3] {
        let mut out = vec![f32::NAN; gradient.len()];
        let mut of_images = vec![f32::NAN; images.len()];
        let mut of_weights = vec![f32::NAN; weights.len()];
        of.forward(images, weights, Epilogue::default(), &mut out);
        of.image_gradient(gradient, weights, &mut of_images);
        of.weight_gradient(images, gradient, &mut of_weights);
        [out, of_images, of_weights]
    }

    /// Every product: image, weight and output index.
    fn expected(of: &TransposedConv) -> Vec<(usize, usize, usize)> {
        let [inputs, outputs] = of.channels;
        let of_conv = products(&of.conv(), 1).into_iter().map(|(output, weight, image)| {
            let (tap, rest) = (weight / (inputs * outputs), weight % (inputs * outputs));
            let (output_channel, input) = (rest / inputs, rest % inputs);
            (image, (tap * inputs + input) * outputs + output_channel, output)
        });
        of_conv.collect()
    }

    fn check(of: TransposedConv) {
        assert_eq!(of.conv().output_size(), of.size);
        let values = values(&of);
        let [out, of_images, of_weights] = run(&of, &values);
        let [images, weights, gradient] = &values;
        let (products, what) = (expected(&of), format!("{of:?}"));
        let want = sums(&products, 2, [images, weights], out.len());
        assert_close(&what, &out, &want, 1e-5);
        let want = sums(&products, 0, [weights, gradient], images.len());
        assert_close(&what, &of_images, &want, 1e-5);
        let want = sums(&products, 1, [images, gradient], weights.len());
        assert_close(&what, &of_weights, &want, 1e-5);
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
    fn the_epilogue_adds_and_activates() {
        let [images, weights, residual] = values(&UNET);
        let bias = Random::new(3).values(12);
        let mut plain = vec![f32::NAN; residual.len()];
        UNET.forward(&images, &weights, Epilogue::default(), &mut plain);
        let want = plain.iter().zip(&residual).enumerate();
        let want = want.map(|(it, (out, more))| f64::from((out + bias[it % 12] + more).max(0.0)));
        let epilogue = Epilogue {
            scale: None,
            bias: Some(&bias),
            residual: Some(&residual),
            activation: Activation::Relu,
        };
        let mut out = vec![f32::NAN; residual.len()];
        UNET.forward(&images, &weights, epilogue, &mut out);
        assert_close("epilogue", &out, &want.collect::<Vec<_>>(), 1e-6);
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let values = values(&UNET);
        assert_same_bits_on_any_threads("transposed", || run(&UNET, &values).concat());
    }
}
