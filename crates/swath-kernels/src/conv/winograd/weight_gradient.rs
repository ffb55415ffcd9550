//! Winograd's weight gradient: `Gᵀ[Σ V ⊙ D]G`, with V the transformed windows of the images and D the
//! transformed tiles of the output's gradients, summed over tiles by products of planes.
//!
//! Three orders of the same work:
//! - few weights: groups of tiles each have their own sums; the groups are added up at the end;
//! - else, if V and D of all tiles are small: both at once; a task owns a block of weights, all planes;
//! - else the tiles come in chunks; a task owns a block of sums in one plane.

use super::multiply::{Layout, Multiply};
use super::planes::{Planes, SQUARE, Tiles};
use super::scatter::{Gradients, Inputs, Maps, Scatter};
use super::sums::{Block, Group};
use super::unfilter::Unfilter;
use crate::conv::panel::{Panel, VECTORS};
use crate::memory;
use crate::parallel::{SharedMut, share, tasks};
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Most weights of one tap for the first order.
const FEW_WEIGHTS: usize = 2048;

/// Groups of tiles in it.
const GROUPS: usize = 8;

/// Most numbers in V and D of the second order (5 MiB).
const ONCE: usize = 1280 * 1024;

/// Input and output channels of a task in it.
const BLOCK: [usize; 2] = [48, 32];

/// Numbers in V and D of a chunk of the third order (3 MiB).
const CHUNK: usize = 768 * 1024;

/// Input and output channels of a task in it.
const PLANE_BLOCK: [usize; 2] = [64, 64];

/// The gradient of the weights of a 3×3 convolution of stride 1.
pub(in crate::conv) struct WeightGradient<'a> {
    pub batch: usize,
    /// `[batch, row, col, channel in]`.
    pub images: &'a [f32],
    pub size: [usize; 2],
    pub padding: [usize; 2],
    /// `[batch, row, col, channel out]`.
    pub gradient: &'a [f32],
    pub out_size: [usize; 2],
    pub channels: [usize; 2],
    pub out: &'a mut [f32],
}

/// What all tasks of one call know.
pub(super) struct Plan<'a> {
    images: Maps<'a>,
    gradients: Maps<'a>,
    pub tiles: Tiles,
    /// In and out.
    pub channels: [usize; 2],
    pub panels: usize,
    pub out: SharedMut,
}

impl Kernel for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let [channels_in, channels_out] = self.channels;
        let plan = Plan {
            images: Maps {
                values: self.images,
                size: self.size,
                channels: channels_in,
                before: self.padding,
            },
            gradients: Maps {
                values: self.gradient,
                size: self.out_size,
                channels: channels_out,
                before: [0, 0],
            },
            tiles: Tiles::new(self.batch, self.out_size),
            channels: self.channels,
            panels: Panel::number::<V>(channels_out),
            out: SharedMut::new(self.out),
        };
        if channels_in * channels_out <= FEW_WEIGHTS {
            plan.by_groups::<V>();
        } else if plan.tiles.total() <= plan.tiles_of(ONCE) {
            plan.by_blocks::<V>();
        } else {
            plan.by_chunks::<V>();
        }
    }
}

