//! Images of another size by interpolation.

use super::{Pixels, Separable, Taps};
use crate::shape::count;

/// Which pixels an output pixel is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// One pixel: `floor(output * input length / output length)`.
    Nearest,
    /// Two pixels an axis, around `(output + 1/2) * input length / output length - 1/2`: pixels are
    /// squares, and the images have the same edges. `align_corners=False` in PyTorch.
    Bilinear,
    /// Two pixels an axis, around `output * (input length - 1) / (output length - 1)`: pixels are
    /// points, and the images have the same outermost points. `align_corners=True` in PyTorch.
    BilinearCorners,
}

/// Interpolation of `[batch, row, col, channel]` to another number of rows and columns.
///
/// Source: PyTorch's `interpolate` with a `size`; its floor of nearest pixels is taken in f32, as there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upsample {
    /// Images in the batch.
    pub batch: usize,
    /// Rows and columns of the input.
    pub size: [usize; 2],
    /// Channels, each on its own.
    pub channels: usize,
    /// Rows and columns of the output; they may be fewer, too.
    pub output_size: [usize; 2],
    /// Which pixels an output pixel is made of.
    pub interpolation: Interpolation,
}

impl Upsample {
    /// The output, `[batch, output row, output col, channel]`, of `images`, `[batch, row, col, channel]`.
    ///
    /// # Panics
    /// If a shape differs, or one size is 0 and the other is not.
    pub fn forward(&self, images: &[f32], out: &mut [f32]) {
        self.check(images.len(), out.len());
        let [rows, cols] = self.taps();
        let of = Separable { rows: &rows, cols: &cols, channels: self.channels };
        of.run(Pixels { values: images, step: self.channels, size: self.size }, out);
    }

    /// The gradient of the images, for the `gradient` of the output.
    ///
    /// # Panics
    /// As [`Upsample::forward`].
    pub fn image_gradient(&self, gradient: &[f32], out: &mut [f32]) {
        self.check(out.len(), gradient.len());
        let [rows, cols] = self.taps();
        let (rows, cols) = (rows.transposed(self.size[0]), cols.transposed(self.size[1]));
        let of = Separable { rows: &rows, cols: &cols, channels: self.channels };
        of.run(Pixels { values: gradient, step: self.channels, size: self.output_size }, out);
    }

    fn taps(&self) -> [Taps; 2] {
        [0, 1].map(|axis| self.interpolation.taps(self.size[axis], self.output_size[axis]))
    }

    fn check(&self, n_images: usize, n_out: usize) {
        let length = |[rows, cols]: [usize; 2]| count([self.batch, rows, cols, self.channels]);
        assert_eq!(n_images, length(self.size), "length of the input is not that of {self:?}");
        assert_eq!(n_out, length(self.output_size), "length of the output is not that of {self:?}");
        let is_empty = n_images == 0;
        assert_eq!(is_empty, n_out == 0, "nothing can be made of no pixel: {self:?}");
    }
}

impl Interpolation {
    /// The taps along one axis.
    pub(super) fn taps(self, input: usize, output: usize) -> Taps {
        Taps::new((0..output).map(|index| match self {
            Interpolation::Nearest => {
                let at = index as f32 * (input as f32 / output as f32);
                [Some((last(at as usize, input), 1.0)), None].into_iter().flatten()
            }
            Interpolation::Bilinear => {
                let at = (index as f64 + 0.5) * input as f64 / output as f64 - 0.5;
                between(at.max(0.0), input)
            }
            Interpolation::BilinearCorners => {
                let steps = output.saturating_sub(1).max(1);
                between((index * input.saturating_sub(1)) as f64 / steps as f64, input)
            }
        }))
    }
}

/// The pixels on both sides of a point.
fn between(
    at: f64,
    input: usize,
) -> std::iter::Flatten<std::array::IntoIter<Option<(usize, f32)>, 2>> {
    let low = last(at as usize, input);
    let part = (at - low as f64) as f32;
    if part <= 0.0 || low + 1 == input {
        return [Some((low, 1.0)), None].into_iter().flatten();
    }
    [Some((low, 1.0 - part)), Some((low + 1, part))].into_iter().flatten()
}

