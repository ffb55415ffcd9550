//! Winograd's weight gradient: `Gᵀ[Σ V ⊙ D]G`, with V the transformed windows of the images and D the
//! transformed tiles of the output's gradients, summed over tiles by products of planes.
//!
//! Two orders of the same work:
//! - few weights: groups of tiles each have their own sums; the groups are added up at the end;
//! - else the tiles come in chunks, whose V and D are made for all; a task owns the sums of a block of
//!   input channels and one panel of output channels.

use super::filter::Unfilter;
use super::planes::{Planes, SQUARE, Tiles};
use super::scatter::{Gradients, Inputs, Maps, Scatter};
use crate::conv::outer::{Outer, Pixels};
use crate::conv::panel::{Panel, VECTORS};
use crate::conv::sized::{MOST_ROWS, balance, most_rows};
use crate::parallel::{SharedMut, share, tasks};
use crate::scratch;
use crate::simd::{Kernel, Vector};
use std::ops::Range;

/// Most weights of one tap for the first order.
const FEW_WEIGHTS: usize = 64 * 64;

/// Groups of tiles in it.
const GROUPS: usize = 8;

/// Numbers in V and D of one of its chunks (400 KiB).
const OWN: usize = 100 * 1024;

/// Numbers in V and D of a chunk of the second order (10 MiB).
const CHUNK: usize = 2560 * 1024;

/// Most input channels of a block.
const CHANNELS: usize = 64;

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
#[derive(Clone, Copy)]
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
            plan.by_groups::<V>()
        } else {
            plan.by_blocks::<V>()
        }
    }
}

/// V and D of some tiles: D as one set of planes with the panels one after another in each.
#[derive(Clone, Copy)]
struct Layout {
    inputs: Planes,
    /// Rows of one panel; `stride` is that of planes with all panels.
    gradients: Planes,
    /// Numbers of one panel in a plane of D.
    part: usize,
}

impl Plan<'_> {
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

    #[inline(always)]
    fn by_groups<V: Vector>(&self) {
        let total = self.tiles.total();
        let groups = GROUPS.min(total);
        let [channels_in, channels_out] = self.channels;
        let planes = Planes::new(channels_in, VECTORS * V::LANES);
        let each = planes.length() * self.panels;
        let mut sums = scratch::shared(each * groups);
        let to = SharedMut::new(&mut sums);
        tasks(groups, |group| {
            let (start, end) = share(total, groups, group);
            // SAFETY: the group's sums lie within the buffer.
            let to = unsafe { to.at(group * each) };
            V::call(Group { plan: self, range: start..end, to });
        });
        let blocks = channels_in.div_ceil(8);
        tasks(self.panels * blocks, |task| {
            let panel = task / blocks;
            let (start, end) = share(channels_in, blocks, task % blocks);
            let offset = panel * planes.length();
            let panel = Panel::of::<V>(channels_out, panel);
            V::call(self.unfilter::<V>(
                &sums[offset..],
                channels_in,
                (groups, each),
                start..end,
                start,
                panel,
            ));
        });
    }

    #[inline(always)]
    fn by_blocks<V: Vector>(&self) {
        let total = self.tiles.total();
        let chunks = total.div_ceil(self.tiles_of(CHUNK));
        let most = total.div_ceil(chunks);
        let mut inputs = scratch::shared(self.layout::<V>(most).inputs.length());
        let mut gradients = scratch::shared(self.layout::<V>(most).gradients.stride * SQUARE);
        let [channels_in, channels_out] = self.channels;
        let blocks = channels_in.div_ceil(CHANNELS);
        let each = Planes::new(CHANNELS, VECTORS * V::LANES).length();
        let mut sums = scratch::shared(if chunks > 1 { each * blocks * self.panels } else { 0 });
        let to = SharedMut::new(&mut sums);
        for chunk in 0..chunks {
            let (start, end) = share(total, chunks, chunk);
            let layout = self.layout::<V>(end - start);
            let (to_inputs, to_gradients) =
                (SharedMut::new(&mut inputs), SharedMut::new(&mut gradients));
            let parts = (end - start).div_ceil(8);
            tasks(2 * parts, |task| {
                let (first, last) = share(end - start, parts, task / 2);
                let range = start + first..start + last;
                if task % 2 == 0 {
                    V::call(self.inputs(range, start, to_inputs, layout));
                } else {
                    V::call(self.gradients(range, start, to_gradients, layout));
                }
            });
            tasks(blocks * self.panels, |task| {
                let (first, last) = share(channels_in, blocks, task / self.panels);
                V::call(Block {
                    plan: self,
                    factors: [&inputs, &gradients],
                    tiles: end - start,
                    inner: first..last,
                    panel: Panel::of::<V>(channels_out, task % self.panels),
                    // SAFETY: the task's sums lie within the buffer.
                    sums: (chunks > 1).then(|| unsafe { to.at(task * each) }),
                    add: chunk > 0,
                    is_last: chunk + 1 == chunks,
                });
            });
        }
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

    /// The transform of sums for `rows` input channels back to weights.
    #[inline(always)]
    fn unfilter<V: Vector>(
        &self,
        from: &[f32],
        rows: usize,
        (parts, part): (usize, usize),
        inner: Range<usize>,
        row: usize,
        panel: Panel,
    ) -> Unfilter {
        let planes = Planes::new(rows, panel.width::<V>());
        // SAFETY: offset 0.
        let out = unsafe { self.out.at(0) };
        Unfilter {
            from: from.as_ptr(),
            planes,
            parts,
            part,
            inner,
            row,
            panel,
            out,
            channels: self.channels,
        }
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
        let [channels_in, channels_out] = plan.channels;
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
            for panel in 0..plan.panels {
                let to = self
                    .to
                    .wrapping_add(panel * Planes::new(channels_in, VECTORS * V::LANES).length());
                let factors = [&inputs[..], &gradients[panel * layout.part..]];
                let panel = Panel::of::<V>(channels_out, panel);
                // SAFETY: V and D hold the chunk; the sums are this task's.
                unsafe {
                    multiply::<V>(
                        factors,
                        layout,
                        end - start,
                        0..channels_in,
                        panel,
                        to,
                        chunk > 0,
                    )
                };
            }
        }
    }
}