impl Plan<'_> {
    #[inline(always)]
    fn by_groups<V: Vector>(&self) {
        let total = self.tiles.total();
        let groups = GROUPS.min(total);
        let rows = self.channels[0];
        let step = Planes::new(rows, VECTORS * V::LANES).length();
        let each = step * self.panels;
        let mut sums = memory::buffer(each * groups);
        let to = SharedMut::new(&mut sums);
        tasks(groups, |group| {
            let (start, end) = share(total, groups, group);
            // SAFETY: the group's sums lie within the buffer.
            let to = unsafe { to.at(group * each) };
            V::call(Group { plan: self, range: start..end, to });
        });
        self.unfilter_all::<V>(&sums, [groups, each]);
    }

    #[inline(always)]
    fn by_blocks<V: Vector>(&self) {
        let total = self.tiles.total();
        let layout = self.layout::<V>(total);
        let mut inputs = memory::buffer(layout.inputs.length());
        let mut gradients = memory::buffer(layout.gradients.stride * SQUARE);
        self.scatter::<V>(0..total, &mut inputs, &mut gradients, layout);
        let each = BLOCK[1].div_ceil(VECTORS * V::LANES);
        let (blocks, shares) = (self.channels[0].div_ceil(BLOCK[0]), self.panels.div_ceil(each));
        tasks(blocks * shares, |task| {
            let (row, panel) = (task / shares * BLOCK[0], task % shares * each);
            V::call(Block {
                plan: self,
                factors: [&inputs, &gradients],
                inner: row..(row + BLOCK[0]).min(self.channels[0]),
                panels: panel..(panel + each).min(self.panels),
            });
        });
    }

    #[inline(always)]
    fn by_chunks<V: Vector>(&self) {
        let total = self.tiles.total();
        let chunks = total.div_ceil(self.tiles_of(CHUNK));
        let most = self.layout::<V>(total.div_ceil(chunks));
        let mut inputs = memory::buffer(most.inputs.length());
        let mut gradients = memory::buffer(most.gradients.stride * SQUARE);
        let (rows, width) = (self.channels[0], VECTORS * V::LANES);
        let step = Planes::new(rows, width).length();
        let mut sums = memory::buffer(step * self.panels);
        let to = SharedMut::new(&mut sums);
        let each = PLANE_BLOCK[1].div_ceil(width);
        let (blocks, shares) = (rows.div_ceil(PLANE_BLOCK[0]), self.panels.div_ceil(each));
        for chunk in 0..chunks {
            let (start, end) = share(total, chunks, chunk);
            let layout = self.layout::<V>(end - start);
            self.scatter::<V>(start..end, &mut inputs, &mut gradients, layout);
            tasks(SQUARE * blocks * shares, |task| {
                let (plane, block) = (task / (blocks * shares), task % (blocks * shares));
                let (row, last) = share(rows, blocks, block / shares);
                let panels = block % shares * each..(block % shares * each + each).min(self.panels);
                V::call(Multiply {
                    factors: [&inputs, &gradients],
                    layout,
                    tiles: end - start,
                    planes: plane..plane + 1,
                    inner: row..last,
                    // SAFETY: the panel's sums lie within the buffer.
                    to: unsafe { to.at(panels.start * step) },
                    panels,
                    channels: self.channels[1],
                    rows,
                    step,
                    row,
                    add: chunk > 0,
                });
            });
        }
        self.unfilter_all::<V>(&sums, [1, 0]);
    }

    pub(super) fn layout<V: Vector>(&self, tiles: usize) -> Layout {
        let inputs = Planes::new(tiles, self.channels[0].next_multiple_of(V::LANES));
        let width = self.channels[1].next_multiple_of(V::LANES).min(VECTORS * V::LANES);
        let all = Planes::new(tiles, self.panels * width);
        Layout { inputs, gradients: Planes { width, stride: all.stride }, part: tiles * width }
    }

    /// Tiles whose V and D have about `numbers` numbers.
    pub(super) fn tiles_of(&self, numbers: usize) -> usize {
        (numbers / (SQUARE * (self.channels[0] + self.channels[1]))).max(16)
    }

    /// V and D of some tiles.
    #[inline(always)]
    fn scatter<V: Vector>(
        &self,
        range: Range<usize>,
        inputs: &mut [f32],
        gradients: &mut [f32],
        layout: Layout,
    ) {
        let (inputs, gradients) = (SharedMut::new(inputs), SharedMut::new(gradients));
        let parts = range.len().div_ceil(8);
        tasks(2 * parts, |task| {
            let (first, last) = share(range.len(), parts, task / 2);
            let some = range.start + first..range.start + last;
            if task % 2 == 0 {
                V::call(self.inputs(some, range.start, inputs, layout));
            } else {
                V::call(self.gradients(some, range.start, gradients, layout));
            }
        });
    }

    #[inline(always)]
    pub(super) fn inputs(
        &self,
        range: Range<usize>,
        first: usize,
        to: SharedMut,
        layout: Layout,
    ) -> Inputs<'_> {
        // SAFETY: offset 0.
        let to = unsafe { to.at(0) };
        Inputs(Scatter {
            maps: self.images,
            tiles: self.tiles,
            range,
            first,
            to,
            planes: layout.inputs,
            part: 0,
        })
    }

    #[inline(always)]
    pub(super) fn gradients(
        &self,
        range: Range<usize>,
        first: usize,
        to: SharedMut,
        layout: Layout,
    ) -> Gradients<'_> {
        // SAFETY: offset 0.
        let to = unsafe { to.at(0) };
        let Layout { gradients: planes, part, .. } = layout;
        Gradients(Scatter {
            maps: self.gradients,
            tiles: self.tiles,
            range,
            first,
            to,
            planes,
            part,
        })
    }

    /// The gradients of all weights from the sums of `parts` groups, `part` numbers apart.
    #[inline(always)]
    fn unfilter_all<V: Vector>(&self, sums: &[f32], [parts, part]: [usize; 2]) {
        let rows = self.channels[0];
        let step = Planes::new(rows, VECTORS * V::LANES).length();
        let blocks = rows.div_ceil(8);
        tasks(blocks, |task| {
            let (row, end) = share(rows, blocks, task);
            let (from, out) = (sums.as_ptr(), self.out);
            let panels = 0..self.panels;
            V::call(Unfilter {
                from,
                rows,
                step,
                parts,
                part,
                inner: row..end,
                row,
                panels,
                out,
                channels: self.channels,
            });
        });
    }
}
