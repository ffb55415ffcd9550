//! Sums over rows, and then over columns.

use super::Taps;
use crate::{
    parallel, scratch,
    simd::{Kernel, Vector, dispatch},
    sweep::{All, First, Lanes},
};

/// Pixels in memory, some of whose channels are used.
#[derive(Clone, Copy)]
pub(crate) struct Pixels<'a> {
    /// From the first used channel of the first pixel on.
    pub values: &'a [f32],
    /// Values from one pixel to the next.
    pub step: usize,
    /// Rows and columns of an image.
    pub size: [usize; 2],
}

/// `out[row, col] = sum rows[row, r] cols[col, c] pixels[r, c]`, for each image and channel.
pub(crate) struct Separable<'a> {
    pub rows: &'a Taps,
    pub cols: &'a Taps,
    pub channels: usize,
}

impl Separable<'_> {
    /// Writes `out`, `[batch, row, col, channel]`.
    pub fn run(&self, pixels: Pixels<'_>, out: &mut [f32]) {
        if out.is_empty() {
            return;
        }
        let channels = self.channels;
        let [from_rows, from_cols] = pixels.size;
        parallel::parts(out, self.cols.len() * channels, |line, out| {
            let (image, row) = (line / self.rows.len(), line % self.rows.len());
            let n_line = from_cols * pixels.step;
            let image = &pixels.values[image * from_rows * n_line..];
            let sum = &mut scratch::local(from_cols * channels);
            let taps = self.rows.of(row);
            dispatch(Line { image, n_line, step: pixels.step, taps, of: self, sum, out });
        });
    }
}

/// One row of the output.
struct Line<'a> {
    image: &'a [f32],
    n_line: usize,
    step: usize,
    taps: &'a [(usize, f32)],
    of: &'a Separable<'a>,
    sum: &'a mut [f32],
    out: &'a mut [f32],
}

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Line { image, n_line, step, taps, of, sum, out } = self;
        let channels = of.channels;
        let (from, from_step): (&[f32], usize) = if let [(row, 1.0)] = *taps {
            (&image[row * n_line..], step)
        } else {
            if step == channels {
                weighted_sum::<V>(image, n_line, taps, sum);
            } else {
                for (col, sum) in sum.chunks_exact_mut(channels).enumerate() {
                    weighted_sum::<V>(&image[col * step..], n_line, taps, sum);
                }
            }
            (sum, channels)
        };
        for (col, out) in out.chunks_exact_mut(channels).enumerate() {
            weighted_sum::<V>(from, from_step, of.cols.of(col), out);
        }
    }
}

/// `out = sum factor * from[index * step ..]`
#[inline(always)]
fn weighted_sum<V: Vector>(from: &[f32], step: usize, taps: &[(usize, f32)], out: &mut [f32]) {
    let n = out.len();
    for &(index, _) in taps {
        assert!(index * step + n <= from.len(), "tap {index} is beyond the pixels");
    }
    let mut at = 0;
    // SAFETY: all taps were checked to hold as many values as the output.
    unsafe {
        while at + 2 * V::LANES <= n {
            vectors::<V, 2, _>(from, step, taps, out, at, All);
            at += 2 * V::LANES;
        }
        while at + V::LANES <= n {
            vectors::<V, 1, _>(from, step, taps, out, at, All);
            at += V::LANES;
        }
        if at < n {
            vectors::<V, 1, _>(from, step, taps, out, at, First(n - at));
        }
    }
}

/// # Safety
/// `N` vectors from `at` on are within the output and every tap, as far as the lanes are in memory.
#[inline(always)]
unsafe fn vectors<V: Vector, const N: usize, L: Lanes>(
    from: &[f32],
    step: usize,
    taps: &[(usize, f32)],
    out: &mut [f32],
    at: usize,
    lanes: L,
) {
    let mut sum = [V::zero(); N];
    // SAFETY: the caller's.
    unsafe {
        for &(index, factor) in taps {
            let from = from.as_ptr().add(index * step + at);
            for (n, sum) in sum.iter_mut().enumerate() {
                *sum = lanes.load::<V>(from.add(n * V::LANES)).mul_add(V::splat(factor), *sum);
            }
        }
        for (n, sum) in sum.into_iter().enumerate() {
            lanes.store(out.as_mut_ptr().add(at + n * V::LANES), sum);
        }
    }
}
