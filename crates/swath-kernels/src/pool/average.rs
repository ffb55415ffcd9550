//! Average pooling.

use super::window::{Axis, Window};
use crate::resample::{Pixels, Separable, Taps};

/// The mean of each window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AveragePool {
    /// The windows.
    pub window: Window,
    /// Whether what lies beside the image counts as zeros, as by default in PyTorch, or not at all.
    pub counts_padding: bool,
}

impl AveragePool {
    /// The output, `[batch, output row, output col, channel]`, of `images`, `[batch, row, col, channel]`.
    ///
    /// # Panics
    /// If a shape differs.
    pub fn forward(&self, images: &[f32], out: &mut [f32]) {
        let window = &self.window;
        window.check_images("images", images.len());
        window.check_outputs("out", out.len());
        let [rows, cols] = window.axes().map(|axis| self.taps(axis));
        let of = Separable { rows: &rows, cols: &cols, channels: window.channels };
        of.run(Pixels { values: images, step: window.channels, size: window.size }, out);
    }

    /// The gradient of the images, for the `gradient` of the output.
    ///
    /// # Panics
    /// If a shape differs.
    pub fn image_gradient(&self, gradient: &[f32], out: &mut [f32]) {
        let window = &self.window;
        window.check_outputs("gradient", gradient.len());
        window.check_images("out", out.len());
        let [rows, cols] = window.axes().map(|axis| self.taps(axis).transposed(axis.input));
        let of = Separable { rows: &rows, cols: &cols, channels: window.channels };
        let (step, size) = (window.channels, window.output_size());
        of.run(Pixels { values: gradient, step, size }, out);
    }

    fn taps(&self, axis: Axis) -> Taps {
        Taps::new((0..axis.output).map(|output| {
            let taps = axis.taps(output);
            let n_taps = if self.counts_padding { axis.kernel } else { taps.len() };
            taps.map(move |tap| (axis.input(output, tap), 1.0 / n_taps as f32))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{Linear, Random, assert_close, window_taps, windows};

    #[test]
    fn values_and_gradients_are_right() {
        let mut random = Random::new(1);
        for (index, window) in windows(&mut random).into_iter().enumerate() {
            let counts_padding = index.is_multiple_of(2);
            let pool = AveragePool { window, counts_padding };
            let all = window.kernel[0] * window.kernel[1];
            let entries = window_taps(&window).into_iter().map(|(output, input, n)| {
                (output, input, 1.0 / if counts_padding { all as f64 } else { n as f64 })
            });
            let expected = Linear(entries.collect());
            let [rows, cols] = window.output_size();
            let n_output = window.batch * rows * cols * window.channels;
            let n_input = window.batch * window.size[0] * window.size[1] * window.channels;
            let (images, gradient) = (random.values(n_input), random.values(n_output));
            let (mut out, mut image_gradient) = (vec![f32::NAN; n_output], vec![f32::NAN; n_input]);
            pool.forward(&images, &mut out);
            assert_close("output", &out, &expected.forward(&images, n_output), 1e-6);
            pool.image_gradient(&gradient, &mut image_gradient);
            let want = expected.backward(&gradient, n_input);
            assert_close("gradient", &image_gradient, &want, 1e-6);
        }
    }
}
