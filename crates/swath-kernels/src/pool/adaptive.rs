//! Average pooling to a given size.

use std::ops::Range;

use crate::{
    resample::{Pixels, Separable, Taps},
    shape::count,
};

/// The means of as many windows as the output has pixels. They cover the images, and overlap where
/// one size does not divide the other.
///
/// Window `i` of `n` over `length` pixels reaches from `floor(i * length / n)` to
/// `ceil((i + 1) * length / n)`.
///
/// Source: PyTorch's `AdaptiveAvgPool2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveAveragePool {
    /// Images in the batch.
    pub batch: usize,
    /// Rows and columns of the images.
    pub size: [usize; 2],
    /// Channels, each on its own.
    pub channels: usize,
    /// Rows and columns of the output; they may be more than those of the images.
    pub output_size: [usize; 2],
}

impl AdaptiveAveragePool {
    /// The output, `[batch, output row, output col, channel]`, of `images`, `[batch, row, col, channel]`.
    ///
    /// # Panics
    /// If a shape differs, or the size of the images or of the output is 0.
    pub fn forward(&self, images: &[f32], out: &mut [f32]) {
        self.check(images.len(), out.len());
        let [rows, cols] = self.taps();
        let of = Separable { rows: &rows, cols: &cols, channels: self.channels };
        of.run(Pixels { values: images, step: self.channels, size: self.size }, out);
    }

    /// The gradient of the images, for the `gradient` of the output.
    ///
    /// # Panics
    /// As [`AdaptiveAveragePool::forward`].
    pub fn image_gradient(&self, gradient: &[f32], out: &mut [f32]) {
        self.check(out.len(), gradient.len());
        let [rows, cols] = self.taps();
        let (rows, cols) = (rows.transposed(self.size[0]), cols.transposed(self.size[1]));
        let of = Separable { rows: &rows, cols: &cols, channels: self.channels };
        of.run(Pixels { values: gradient, step: self.channels, size: self.output_size }, out);
    }

    fn taps(&self) -> [Taps; 2] {
        [0, 1].map(|axis| {
            let (length, n) = (self.size[axis], self.output_size[axis]);
            Taps::new((0..n).map(|index| {
                let window = window(index, n, length);
                let part = 1.0 / window.len() as f32;
                window.map(move |pixel| (pixel, part))
            }))
        })
    }

    fn check(&self, n_images: usize, n_out: usize) {
        let is_empty = self.size.contains(&0) || self.output_size.contains(&0);
        assert!(!is_empty, "no mean is made of or to no pixel: {self:?}");
        let length = |[rows, cols]: [usize; 2]| count([self.batch, rows, cols, self.channels]);
        assert_eq!(n_images, length(self.size), "length of the images is not that of {self:?}");
        assert_eq!(n_out, length(self.output_size), "length of the output is not that of {self:?}");
    }
}

/// The pixels of window `index` of `n`.
fn window(index: usize, n: usize, length: usize) -> Range<usize> {
    index * length / n..((index + 1) * length).div_ceil(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{Linear, Random, assert_close, assert_same_bits_on_any_threads};

    /// By plain loops over all pixels of each window.
    fn expected(pool: &AdaptiveAveragePool) -> Linear {
        let AdaptiveAveragePool { batch, size, channels, output_size } = *pool;
        let mut entries = Vec::new();
        for index in 0..batch * output_size[0] * output_size[1] * channels {
            let (pixel, channel) = (index / channels, index % channels);
            let (line, col) = (pixel / output_size[1], pixel % output_size[1]);
            let (image, row) = (line / output_size[0], line % output_size[0]);
            let [rows, cols] = [(0, row), (1, col)].map(|(axis, at)| {
                let step = size[axis] as f64 / output_size[axis] as f64;
                (at as f64 * step).floor() as usize..((at + 1) as f64 * step).ceil() as usize
            });
            let part = 1.0 / (rows.len() * cols.len()) as f64;
            for row in rows {
                for col in cols.clone() {
                    let input = ((image * size[0] + row) * size[1] + col) * channels + channel;
                    entries.push((index, input, part));
                }
            }
        }
        Linear(entries)
    }

    fn run(pool: &AdaptiveAveragePool, images: &[f32], gradient: &[f32]) -> [Vec<f32>; 2] {
        let mut out = vec![f32::NAN; gradient.len()];
        let mut of_images = vec![f32::NAN; images.len()];
        pool.forward(images, &mut out);
        pool.image_gradient(gradient, &mut of_images);
        [out, of_images]
    }

    fn values(pool: &AdaptiveAveragePool) -> [Vec<f32>; 2] {
        let mut random = Random::new(1);
        [pool.size, pool.output_size]
            .map(|[rows, cols]| random.values(pool.batch * rows * cols * pool.channels))
    }

    const PYRAMID: AdaptiveAveragePool =
        AdaptiveAveragePool { batch: 2, size: [16, 11], channels: 20, output_size: [6, 3] };

    // By hand: of 5 columns the windows of 2 are 0..3 and 2..5.
    #[test]
    fn windows_overlap() {
        let pool = AdaptiveAveragePool { batch: 1, size: [1, 5], channels: 1, output_size: [1, 2] };
        let [out, of_images] = run(&pool, &[1.0, 2.0, 6.0, 3.0, 0.0], &[3.0, 6.0]);
        assert_close("output", &out, &[3.0, 3.0], 1e-6);
        assert_close("gradient", &of_images, &[1.0, 1.0, 3.0, 2.0, 2.0], 1e-6);
    }

    #[test]
    fn values_and_gradients_are_right() {
        for (size, output_size, channels) in [
            ([1, 1], [1, 1], 1),
            ([16, 12], [2, 3], 5),
            ([7, 9], [6, 6], 37),
            ([3, 2], [6, 5], 16),
            ([8, 8], [8, 1], 3),
        ] {
            let pool = AdaptiveAveragePool { size, output_size, channels, ..PYRAMID };
            let [images, gradient] = values(&pool);
            let [out, of_images] = run(&pool, &images, &gradient);
            let (expected, what) = (expected(&pool), format!("{pool:?}"));
            assert_close(&what, &out, &expected.forward(&images, out.len()), 1e-6);
            let want = expected.backward(&gradient, images.len());
            assert_close(&what, &of_images, &want, 1e-6);
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let [images, gradient] = values(&PYRAMID);
        assert_same_bits_on_any_threads("pool", || run(&PYRAMID, &images, &gradient).concat());
    }

    #[test]
    #[should_panic(expected = "no mean is made of or to no pixel")]
    fn no_pixels_are_refused() {
        AdaptiveAveragePool { output_size: [0, 1], ..PYRAMID }.forward(&[], &mut []);
    }
}