fn last(index: usize, length: usize) -> usize {
    index.min(length.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{Linear, Random, assert_close, assert_same_bits_on_any_threads};

    const ALL: [Interpolation; 3] =
        [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::BilinearCorners];

    /// The factor of one input for one output: a hat of width 1 around the point.
    fn factor(of: Interpolation, input: usize, output: usize, from: usize, to: usize) -> f64 {
        let (length, n_output, index) = (input as f64, output as f64, to as f64);
        let point = match of {
            Interpolation::Nearest => {
                return f64::from(u8::from(to * input / output == from));
            }
            Interpolation::Bilinear => (index + 0.5) * length / n_output - 0.5,
            Interpolation::BilinearCorners if output == 1 => 0.0,
            Interpolation::BilinearCorners => index * (length - 1.0) / (n_output - 1.0),
        };
        (1.0 - (point.clamp(0.0, length - 1.0) - from as f64).abs()).max(0.0)
    }

    fn expected(of: &Upsample) -> Linear {
        let Upsample { batch, size, channels, output_size, interpolation } = *of;
        let axis = |axis: usize| {
            let mut entries = Vec::new();
            for to in 0..output_size[axis] {
                for from in 0..size[axis] {
                    let factor = factor(interpolation, size[axis], output_size[axis], from, to);
                    if factor != 0.0 {
                        entries.push((to, from, factor));
                    }
                }
            }
            entries
        };
        let (rows, cols) = (axis(0), axis(1));
        let mut entries = Vec::new();
        for image in 0..batch {
            for &(row, from_row, by_row) in &rows {
                for &(col, from_col, by_col) in &cols {
                    let to = (image * output_size[0] + row) * output_size[1] + col;
                    let from = (image * size[0] + from_row) * size[1] + from_col;
                    entries.extend((0..channels).map(|channel| {
                        (to * channels + channel, from * channels + channel, by_row * by_col)
                    }));
                }
            }
        }
        Linear(entries)
    }

    fn check(of: Upsample) {
        let mut random = Random::new(of.channels as u64);
        let length = |[rows, cols]: [usize; 2]| of.batch * rows * cols * of.channels;
        let (images, gradient) =
            (random.values(length(of.size)), random.values(length(of.output_size)));
        let (mut out, mut image_gradient) = (gradient.clone(), images.clone());
        out.fill(f32::NAN);
        image_gradient.fill(f32::NAN);
        of.forward(&images, &mut out);
        of.image_gradient(&gradient, &mut image_gradient);
        let (expected, what) = (expected(&of), format!("{of:?}"));
        assert_close(&what, &out, &expected.forward(&images, out.len()), 5e-7);
        let want = expected.backward(&gradient, images.len());
        assert_close(&what, &image_gradient, &want, 5e-7);
    }

    #[test]
    fn values_and_gradients_are_right() {
        let mut random = Random::new(1);
        for index in 0..90 {
            let size = [random.between(1, 9), random.between(1, 9)];
            let output_size = match index % 4 {
                0 => size.map(|it| it * 2),
                1 => size.map(|it| it * 3),
                _ => [random.between(1, 20), random.between(1, 20)],
            };
            let channels = [1, 3, 5, 16, 40, 67][random.below(6)];
            let batch = random.between(1, 2);
            check(Upsample { batch, size, channels, output_size, interpolation: ALL[index % 3] });
        }
        for interpolation in ALL {
            let size = [0, 3];
            check(Upsample { batch: 0, size, channels: 2, output_size: [0, 6], interpolation });
            let size = [7, 5];
            check(Upsample { batch: 1, size, channels: 300, output_size: [14, 10], interpolation });
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let of = Upsample {
            batch: 2,
            size: [20, 30],
            channels: 20,
            output_size: [41, 60],
            interpolation: Interpolation::Bilinear,
        };
        let mut random = Random::new(1);
        let (images, gradient) = (random.values(2 * 600 * 20), random.values(2 * 41 * 60 * 20));
        assert_same_bits_on_any_threads("upsample", || {
            let (mut out, mut image_gradient) = (gradient.clone(), images.clone());
            of.forward(&images, &mut out);
            of.image_gradient(&gradient, &mut image_gradient);
            [out, image_gradient].concat()
        });
    }
}
