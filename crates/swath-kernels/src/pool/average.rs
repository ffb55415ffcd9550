//! Average pooling.

use super::window::{Axis, Window};
use crate::{
    parallel,
    simd::{Kernel, Vector, dispatch},
    sweep::{All, First, Lanes},
};

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
        let [rows, cols] = window.axes();
        let taps = |axis: Axis, output| {
            let taps = axis.taps(output);
            axis.input(output, taps.start)..axis.input(output, taps.end)
        };
        self.lines(
            images,
            out,
            [rows.output, cols.output],
            [rows.input, cols.input],
            |row, col| {
                let (of_rows, of_cols) = (taps(rows, row), taps(cols, col));
                let factor = self.factor(rows, row) * self.factor(cols, col);
                of_rows.flat_map(move |row| of_cols.clone().map(move |col| (row, col, factor)))
            },
        );
    }

    /// The gradient of the images, for the `gradient` of the output.
    ///
    /// # Panics
    /// If a shape differs.
    pub fn image_gradient(&self, gradient: &[f32], out: &mut [f32]) {
        let window = &self.window;
        window.check_outputs("gradient", gradient.len());
        window.check_images("out", out.len());
        let [rows, cols] = window.axes();
        self.lines(
            gradient,
            out,
            [rows.input, cols.input],
            [rows.output, cols.output],
            |row, col| {
                rows.outputs(row).flat_map(move |row| {
                    let factor = self.factor(rows, row);
                    cols.outputs(col).map(move |col| (row, col, factor * self.factor(cols, col)))
                })
            },
        );
    }

    fn factor(&self, axis: Axis, output: usize) -> f32 {
        let n_taps = if self.counts_padding { axis.kernel } else { axis.taps(output).len() };
        1.0 / n_taps as f32
    }

    /// Sets every pixel of `out` to a sum of pixels of the same image of `from`: those that `of` lists,
    /// by row, col and factor.
    fn lines<I: Iterator<Item = (usize, usize, f32)>>(
        &self,
        from: &[f32],
        out: &mut [f32],
        [rows, cols]: [usize; 2],
        [from_rows, from_cols]: [usize; 2],
        of: impl Fn(usize, usize) -> I + Sync,
    ) {
        let channels = self.window.channels;
        parallel::parts(out, cols * channels, |line, out| {
            let (image, row) = (line / rows, line % rows);
            let from = &from[image * from_rows * from_cols * channels..];
            let mut pixels = Vec::new();
            for (col, out) in out.chunks_exact_mut(channels).enumerate() {
                pixels.clear();
                pixels.extend(of(row, col).map(|(row, col, factor)| {
                    let pixel = (row * from_cols + col) * channels;
                    (&from[pixel..pixel + channels], factor)
                }));
                dispatch(WeightedSum { pixels: &pixels, out });
            }
        });
    }
}

/// `out = sum factor * pixel`
struct WeightedSum<'a> {
    pixels: &'a [(&'a [f32], f32)],
    out: &'a mut [f32],
}

impl Kernel for WeightedSum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let channels = self.out.len();
        let mut channel = 0;
        // SAFETY: the channels are within the pixels, all as long as the output.
        unsafe {
            while channel + V::LANES <= channels {
                self.sum::<V, _>(channel, All);
                channel += V::LANES;
            }
            if channel < channels {
                self.sum::<V, _>(channel, First(channels - channel));
            }
        }
    }
}

impl WeightedSum<'_> {
    /// # Safety
    /// The lanes from `channel` on are within the pixels.
    #[inline(always)]
    unsafe fn sum<V: Vector, L: Lanes>(&mut self, channel: usize, lanes: L) {
        let mut sum = V::zero();
        // SAFETY: the caller's.
        unsafe {
            for (pixel, factor) in self.pixels {
                let value: V = lanes.load(pixel.as_ptr().add(channel));
                sum = value.mul_add(V::splat(*factor), sum);
            }
            lanes.store(self.out.as_mut_ptr().add(channel), sum);
        }
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
