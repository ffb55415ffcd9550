//! The direct weight gradient: `Σ image[pixel + tap][in] · gradient[pixel][out]` over all pixels.
//!
//! A task owns a block of input channels and one panel of output channels, so that no sums are shared.
//! Where that gives few tasks, the pixels are cut into groups as well and the groups' sums are added in
//! a fixed order.

use super::chunk::Chunks;
use super::outer::{Outer, Pixels};
use super::panel::{Panel, VECTORS};
use super::reach::{Reach, Run};
use super::sized::{MOST_ROWS, balance, most_rows};
use crate::parallel::{SharedMut, parts, share, tasks};
use crate::simd::{Kernel, Vector};
use crate::{memory, scratch};
use std::ops::Range;

/// Most input channels of a block.
const CHANNELS: usize = 64;

/// Pixels in a chunk.
const PIXELS: usize = 256;

/// Groups of pixels where the weights are few (512 KiB) or give few tasks.
const GROUPS: usize = 8;
const FEW_WEIGHTS: usize = 128 * 1024;
const FEW_TASKS: usize = 8;

/// Tasks to aim for: each copies its images once, for all its panels.
const TASKS: usize = 16;

/// The gradient of the weights `[tap, channel in, channel out]`.
pub(super) struct WeightGradient<'a> {
    pub batch: usize,
    pub images: &'a [f32],
    pub gradient: &'a [f32],
    /// Channels in and out.
    pub channels: [usize; 2],
    pub kernel_cols: usize,
    pub reach: Reach,
    pub out: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let [channels_in, channels_out] = self.channels;
        let length = self.out.len();
        if self.reach.taps.iter().map(Vec::len).product::<usize>() * channels_in * channels_out
            < length
        {
            // Taps that read nothing but padding are left out below.
            self.out.fill(0.0);
        }
        let (blocks, panels) = (channels_in.div_ceil(CHANNELS), Panel::number::<V>(channels_out));
        let chunks = Chunks::new(self.batch, self.reach.points, PIXELS);
        let few = length <= FEW_WEIGHTS || blocks * panels < FEW_TASKS;
        let groups = if few { GROUPS.min(chunks.number()) } else { 1 };
        let shares = TASKS.div_ceil(groups * blocks).min(panels);
        let mut sums = memory::buffer(if groups > 1 { groups * length } else { 0 });
        let to = if groups > 1 { SharedMut::new(&mut sums) } else { SharedMut::new(self.out) };
        tasks(groups * blocks * shares, |task| {
            let (group, block) = (task / (blocks * shares), task / shares % blocks);
            let (left, right) = share(panels, shares, task % shares);
            let (start, end) = share(channels_in, blocks, block);
            let (first, last) = share(chunks.number(), groups, group);
            V::call(Task {
                plan: &self,
                chunks: &chunks,
                some: first..last,
                block: start..end,
                panels: left..right,
                // SAFETY: the group's sums lie within the buffer.
                out: unsafe { to.at(group * length) },
            });
        });
        if groups > 1 {
            let reach = &self.reach;
            parts(self.out, channels_in * channels_out, |tap, out| {
                let kernel = [tap / self.kernel_cols, tap % self.kernel_cols];
                if (0..2).all(|axis| reach.taps[axis].iter().any(|tap| tap.kernel == kernel[axis]))
                {
                    add_groups(&sums, length, tap * out.len(), out);
                }
            });
        }
    }
}

/// Adds the groups' sums for the weights from `start` on, pairwise in a fixed order.
fn add_groups(sums: &[f32], length: usize, start: usize, out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate() {
        let mut values = [0.0; GROUPS];
        for (value, group) in values.iter_mut().zip(sums.chunks_exact(length)) {
            *value = group[start + i];
        }
        let [a, b, c, d, e, f, g, h] = values;
        *out = ((a + b) + (c + d)) + ((e + f) + (g + h));
    }
}

/// The sums of some chunks for a block of input channels and some panels of output channels.
struct Task<'a> {
    plan: &'a WeightGradient<'a>,
    chunks: &'a Chunks,
    some: Range<usize>,
    block: Range<usize>,
    panels: Range<usize>,
    out: *mut f32,
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let reach = &self.plan.reach;
        let width = self.block.len();
        let cols = reach.extent(1, reach.points[1]);
        let runs = reach.runs(cols, width);
        for index in self.some.clone() {
            let chunk = self.chunks.get(index);
            let mut copy = scratch::local(chunk.copy_length(reach, width));
            let channels = self.plan.channels[0];
            chunk.copy(reach, self.plan.images, channels, self.block.clone(), &mut copy);
            let mut gradient = scratch::local(chunk.points(reach) * VECTORS * V::LANES);
            let start = (chunk.images.start * reach.points[0] + chunk.rows.start) * reach.points[1];
            let rows = reach.extent(0, chunk.rows.len());
            let pixels = Pixels {
                count: [reach.points[1], chunk.rows.len(), chunk.images.len()],
                steps: [reach.stride[1], reach.stride[0] * cols, rows * cols]
                    .map(|pixels| pixels * width),
            };
            for panel in self.panels.clone() {
                let panel = Panel::of::<V>(self.plan.channels[1], panel);
                self.pack::<V>(start, chunk.points(reach), panel, &mut gradient);
                for run in &runs {
                    self.multiply::<V>(
                        run,
                        &copy,
                        pixels,
                        panel,
                        &gradient,
                        index > self.some.start,
                    );
                }
            }
        }
    }
}

impl Task<'_> {
    /// Copies the panel's channels of the gradients from pixel `start` on, zeros behind them.
    #[inline(always)]
    fn pack<V: Vector>(&self, start: usize, pixels: usize, panel: Panel, to: &mut [f32]) {
        let channels = self.plan.channels[1];
        let from =
            self.plan.gradient[start * channels..][..pixels * channels].chunks_exact(channels);
        for (from, to) in from.zip(to.chunks_exact_mut(panel.width::<V>())) {
            panel.copy::<V>(from, to);
        }
    }

    #[inline(always)]
    fn multiply<V: Vector>(
        &self,
        run: &Run,
        copy: &[f32],
        pixels: Pixels,
        panel: Panel,
        gradient: &[f32],
        add: bool,
    ) {
        let plan = self.plan;
        let [channels_in, channels_out] = plan.channels;
        let width = self.block.len();
        let [row_taps, col_taps] = &plan.reach.taps;
        let mut start = 0;
        for (blocks, rows) in balance(run.length, most_rows::<V>(panel.vectors)) {
            for _ in 0..blocks {
                let mut to = [std::ptr::null_mut(); MOST_ROWS];
                for (row, to) in to.iter_mut().enumerate().take(rows) {
                    let (col, channel) = ((start + row) / width, (start + row) % width);
                    let tap = row_taps[run.row].kernel * plan.kernel_cols
                        + col_taps[run.col + col].kernel;
                    let weight = tap * channels_in + self.block.start + channel;
                    *to = self.out.wrapping_add(weight * channels_out + panel.start);
                }
                let source = copy[run.offset + start..].as_ptr();
                let (gradient, gradient_step) = (gradient.as_ptr(), panel.width::<V>());
                let work = Outer {
                    source,
                    pixels,
                    gradient,
                    gradient_step,
                    rows: &to[..rows],
                    panel,
                    add,
                };
                // SAFETY: copy and gradient hold the chunk; the rows are this task's weights.
                unsafe { work.run::<V>() };
                start += rows;
            }
        }
    }
}
