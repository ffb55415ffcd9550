//! Global average pooling.

use crate::{
    memory, parallel,
    shape::count,
    simd::{Kernel, Vector, dispatch},
    sweep::{All, First, Lanes},
};

/// Pixels whose sum stays in f32.
const PIXELS: usize = 256;

/// The mean over the pixels of each image: `out`, `[batch, channel]`, of `images`, `[batch, pixel,
/// channel]`, where `pixel` counts row and col.
///
/// # Panics
/// If the lengths are not those of one number of pixels.
pub fn global_average(pixels: usize, channels: usize, images: &[f32], out: &mut [f32]) {
    check(pixels, channels, images.len(), out.len());
    if out.is_empty() {
        return;
    }
    let n_parts = pixels.div_ceil(PIXELS);
    let mut sums = memory::buffer(out.len() * n_parts);
    parallel::parts(&mut sums, channels, |task, out| {
        let (image, part) = (task / n_parts, task % n_parts);
        let (start, end) = (part * PIXELS, pixels.min((part + 1) * PIXELS));
        let pixels =
            &images[(image * pixels + start) * channels..(image * pixels + end) * channels];
        dispatch(Sum { pixels, out });
    });
    for (index, out) in out.iter_mut().enumerate() {
        let (image, channel) = (index / channels, index % channels);
        let parts = (0..n_parts).map(|part| sums[(image * n_parts + part) * channels + channel]);
        *out = (parts.map(f64::from).sum::<f64>() / pixels as f64) as f32;
    }
}

/// The gradient of the images, `[batch, pixel, channel]`, for the `gradient` of the output, `[batch,
/// channel]`.
///
/// # Panics
/// As [`global_average`].
pub fn global_average_gradient(pixels: usize, channels: usize, gradient: &[f32], out: &mut [f32]) {
    check(pixels, channels, out.len(), gradient.len());
    if out.is_empty() {
        return;
    }
    let part = 1.0 / pixels as f32;
    let scaled: Vec<f32> = gradient.iter().map(|it| it * part).collect();
    parallel::parts(out, PIXELS.min(pixels) * channels, |task, out| {
        let first = task * PIXELS.min(pixels);
        for (index, pixel) in out.chunks_exact_mut(channels).enumerate() {
            let image = (first + index) / pixels;
            pixel.copy_from_slice(&scaled[image * channels..(image + 1) * channels]);
        }
    });
}

fn check(pixels: usize, channels: usize, n_images: usize, n_out: usize) {
    assert!(0 < pixels && 0 < channels, "{pixels} pixels of {channels} channels have no mean");
    assert_eq!(n_out % channels, 0, "the means are not a multiple of the channels");
    assert_eq!(n_images, count([n_out, pixels]), "length of the images is not means times pixels");
}

/// Sum of pixels.
struct Sum<'a> {
    pixels: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let channels = self.out.len();
        let mut channel = 0;
        // SAFETY: the channels are within the pixels.
        unsafe {
            while channel + 4 * V::LANES <= channels {
                self.sum::<V, 4, _>(channel, All);
                channel += 4 * V::LANES;
            }
            while channel + V::LANES <= channels {
                self.sum::<V, 1, _>(channel, All);
                channel += V::LANES;
            }
            if channel < channels {
                self.sum::<V, 1, _>(channel, First(channels - channel));
            }
        }
    }
}

impl Sum<'_> {
    /// # Safety
    /// `N` vectors from `channel` on are within the pixels, as far as the lanes are in memory.
    #[inline(always)]
    unsafe fn sum<V: Vector, const N: usize, L: Lanes>(&mut self, channel: usize, lanes: L) {
        let mut sum = [V::zero(); N];
        // SAFETY: the caller's.
        unsafe {
            for pixel in self.pixels.chunks_exact(self.out.len()) {
                for (n, sum) in sum.iter_mut().enumerate() {
                    *sum = sum.add(lanes.load(pixel.as_ptr().add(channel + n * V::LANES)));
                }
            }
            for (n, sum) in sum.into_iter().enumerate() {
                lanes.store(self.out.as_mut_ptr().add(channel + n * V::LANES), sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{Linear, Random, assert_close, assert_same_bits_on_any_threads};

    #[test]
    fn values_and_gradients_are_right() {
        for [batch, pixels, channels] in
            [[1, 1, 1], [3, 7, 5], [2, 256, 64], [2, 1000, 40], [1, 600, 300], [0, 9, 4]]
        {
            let mut random = Random::new(channels as u64);
            let images = random.values(batch * pixels * channels);
            let entries = (0..images.len()).map(|index| {
                let (pixel, channel) = (index / channels, index % channels);
                (pixel / pixels * channels + channel, index, 1.0 / pixels as f64)
            });
            let expected = Linear(entries.collect());
            let mut out = vec![f32::NAN; batch * channels];
            global_average(pixels, channels, &images, &mut out);
            assert_close("mean", &out, &expected.forward(&images, out.len()), 1e-6);
            let mut gradient = vec![f32::NAN; images.len()];
            global_average_gradient(pixels, channels, &out, &mut gradient);
            assert_close("gradient", &gradient, &expected.backward(&out, images.len()), 1e-6);
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let images = Random::new(1).values(2 * 3000 * 20);
        assert_same_bits_on_any_threads("global average", || {
            let mut out = vec![0.0; 40];
            global_average(3000, 20, &images, &mut out);
            out
        });
    }
}
