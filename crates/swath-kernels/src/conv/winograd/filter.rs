//! From weights to planes.

use super::planes::Planes;
use super::transform::{self, both_axes};
use crate::conv::panel::{Panel, VECTORS, Weights};
use crate::scratch;
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Summed channels that are packed at a time.
const ROWS: usize = 16;

/// Writes the transformed weights of some summed channels and panels: `rows` by panel width in each plane,
/// one set of planes for each panel.
pub(super) struct Filter<'a> {
    pub weights: Weights<'a>,
    pub inner: Range<usize>,
    pub panels: Range<usize>,
    /// Where the first row of the first panel goes.
    pub to: *mut f32,
    /// Rows of the planes.
    pub rows: usize,
    /// Numbers from one panel's planes to the next.
    pub step: usize,
    /// First row of the planes.
    pub row: usize,
}

impl Kernel for Filter<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Weights { values, channels: [channels_in, channels_out], transposed } = self.weights;
        let steps = [channels_in * channels_out, channels_out];
        let mut packed = scratch::local(if transposed { 9 * ROWS * VECTORS * V::LANES } else { 0 });
        for start in (0..self.inner.len()).step_by(ROWS) {
            let rows = start..(start + ROWS).min(self.inner.len());
            let inner = self.inner.start + rows.start..self.inner.start + rows.end;
            if transposed {
                for panel in self.panels.clone() {
                    let of = Panel::of::<V>(channels_in, panel);
                    let width = of.width::<V>();
                    for (tap, to) in packed.chunks_exact_mut(ROWS * width).take(9).enumerate() {
                        // The kernel is turned by half a turn, too.
                        self.weights.pack::<V>(8 - tap, inner.clone(), of, to);
                    }
                    for row in 0..rows.len() {
                        let from = packed[row * width..].as_ptr();
                        // SAFETY: just packed.
                        unsafe {
                            self.transform::<V>(from, ROWS * width, start + row, panel, width)
                        };
                    }
                }
                continue;
            }
            for row in 0..rows.len() {
                for panel in self.panels.clone() {
                    let of = Panel::of::<V>(channels_out, panel);
                    let from = values[(inner.start + row) * steps[1] + of.start..].as_ptr();
                    // SAFETY: the weights hold the row for all taps.
                    unsafe { self.transform::<V>(from, steps[0], start + row, panel, of.count) };
                }
            }
        }
    }
}

impl Filter<'_> {
    /// Transforms one row of a panel: `count` weights at `from`, of nine taps `step` numbers apart.
    ///
    /// # Safety
    /// They are readable; the planes have the row.
    #[inline(always)]
    unsafe fn transform<V: Vector>(
        &self,
        from: *const f32,
        step: usize,
        row: usize,
        panel: usize,
        count: usize,
    ) {
        let of = Panel::of::<V>(self.weights.outer(), panel);
        let planes = Planes::new(self.rows, of.width::<V>());
        let to = self.to.wrapping_add(
            (panel - self.panels.start) * self.step + (self.row + row) * planes.width,
        );
        for vector in 0..of.vectors {
            let col = vector * V::LANES;
            // SAFETY: the caller's.
            unsafe {
                let from = from.add(col);
                let square = if col + V::LANES <= count {
                    both_axes::<V, transform::Weights, 3, 6>(
                        #[inline(always)]
                        |r, c| V::load(from.add((r * 3 + c) * step)),
                    )
                } else {
                    let count = count - col;
                    both_axes::<V, transform::Weights, 3, 6>(
                        #[inline(always)]
                        |r, c| V::load_first(from.add((r * 3 + c) * step), count),
                    )
                };
                for (plane, value) in square.as_flattened().iter().enumerate() {
                    value.store(to.add(plane * planes.stride + col));
                }
            }
        }
    }
}
