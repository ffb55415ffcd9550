//! Output channels in panels of one or two vectors, and weights packed to match.

use crate::simd::Vector;
use std::ops::Range;

/// Vectors of output channels in a full panel.
pub(super) const VECTORS: usize = 2;

/// Output channels that are computed side by side.
#[derive(Clone, Copy)]
pub(super) struct Panel {
    /// First channel.
    pub start: usize,
    /// Channels; fewer than a full panel in the last one.
    pub count: usize,
    /// Vectors that hold them.
    pub vectors: usize,
}

impl Panel {
    /// Panels for `channels` output channels.
    pub(super) fn number<V: Vector>(channels: usize) -> usize {
        channels.div_ceil(VECTORS * V::LANES)
    }

    /// Panel `index` of `channels` output channels.
    pub(super) fn of<V: Vector>(channels: usize, index: usize) -> Panel {
        let start = index * VECTORS * V::LANES;
        let count = (channels - start).min(VECTORS * V::LANES);
        Panel { start, count, vectors: count.div_ceil(V::LANES) }
    }

    /// Numbers in a row of packed weights.
    pub(super) fn width<V: Vector>(self) -> usize {
        self.vectors * V::LANES
    }

    /// Copies the panel's channels of one pixel or weight row, zeros behind them, to `to` of its width.
    #[inline(always)]
    pub(super) fn copy<V: Vector>(self, from: &[f32], to: &mut [f32]) {
        let from = &from[self.start..][..self.count];
        assert!(to.len() >= self.width::<V>());
        for vector in 0..self.vectors {
            let start = vector * V::LANES;
            // SAFETY: `from` holds all channels; `to` whole vectors.
            unsafe {
                let from = from.as_ptr().add(start);
                let value = if start + V::LANES <= self.count {
                    V::load(from)
                } else {
                    V::load_first(from, self.count - start)
                };
                value.store(to.as_mut_ptr().add(start));
            }
        }
    }

    /// Channels in the last vector.
    pub(super) fn last<V: Vector>(self) -> usize {
        self.count - (self.vectors - 1) * V::LANES
    }
}

/// The weights `[tap, channel in, channel out]` of a convolution as factors of a product: forward, or
/// transposed for its image gradient.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    /// `[tap, channel in, channel out]`.
    pub values: &'a [f32],
    /// Channels in and out, as stored.
    pub channels: [usize; 2],
    /// Whether the product sums over the channels out.
    pub transposed: bool,
}

impl Weights<'_> {
    /// Channels that the product sums over.
    pub(super) fn inner(&self) -> usize {
        self.channels[usize::from(self.transposed)]
    }

    /// Channels of the product's result.
    pub(super) fn outer(&self) -> usize {
        self.channels[usize::from(!self.transposed)]
    }

    /// Writes `[inner, panel width]` for one tap to `to`, with zeros behind the panel's channels.
    #[inline(always)]
    pub(super) fn pack<V: Vector>(
        &self,
        tap: usize,
        inner: Range<usize>,
        panel: Panel,
        to: &mut [f32],
    ) {
        let [channels_in, channels_out] = self.channels;
        let width = panel.width::<V>();
        let tap = &self.values[tap * channels_in * channels_out..][..channels_in * channels_out];
        let to = &mut to[..inner.len() * width];
        if self.transposed {
            return pack_transposed::<V>(tap, channels_out, inner, panel, to);
        }
        for (row, to) in inner.zip(to.chunks_exact_mut(width)) {
            panel.copy::<V>(&tap[row * channels_out..][..channels_out], to);
        }
    }
}

#[inline(always)]
fn pack_transposed<V: Vector>(
    tap: &[f32],
    channels_out: usize,
    inner: Range<usize>,
    panel: Panel,
    to: &mut [f32],
) {
    let width = panel.width::<V>();
    for col in (0..width).step_by(V::LANES) {
        for row in (0..inner.len()).step_by(V::LANES) {
            let from =
                &tap[((panel.start + col) * channels_out + inner.start + row).min(tap.len())..];
            let to = &mut to[row * width + col..];
            let (rows, cols) = (V::LANES.min(inner.len() - row), V::LANES.min(panel.count - col));
            if rows == V::LANES && cols == V::LANES {
                debug_assert!(from.len() >= (V::LANES - 1) * channels_out + V::LANES);
                // SAFETY: the square lies within the tap and within the packed rows.
                unsafe { V::transpose(from.as_ptr(), channels_out, to.as_mut_ptr(), width) };
                continue;
            }
            for r in 0..rows {
                for c in 0..V::LANES {
                    to[r * width + c] = if c < cols { from[c * channels_out + r] } else { 0.0 };
                }
            }
        }
    }
}
