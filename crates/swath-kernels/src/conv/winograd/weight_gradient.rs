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
use super::unfilter::Unfilter;
use crate::conv::panel::{Panel, VECTORS};
use crate::parallel::{SharedMut, share, tasks};
use crate::scratch;
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Most weights of one tap for the first order.
const FEW_WEIGHTS: usize = 2048;

/// Groups of tiles in it.
const GROUPS: usize = 8;

/// Numbers in V and D of a chunk in it (400 KiB).
const OWN: usize = 100 * 1024;

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
struct Plan<'a> {
    images: Maps<'a>,
    gradients: Maps<'a>,
    tiles: Tiles,
    channels: [usize; 2],
    panels: usize,
    out: SharedMut,
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
        let mut sums = scratch::shared(each * groups);
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
        let mut inputs = scratch::shared(layout.inputs.length());
        let mut gradients = scratch::shared(layout.gradients.stride * SQUARE);
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
        let mut inputs = scratch::shared(most.inputs.length());
        let mut gradients = scratch::shared(most.gradients.stride * SQUARE);
        let (rows, width) = (self.channels[0], VECTORS * V::LANES);
        let step = Planes::new(rows, width).length();
        let mut sums = scratch::shared(step * self.panels);
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
                let sums = panels.start * step
                    + row * Panel::of::<V>(self.channels[1], panels.start).width::<V>();
                V::call(Multiply {
                    factors: [&inputs, &gradients],
                    layout,
                    tiles: end - start,
                    planes: plane..plane + 1,
                    inner: row..last,
                    panels,
                    channels: self.channels[1],
                    // SAFETY: the block's sums lie within the buffer.
                    to: unsafe { to.at(sums) },
                    rows,
                    step,
                    add: chunk > 0,
                });
            });
        }
        self.unfilter_all::<V>(&sums, [1, 0]);
    }

    fn layout<V: Vector>(&self, tiles: usize) -> Layout {
        let inputs = Planes::new(tiles, self.channels[0].next_multiple_of(V::LANES));
        let width = self.channels[1].next_multiple_of(V::LANES).min(VECTORS * V::LANES);
        let all = Planes::new(tiles, self.panels * width);
        Layout { inputs, gradients: Planes { width, stride: all.stride }, part: tiles * width }
    }

    /// Tiles whose V and D have about `numbers` numbers.
    fn tiles_of(&self, numbers: usize) -> usize {
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
    fn inputs(
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
    fn gradients(
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

/// The sums of a group of tiles for all weights.
struct Group<'a> {
    plan: &'a Plan<'a>,
    range: Range<usize>,
    to: *mut f32,
}

impl Kernel for Group<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let plan = self.plan;
        let [rows, channels] = plan.channels;
        let chunks = self.range.len().div_ceil(plan.tiles_of(OWN));
        let most = plan.layout::<V>(self.range.len().div_ceil(chunks));
        let mut inputs = scratch::local(most.inputs.length());
        let mut gradients = scratch::local(most.gradients.stride * SQUARE);
        for chunk in 0..chunks {
            let (start, end) = share(self.range.len(), chunks, chunk);
            let layout = plan.layout::<V>(end - start);
            let range = self.range.start + start..self.range.start + end;
            V::call(plan.inputs(range.clone(), range.start, SharedMut::new(&mut inputs), layout));
            V::call(plan.gradients(
                range.clone(),
                range.start,
                SharedMut::new(&mut gradients),
                layout,
            ));
            V::call(Multiply {
                factors: [&inputs, &gradients],
                layout,
                tiles: end - start,
                planes: 0..SQUARE,
                inner: 0..rows,
                panels: 0..plan.panels,
                channels,
                to: self.to,
                rows,
                step: Planes::new(rows, VECTORS * V::LANES).length(),
                add: chunk > 0,
            });
        }
    }
}

/// All tiles for a block of input and output channels.
struct Block<'a> {
    plan: &'a Plan<'a>,
    /// V and D.
    factors: [&'a [f32]; 2],
    inner: Range<usize>,
    panels: Range<usize>,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Block { plan, factors, inner, panels } = self;
        let (rows, tiles, channels) = (inner.len(), plan.tiles.total(), plan.channels);
        let step = Planes::new(rows, VECTORS * V::LANES).length();
        let mut sums = scratch::local(step * panels.len());
        V::call(Multiply {
            factors,
            layout: plan.layout::<V>(tiles),
            tiles,
            planes: 0..SQUARE,
            inner: inner.clone(),
            panels: panels.clone(),
            channels: channels[1],
            to: sums.as_mut_ptr(),
            rows,
            step,
            add: false,
        });
        let (from, out) = (sums.as_ptr(), plan.out);
        V::call(Unfilter {
            from,
            rows,
            step,
            parts: 1,
            part: 0,
            inner,
            row: 0,
            panels,
            out,
            channels,
        });
    }
}
