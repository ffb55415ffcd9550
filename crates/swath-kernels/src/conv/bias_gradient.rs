//! The gradient of a bias: the sum over all pixels.

use crate::memory;
use crate::parallel::{parts, share};
use crate::simd::{Kernel, Vector, dispatch};

/// Pixels whose sums are added up by one task.
const PIXELS: usize = 4096;

/// `out[channel] = Σ gradient[pixel, channel]` over all pixels of `[…, channel]`.
///
/// # Panics
/// If `out` does not hold `channels` numbers, or `gradient` no multiple of it.
pub fn bias_gradient(gradient: &[f32], channels: usize, out: &mut [f32]) {
    assert_eq!(out.len(), channels, "numbers in the bias gradient and channels");
    assert!(
        channels > 0 && gradient.len().is_multiple_of(channels),
        "{} gradients of {channels} channels",
        gradient.len()
    );
    let pixels = gradient.len() / channels;
    let chunks = pixels.div_ceil(PIXELS);
    let mut sums = memory::buffer(chunks * channels);
    parts(&mut sums, channels, |chunk, sums| {
        let (start, end) = share(pixels, chunks, chunk);
        dispatch(Rows { values: &gradient[start * channels..end * channels], sums });
    });
    dispatch(Rows { values: &sums, sums: out });
}

/// Adds up rows as long as `sums`.
struct Rows<'a> {
    values: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let channels = self.sums.len();
        for start in (0..channels).step_by(V::LANES) {
            let count = V::LANES.min(channels - start);
            let mut sum = V::zero();
            for row in self.values.chunks_exact(channels) {
                // SAFETY: `start + count <= channels`.
                sum = sum.add(unsafe {
                    let from = row.as_ptr().add(start);
                    if count == V::LANES { V::load(from) } else { V::load_first(from, count) }
                });
            }
            // SAFETY: as above.
            unsafe { sum.store_first(self.sums.as_mut_ptr().add(start), count) };
        }
    }
}
