//! From planes of sums back to weight gradients.

use super::planes::Planes;
use super::transform::{WeightGradient, both_axes};
use crate::conv::panel::Panel;
use crate::parallel::SharedMut;
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Writes the weight gradients of some input channels and panels from sums: planes of `rows` by panel
/// width, one set for each panel.
///
/// `parts` such sums, `part` numbers apart, are added up first, in a fixed order.
pub(super) struct Unfilter {
    /// The first panel's planes.
    pub from: *const f32,
    /// Rows of the planes.
    pub rows: usize,
    /// Numbers from one panel's planes to the next.
    pub step: usize,
    pub parts: usize,
    pub part: usize,
    /// Channels in.
    pub inner: Range<usize>,
    /// First row of the planes for them.
    pub row: usize,
    pub panels: Range<usize>,
    /// `[tap, channel in, channel out]`.
    pub out: SharedMut,
    pub channels: [usize; 2],
}

impl Kernel for Unfilter {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let [channels_in, channels_out] = self.channels;
        for (index, channel) in self.inner.clone().enumerate() {
            for (set, panel) in self.panels.clone().enumerate() {
                let panel = Panel::of::<V>(channels_out, panel);
                let planes = Planes::new(self.rows, panel.width::<V>());
                let from =
                    self.from.wrapping_add(set * self.step + (self.row + index) * planes.width);
                for vector in 0..panel.vectors {
                    // SAFETY: the planes hold the rows; the weights are this task's alone.
                    unsafe {
                        let from = from.add(vector * V::LANES);
                        let square = both_axes::<V, WeightGradient, 6, 3>(
                            #[inline(always)]
                            |r, c| self.sum::<V>(from.add((r * 6 + c) * planes.stride)),
                        );
                        let to =
                            self.out.at(channel * channels_out + panel.start + vector * V::LANES);
                        let count =
                            if vector + 1 == panel.vectors { panel.last::<V>() } else { V::LANES };
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
