//! From weights to planes, and from planes back to weight gradients.

use super::planes::Planes;
use super::transform::{self, WeightGradient, both_axes};
use crate::conv::panel::{Panel, Weights};
use crate::scratch;
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Summed channels that are packed at a time.
const ROWS: usize = 16;

/// Writes the transformed weights of some summed channels and one panel: planes of `[channel, width]`.
pub(super) struct Filter<'a> {
    pub weights: Weights<'a>,
    pub inner: Range<usize>,
    pub panel: Panel,
    pub to: *mut f32,
    pub planes: Planes,
}

impl Kernel for Filter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Weights { values, channels: [channels_in, channels_out], transposed } = self.weights;
        if !transposed {
            let from = values[self.inner.start * channels_out + self.panel.start..].as_ptr();
            let steps = [channels_in * channels_out, channels_out];
            // SAFETY: the weights hold the rows of all taps.
            return unsafe {
                self.transform::<V>(from, steps, 0..self.inner.len(), self.panel.count)
            };
        }
        let width = self.panel.width::<V>();
        let mut packed = scratch::local(9 * ROWS * width);
        for start in (0..self.inner.len()).step_by(ROWS) {
            let rows = start..(start + ROWS).min(self.inner.len());
            let inner = self.inner.start + rows.start..self.inner.start + rows.end;
            for (tap, to) in packed.chunks_exact_mut(ROWS * width).enumerate() {
                // The kernel is turned by half a turn, too.
                self.weights.pack::<V>(8 - tap, inner.clone(), self.panel, to);
            }
            // SAFETY: just packed.
            unsafe { self.transform::<V>(packed.as_ptr(), [ROWS * width, width], rows, width) };
        }
    }
}

impl Filter<'_> {
    /// Transforms weights at `from`, `steps` numbers apart from tap to tap and row to row, of which a row
    /// has `count`, to `rows` of the planes.
    ///
    /// # Safety
    /// All rows are readable; the planes have them.
    #[inline(always)]
    unsafe fn transform<V: Vector>(
        &self,
        from: *const f32,
        steps: [usize; 2],
        rows: Range<usize>,
        count: usize,
    ) {
        for (index, row) in rows.enumerate() {
            for vector in 0..self.panel.vectors {
                let col = vector * V::LANES;
                // SAFETY: the caller's.
                unsafe {
                    let from = from.add(index * steps[1] + col);
                    let square = if col + V::LANES <= count {
                        both_axes::<V, transform::Weights, 3, 6>(
                            #[inline(always)]
                            |r, c| V::load(from.add((r * 3 + c) * steps[0])),
                        )
                    } else {
                        let count = count - col;
                        both_axes::<V, transform::Weights, 3, 6>(
                            #[inline(always)]
                            |r, c| V::load_first(from.add((r * 3 + c) * steps[0]), count),
                        )
                    };
                    let to = self.to.add(row * self.planes.width + col);
                    for (plane, value) in square.as_flattened().iter().enumerate() {
                        value.store(to.add(plane * self.planes.stride));
                    }
                }
            }
        }
    }
}

/// Writes the weight gradients of some input channels and one panel from planes of `[channel, width]`.
///
/// `parts` sets of planes, `part` numbers apart, are added up first, in a fixed order.
pub(super) struct Unfilter {
    pub from: *const f32,
    pub planes: Planes,
    pub parts: usize,
    pub part: usize,
    /// Channels in: those of the planes' rows.
    pub inner: Range<usize>,
    /// First row of the planes for them.
    pub row: usize,
    pub panel: Panel,
    /// `[tap, channel in, channel out]`.
    pub out: *mut f32,
    pub channels: [usize; 2],
}

impl Kernel for Unfilter {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let [channels_in, channels_out] = self.channels;
        let stride = self.planes.stride;
        for (index, channel) in self.inner.clone().enumerate() {
            for vector in 0..self.panel.vectors {
                // SAFETY: the planes hold the rows; the weights are this task's alone.
                unsafe {
                    let from =
                        self.from.add((self.row + index) * self.planes.width + vector * V::LANES);
                    let square = both_axes::<V, WeightGradient, 6, 3>(
                        #[inline(always)]
                        |r, c| self.sum::<V>(from.add((r * 6 + c) * stride)),
                    );
                    let to =
                        self.out.add(channel * channels_out + self.panel.start + vector * V::LANES);
                    let count = if vector + 1 == self.panel.vectors {
                        self.panel.last::<V>()
                    } else {
                        V::LANES
                    };
                    for (tap, value) in square.as_flattened().iter().enumerate() {
                        let to = to.add(tap * channels_in * channels_out);
                        if count == V::LANES {
                            value.store(to)
                        } else {
                            value.store_first(to, count)
                        }
                    }
                }
            }
        }
    }
}

impl Unfilter {
    /// The sum over the parts.
    ///
    /// # Safety
    /// `from` points at a vector of the first part.
    #[inline(always)]
    unsafe fn sum<V: Vector>(&self, from: *const f32) -> V {
        // SAFETY: the caller's.
        unsafe {
            let mut sum = V::load(from);
            for part in 1..self.parts {
                sum = sum.add(V::load(from.add(part * self.part)));
            }
            sum
        }
    }
}