/// The sums of a chunk for a block of input channels and one panel.
struct Block<'a> {
    plan: &'a Plan<'a>,
    /// V and D.
    factors: [&'a [f32]; 2],
    tiles: usize,
    inner: Range<usize>,
    panel: Panel,
    /// Where the sums are kept from chunk to chunk, if there are several.
    sums: Option<*mut f32>,
    add: bool,
    is_last: bool,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let (plan, panel, rows) = (self.plan, self.panel, self.inner.len());
        let layout = plan.layout::<V>(self.tiles);
        let planes = Planes::new(rows, panel.width::<V>());
        let mut own = scratch::local(if self.sums.is_some() { 0 } else { planes.length() });
        let to = self.sums.unwrap_or(own.as_mut_ptr());
        let factors = [
            self.factors[0],
            &self.factors[1][panel.start / layout.gradients.width * layout.part..],
        ];
        // SAFETY: V and D hold the chunk; the sums are this task's.
        let sums = unsafe {
            multiply::<V>(factors, layout, self.tiles, self.inner.clone(), panel, to, self.add);
            std::slice::from_raw_parts(to, planes.length())
        };
        if self.is_last {
            V::call(plan.unfilter::<V>(sums, rows, (1, 0), self.inner.clone(), 0, panel));
        }
    }
}

/// `to[plane][i][channel] (+)= Σ V[plane][tile][inner + i] · D[plane][tile][channel]`.
///
/// # Safety
/// V and D are laid out for `tiles` tiles; `to` holds planes for `inner`, written by no other task.
#[inline(always)]
unsafe fn multiply<V: Vector>(
    factors: [&[f32]; 2],
    layout: Layout,
    tiles: usize,
    inner: Range<usize>,
    panel: Panel,
    to: *mut f32,
    add: bool,
) {
    let width = panel.width::<V>();
    let planes = Planes::new(inner.len(), width);
    let full = Panel { count: width, ..panel };
    for plane in 0..SQUARE {
        let mut source = factors[0][plane * layout.inputs.stride + inner.start..].as_ptr();
        let gradient = factors[1][plane * layout.gradients.stride..].as_ptr();
        let mut out = to.wrapping_add(plane * planes.stride);
        for (blocks, rows) in balance(inner.len(), most_rows::<V>(panel.vectors)) {
            for _ in 0..blocks {
                let mut pointers = [out; MOST_ROWS];
                for (row, pointer) in pointers.iter_mut().enumerate().take(rows) {
                    *pointer = out.wrapping_add(row * width);
                }
                let pixels = Pixels { count: [tiles, 1, 1], steps: [layout.inputs.width, 0, 0] };
                let gradient_step = layout.gradients.width;
                // SAFETY: the caller's.
                unsafe {
                    Outer {
                        source,
                        pixels,
                        gradient,
                        gradient_step,
                        rows: &pointers[..rows],
                        panel: full,
                        add,
                    }
                    .run::<V>()
                };
                source = source.wrapping_add(rows);
                out = out.wrapping_add(rows * width);
            }
        }
    }
}
