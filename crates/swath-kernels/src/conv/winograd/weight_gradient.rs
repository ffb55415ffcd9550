//! Winograd's weight gradient: `Gᵀ[Σ V ⊙ D]G`, with V the transformed windows of the images and D the
//! transformed tiles of the output's gradients, summed over tiles by products of planes.
//!
//! Two orders of the same work:
//! - few weights: groups of tiles each have their own sums; the groups are added up at the end;
//! - else the tiles come in chunks, whose V and D are made for all; a task owns the sums of a block of
//!   input and output channels.

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

/// Input and output channels of a block in it: sums of 216 KiB.
const BLOCK: [usize; 2] = [24, 64];

/// Numbers of V that are multiplied at a time (16 KiB): they stay in the first-level cache.
const SLICE: usize = 4096;

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
        let channels_in = self.channels[0];
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
        let step = planes.length();
        tasks(blocks, |task| {
            let (row, end) = share(channels_in, blocks, task);
            // SAFETY: offset 0.
            let out = unsafe { self.out.at(0) };
            V::call(Unfilter {
                from: sums.as_ptr(),
                rows: channels_in,
                step,
                parts: groups,
                part: each,
                inner: row..end,
                row,
                panels: 0..self.panels,
                out,
                channels: self.channels,
            });
        });
    }

    #[inline(always)]
    fn by_blocks<V: Vector>(&self) {
        let total = self.tiles.total();
        let chunks = total.div_ceil(self.tiles_of(CHUNK));
        let most = total.div_ceil(chunks);
        let mut inputs = scratch::shared(self.layout::<V>(most).inputs.length());
        let mut gradients = scratch::shared(self.layout::<V>(most).gradients.stride * SQUARE);
        let width = VECTORS * V::LANES;
        let panels_each = BLOCK[1].div_ceil(width);
        let (blocks, shares) =
            (self.channels[0].div_ceil(BLOCK[0]), self.panels.div_ceil(panels_each));
        let each = Planes::new(BLOCK[0], width).length() * panels_each;
        let mut sums = scratch::shared(if chunks > 1 { each * blocks * shares } else { 0 });
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
            tasks(blocks * shares, |task| {
                let (row, panel) = (task / shares * BLOCK[0], task % shares * panels_each);
                V::call(Block {
                    plan: self,
                    factors: [&inputs, &gradients],
                    tiles: end - start,
                    inner: row..(row + BLOCK[0]).min(self.channels[0]),
                    panels: panel..(panel + panels_each).min(self.panels),
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

/// The sums of a chunk for a block of input and output channels.
struct Block<'a> {
    plan: &'a Plan<'a>,
    /// V and D.
    factors: [&'a [f32]; 2],
    tiles: usize,
    inner: Range<usize>,
    panels: Range<usize>,
    /// Where the sums are kept from chunk to chunk, if there are several.
    sums: Option<*mut f32>,
    add: bool,
    is_last: bool,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Block { plan, factors, inner, panels, .. } = self;
        let layout = plan.layout::<V>(self.tiles);
        let rows = inner.len();
        let step = Planes::new(rows, VECTORS * V::LANES).length();
        let mut own = scratch::local(if self.sums.is_some() { 0 } else { step * panels.len() });
        let to = self.sums.unwrap_or(own.as_mut_ptr());
        for (set, panel) in panels.clone().enumerate() {
            let factors = [factors[0], &factors[1][panel * layout.part..]];
            let panel = Panel::of::<V>(plan.channels[1], panel);
            let to = to.wrapping_add(set * step);
            // SAFETY: V and D hold the chunk; the sums are this task's.
            unsafe {
                multiply::<V>(factors, layout, self.tiles, inner.clone(), panel, to, self.add)
            };
        }
        if self.is_last {
            // SAFETY: offset 0.
            let out = unsafe { plan.out.at(0) };
            let channels = plan.channels;
            V::call(Unfilter {
                from: to,
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
    let slices = tiles.div_ceil((SLICE / inner.len()).max(16));
    for plane in 0..SQUARE {
        let source = factors[0][plane * layout.inputs.stride + inner.start..].as_ptr();
        let gradient = factors[1][plane * layout.gradients.stride..].as_ptr();
        for slice in 0..slices {
            let (start, end) = share(tiles, slices, slice);
            let mut source = source.wrapping_add(start * layout.inputs.width);
            let gradient = gradient.wrapping_add(start * layout.gradients.width);
            let mut out = to.wrapping_add(plane * planes.stride);
            let pixels = Pixels { count: [end - start, 1, 1], steps: [layout.inputs.width, 0, 0] };
            let gradient_step = layout.gradients.width;
            let add = add || slice > 0;
            for (blocks, rows) in balance(inner.len(), most_rows::<V>(panel.vectors)) {
                for _ in 0..blocks {
                    let mut pointers = [out; MOST_ROWS];
                    for (row, pointer) in pointers.iter_mut().enumerate().take(rows) {
                        *pointer = out.wrapping_add(row * width);
                    }
                    let rows = &pointers[..rows];
                    // SAFETY: the caller's.
                    unsafe {
                        Outer { source, pixels, gradient, gradient_step, rows, panel: full, add }
                            .run::<V>()
                    };
                    source = source.wrapping_add(rows.len());
                    out = out.wrapping_add(rows.len() * width);
                }
            }
        }
    }
}
