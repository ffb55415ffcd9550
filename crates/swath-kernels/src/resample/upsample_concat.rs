//! A step of a U-Net's decoder: upsample, and put the encoder's channels beside.

use super::{Interpolation, Pixels, Separable, concat::copy};
use crate::{
    parallel::{self, SharedMut},
    shape::count,
    simd::{Kernel, Vector, dispatch},
};

/// Images upsampled (nearest pixels) to the size of others, with the channels of these behind theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpsampleConcat {
    /// Images in the batch.
    pub batch: usize,
    /// Rows and columns of the images that are upsampled.
    pub size: [usize; 2],
    /// Rows and columns of the other images, and of the output.
    pub output_size: [usize; 2],
    /// Channels of the images that are upsampled, and of the others.
    pub channels: [usize; 2],
}

impl UpsampleConcat {
    /// `out`, `[batch, output row, output col, channel of both]`, of `images`, `[batch, row, col,
    /// channel]`, and `beside`, `[batch, output row, output col, channel]`.
    ///
    /// # Panics
    /// If a shape differs.
    pub fn forward(&self, images: &[f32], beside: &[f32], out: &mut [f32]) {
        self.check([images.len(), beside.len(), out.len()]);
        let [rows, cols] = self.sources();
        let [own, other] = self.channels;
        let n_image_line = self.size[1] * own;
        let n_beside_line = self.output_size[1] * other;
        parallel::parts(out, self.output_size[1] * (own + other), |line, out| {
            let (image, row) = (line / rows.len(), line % rows.len());
            let images =
                &images[(image * self.size[0] + rows[row]) * n_image_line..][..n_image_line];
            let beside = &beside[line * n_beside_line..][..n_beside_line];
            dispatch(Line { images, beside, cols: &cols, channels: self.channels, out });
        });
    }

    /// The gradients of the images and of those beside, for the `gradient` of the output.
    ///
    /// # Panics
    /// If a shape differs.
    pub fn gradient(&self, gradient: &[f32], images: &mut [f32], beside: &mut [f32]) {
        self.check([images.len(), beside.len(), gradient.len()]);
        let [own, other] = self.channels;
        let step = own + other;
        let nearest = |axis: usize| {
            let taps = Interpolation::Nearest.taps(self.size[axis], self.output_size[axis]);
            taps.transposed(self.size[axis])
        };
        let (rows, cols) = (nearest(0), nearest(1));
        let of = Separable { rows: &rows, cols: &cols, channels: own };
        of.run(Pixels { values: gradient, step, size: self.output_size }, images);

        let n_line = self.output_size[1] * other;
        let beside = SharedMut::new(beside);
        parallel::tasks(self.batch * self.output_size[0], |line| {
            // SAFETY: each line is within the images beside, and one task's.
            let to = unsafe { beside.slice(line * n_line, n_line) };
            let from = &gradient[line * self.output_size[1] * step..];
            dispatch(Beside { from, own, other, to });
        });
    }

    /// The row or column of the images for each of the output.
    fn sources(&self) -> [Vec<usize>; 2] {
        [0, 1].map(|axis| {
            let taps = Interpolation::Nearest.taps(self.size[axis], self.output_size[axis]);
            (0..taps.len()).map(|output| taps.of(output)[0].0).collect()
        })
    }

    fn check(&self, [n_images, n_beside, n_out]: [usize; 3]) {
        let length = |[rows, cols]: [usize; 2], channels| count([self.batch, rows, cols, channels]);
        let [own, other] = self.channels;
        assert!(0 < own && 0 < other, "images without channels: {self:?}");
        let want = [
            length(self.size, own),
            length(self.output_size, other),
            length(self.output_size, own + other),
        ];
        assert_eq!([n_images, n_beside, n_out], want, "lengths are not those of {self:?}");
        assert_eq!(n_images == 0, n_out == 0, "nothing can be made of no pixel: {self:?}");
    }
}

/// One row of the output.
struct Line<'a> {
    images: &'a [f32],
    beside: &'a [f32],
    cols: &'a [usize],
    channels: [usize; 2],
    out: &'a mut [f32],
}

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let [own, other] = self.channels;
        let pixels = self.out.chunks_exact_mut(own + other).zip(self.beside.chunks_exact(other));
        for ((out, beside), &col) in pixels.zip(self.cols) {
            let image = &self.images[col * own..][..own];
            // SAFETY: the slices are as long as the channels.
            unsafe {
                copy::<V>(image.as_ptr(), out.as_mut_ptr(), own);
                copy::<V>(beside.as_ptr(), out.as_mut_ptr().add(own), other);
            }
        }
    }
}

/// One row of the gradient of the images beside.
struct Beside<'a> {
    from: &'a [f32],
    own: usize,
    other: usize,
    to: &'a mut [f32],
}

impl Kernel for Beside<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let from = self.from.chunks_exact(self.own + self.other);
        for (to, from) in self.to.chunks_exact_mut(self.other).zip(from) {
            // SAFETY: both slices hold that many channels.
            unsafe { copy::<V>(from[self.own..].as_ptr(), to.as_mut_ptr(), self.other) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Upsample, concatenate,
        expected::{Random, assert_same_bits_on_any_threads},
        split,
    };

    fn run(of: UpsampleConcat) -> Vec<f32> {
        let mut random = Random::new(1);
        let [own, other] = of.channels;
        let length = |[rows, cols]: [usize; 2], channels| of.batch * rows * cols * channels;
        let images = random.values(length(of.size, own));
        let beside = random.values(length(of.output_size, other));
        let gradient = random.values(length(of.output_size, own + other));
        let mut out = vec![f32::NAN; gradient.len()];
        of.forward(&images, &beside, &mut out);
        let (mut of_images, mut of_beside) = (images.clone(), beside.clone());
        of.gradient(&gradient, &mut of_images, &mut of_beside);

        // One after the other.
        let upsample = Upsample {
            batch: of.batch,
            size: of.size,
            channels: own,
            output_size: of.output_size,
            interpolation: Interpolation::Nearest,
        };
        let mut large = vec![f32::NAN; length(of.output_size, own)];
        upsample.forward(&images, &mut large);
        let mut want = vec![f32::NAN; out.len()];
        concatenate(&[(&large, own), (&beside, other)], &mut want);
        assert!(out == want, "{of:?}");
        let mut want_beside = vec![f32::NAN; beside.len()];
        split(&gradient, &mut [(&mut large, own), (&mut want_beside, other)]);
        let mut want_images = vec![f32::NAN; images.len()];
        upsample.image_gradient(&large, &mut want_images);
        assert!(of_images == want_images && of_beside == want_beside, "{of:?}");
        [out, of_images, of_beside].concat()
    }

    #[test]
    fn both_steps_at_once_are_both_steps() {
        for channels in [[1, 1], [16, 8], [5, 70], [300, 3]] {
            for [size, output_size] in [[[4, 3], [8, 6]], [[4, 3], [7, 5]], [[1, 1], [1, 2]]] {
                run(UpsampleConcat { batch: 2, size, output_size, channels });
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let (size, output_size) = ([12, 11], [24, 22]);
        let of = UpsampleConcat { batch: 3, size, output_size, channels: [24, 17] };
        assert_same_bits_on_any_threads("upsample and concatenate", || run(of));
    }
}
