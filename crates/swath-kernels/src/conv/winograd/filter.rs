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
        // Packed tap by tap first: the nine taps lie a power of two apart, in one set of the cache.
        let mut packed = scratch::local(9 * ROWS * VECTORS * V::LANES);
        for start in (0..self.inner.len()).step_by(ROWS) {
            let rows = start..(start + ROWS).min(self.inner.len());
            let inner = self.inner.start + rows.start..self.inner.start + rows.end;
            for index in self.panels.clone() {
                let panel = Panel::of::<V>(self.weights.outer(), index);
                let width = panel.width::<V>();
                for (tap, to) in packed.chunks_exact_mut(ROWS * width).take(9).enumerate() {
                    // Transposed, the kernel is turned by half a turn, too.
                    let tap = if self.weights.transposed { 8 - tap } else { tap };
                    self.weights.pack::<V>(tap, inner.clone(), panel, to);
                }
                let planes = Planes::new(self.rows, width);
                let to = (index - self.panels.start) * self.step + (self.row + start) * width;
                // SAFETY: just packed; the planes have the rows.
                unsafe {
                    transform::<V>(packed.as_ptr(), rows.len(), width, self.to.add(to), planes)
                };
            }
        }
    }
}

/// Transforms `rows` rows of packed weights `[tap, ROWS, width]` to rows of the planes.
///
/// # Safety
/// `packed` holds the rows of all taps, `to` points at as many rows of planes.
#[inline(always)]
unsafe fn transform<V: Vector>(
    packed: *const f32,
    rows: usize,
    width: usize,
    to: *mut f32,
    planes: Planes,
) {
    for at in (0..rows * width).step_by(V::LANES) {
        // SAFETY: the caller's.
        unsafe {
            let from = packed.add(at);
            let square = both_axes::<V, transform::Weights, 3, 6>(
                #[inline(always)]
                |row, col| V::load(from.add((row * 3 + col) * ROWS * width)),
            );
            for (plane, value) in square.as_flattened().iter().enumerate() {
                value.store(to.add(plane * planes.stride + at));
            }
        }
    }
}
