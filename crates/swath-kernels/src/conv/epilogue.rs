//! What is done to the result of a convolution before it leaves the cache.

use crate::{Activation, simd::Vector};

/// Steps after a convolution: `out = activation(conv * scale + bias + residual)`.
///
/// With scale and bias a convolution and the normalisation after it are one operation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// One factor for each output channel.
    pub scale: Option<&'a [f32]>,
    /// One number for each output channel.
    pub bias: Option<&'a [f32]>,
    /// Added number by number: `[batch, row, col, channel]`, as the output.
    pub residual: Option<&'a [f32]>,
    /// Applied last.
    pub activation: Activation,
}

impl Epilogue<'_> {
    /// Checks that it is of an output of `n_output` numbers and `channels` channels.
    ///
    /// # Panics
    /// If a length differs.
    pub(crate) fn check(&self, channels: usize, n_output: usize) {
        for (what, values, wanted) in [
            ("scale", self.scale, channels),
            ("bias", self.bias, channels),
            ("residual", self.residual, n_output),
        ] {
            let found = values.map_or(wanted, <[f32]>::len);
            assert_eq!(found, wanted, "numbers in the {what} and those that the shape says");
        }
    }

    /// Whether there is nothing to do.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.scale.is_none()
            && self.bias.is_none()
            && self.residual.is_none()
            && self.activation == Activation::None
    }

    /// Finishes `count` numbers of one pixel, already written at `out + at`, from channel `channel` on.
    ///
    /// # Safety
    /// `at` and the channels lie within `out`, residual and bias, and no other task writes there.
    #[inline(always)]
    pub(crate) unsafe fn apply<V: Vector>(
        &self,
        out: *mut f32,
        at: usize,
        channel: usize,
        count: usize,
    ) {
        let mut done = 0;
        while done < count {
            let lanes = V::LANES.min(count - done);
            // SAFETY: `done + lanes <= count`, and the caller's promise.
            unsafe {
                let to = out.add(at + done);
                let mut value = load::<V>(to, lanes);
                if let Some(scale) = self.scale {
                    value = value.mul(load::<V>(scale.as_ptr().add(channel + done), lanes));
                }
                if let Some(bias) = self.bias {
                    value = value.add(load::<V>(bias.as_ptr().add(channel + done), lanes));
                }
                if let Some(residual) = self.residual {
                    value = value.add(load::<V>(residual.as_ptr().add(at + done), lanes));
                }
                value = self.activation.value(value);
                if lanes == V::LANES { value.store(to) } else { value.store_first(to, lanes) }
            }
            done += lanes;
        }
    }
}

/// The first `lanes` numbers at `from`.
///
/// # Safety
/// They are readable.
#[inline(always)]
unsafe fn load<V: Vector>(from: *const f32, lanes: usize) -> V {
    // SAFETY: the caller's.
    unsafe { if lanes == V::LANES { V::load(from) } else { V::load_first(from, lanes) } }
}
