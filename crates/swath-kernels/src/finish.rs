//! The steps after a convolution whose kernels do not take them themselves.

use crate::{Epilogue, simd::Vector};

/// Applies `epilogue` to `out`, whole pixels from `first` on in the whole output.
#[inline(always)]
pub(crate) fn finish<V: Vector>(
    epilogue: &Epilogue<'_>,
    first: usize,
    channels: usize,
    out: &mut [f32],
) {
    if epilogue.is_empty() {
        return;
    }
    for (pixel, out) in out.chunks_exact_mut(channels).enumerate() {
        let at = first + pixel * channels;
        // SAFETY: `out` less its place in the whole output is where that begins; the pixel is ours.
        unsafe {
            let begin = out.as_mut_ptr().wrapping_sub(at);
            epilogue.apply::<V>(begin, at, 0, channels);
        }
    }
}
