//! Sums over tiles for the weight gradient.

use super::planes::Planes;
use crate::conv::outer::{Outer, Pixels};
use crate::conv::panel::Panel;
use crate::conv::sized::{MOST_ROWS, balance, most_rows};
use crate::parallel::share;
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Numbers of V that are multiplied at a time (16 KiB): they stay in the first-level cache.
const SLICE: usize = 4096;

/// How V and D of some tiles lie in memory; D with the panels one after another in each plane.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub inputs: Planes,
    /// Rows of one panel; `stride` is that of planes with all panels.
    pub gradients: Planes,
    /// Numbers of one panel in a plane of D.
    pub part: usize,
}

/// `to[panel][plane][i][channel] (+)= Σ V[plane][tile][inner + i] · D[plane][tile][channel]`.
pub(super) struct Multiply<'a> {
    /// V and D.
    pub factors: [&'a [f32]; 2],
    pub layout: Layout,
    pub tiles: usize,
    pub planes: Range<usize>,
    pub inner: Range<usize>,
    pub panels: Range<usize>,
    /// Channels of all panels.
    pub channels: usize,
    /// Planes of `rows` by panel width, one set for each panel, `step` numbers apart; the first panel's.
    pub to: *mut f32,
    pub rows: usize,
    pub step: usize,
    /// Row of the planes for the first of the input channels. Panels differ in width, so that each has
    /// its own place for it.
    pub row: usize,
    /// Whether to add to what is there.
    pub add: bool,
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Layout { inputs, gradients, part } = self.layout;
        let slices = self.tiles.div_ceil((SLICE / self.inner.len()).max(16));
        for plane in self.planes.clone() {
            for slice in 0..slices {
                let (start, end) = share(self.tiles, slices, slice);
                let source = plane * inputs.stride + start * inputs.width + self.inner.start;
                let source = self.factors[0][source..].as_ptr();
                for (set, index) in self.panels.clone().enumerate() {
                    let panel = Panel::of::<V>(self.channels, index);
                    let width = panel.width::<V>();
                    let gradient =
                        plane * gradients.stride + index * part + start * gradients.width;
                    let planes = Planes::new(self.rows, width);
                    let to = set * self.step + plane * planes.stride + self.row * width;
                    let work = Outer {
                        source,
                        pixels: Pixels { count: [end - start, 1, 1], steps: [inputs.width, 0, 0] },
                        gradient: self.factors[1][gradient..].as_ptr(),
                        gradient_step: gradients.width,
                        rows: &[],
                        panel: Panel { count: width, ..panel },
                        add: self.add || slice > 0,
                    };
                    run_rows::<V>(work, self.inner.len(), self.to.wrapping_add(to), width);
                }
            }
        }
    }
}

/// All rows of one product, in register blocks.
#[inline(always)]
fn run_rows<V: Vector>(work: Outer<'_>, rows: usize, to: *mut f32, width: usize) {
    let mut done = 0;
    for (blocks, rows) in balance(rows, most_rows::<V>(work.panel.vectors)) {
        for _ in 0..blocks {
            let mut pointers = [to; MOST_ROWS];
            for (row, pointer) in pointers.iter_mut().enumerate().take(rows) {
                *pointer = to.wrapping_add((done + row) * width);
            }
            let source = work.source.wrapping_add(done);
            // SAFETY: whoever made the work says that V and D hold all tiles, and that the sums are there
            // and its own.
            unsafe { Outer { source, rows: &pointers[..rows], ..work }.run::<V>() };
            done += rows;
        }
    }
}
