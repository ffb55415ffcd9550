//! The direct convolution: sums of products in registers, without a matrix of windows.
//!
//! A task takes a chunk of results. What it reads is copied once with its padding (unless no result
//! reads padding), so that the inner loop has no cases: each kernel row is one run of numbers.

use super::Epilogue;
use super::block::Site;
use super::chunk::Chunks;
use super::panel::{Panel, Weights};
use super::reach::{Reach, Run};
use crate::parallel::{SharedMut, share, tasks};
use crate::simd::{Kernel, Vector};
use crate::{memory, scratch};

/// Numbers that a task's copy of the images should have: 128 KiB, a quarter of a usual second-level cache.
const COPY: usize = 32 * 1024;

/// Results in a chunk.
const RESULTS: std::ops::RangeInclusive<usize> = 128..=2048;

/// Tasks to aim for where the shape has few chunks.
const TASKS: usize = 16;

/// A convolution of `images` as [`Reach`] says, written to some rows and columns of `out`.
pub(super) struct Direct<'a> {
    pub batch: usize,
    /// `[batch, row, col, channel]`, of the reach's size.
    pub images: &'a [f32],
    pub weights: Weights<'a>,
    /// Columns of the kernel.
    pub kernel_cols: usize,
    pub reach: Reach,
    /// `[batch, row, col, channel]`.
    pub out: SharedMut,
    /// Rows and columns of `out`.
    pub out_size: [usize; 2],
    /// Row and column of `out` for the first result, and from one result to the next.
    pub out_first: [usize; 2],
    pub out_step: [usize; 2],
    pub epilogue: Epilogue<'a>,
}

impl Kernel for Direct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let (inner, outer) = (self.weights.inner(), self.weights.outer());
        let taps = self.reach.taps[0].len() * self.reach.taps[1].len();
        let panels = Panel::number::<V>(outer);
        let full = Panel::of::<V>(outer, 0).width::<V>() * taps * inner;
        let mut packed = memory::buffer(full * panels);
        crate::parallel::parts(&mut packed, full, |panel, to| {
            V::call(Pack { plan: &self, panel: Panel::of::<V>(outer, panel), to });
        });
        let [down, right] = self.reach.stride;
        let target = (COPY / (inner * down * right)).clamp(*RESULTS.start(), *RESULTS.end());
        let chunks = Chunks::new(self.batch, self.reach.points, target);
        let groups = TASKS.div_ceil(chunks.number()).min(panels);
        let inside = self.reach.is_inside();
        let cols =
            if inside { self.reach.size[1] } else { self.reach.extent(1, self.reach.points[1]) };
        let runs = self.reach.runs(cols, inner);
        tasks(chunks.number() * groups, |task| {
            let (first, end) = share(panels, groups, task % groups);
            let chunks = (&chunks, task / groups);
            V::call(Task {
                plan: &self,
                chunks,
                panels: first..end,
                packed: &packed,
                runs: &runs,
                inside,
                cols,
            });
        });
    }
}

/// Packs the weights of one panel: `[tap, channel, panel width]`.
struct Pack<'a> {
    plan: &'a Direct<'a>,
    panel: Panel,
    to: &'a mut [f32],
}

impl Kernel for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let weights = &self.plan.weights;
        let [rows, cols] = &self.plan.reach.taps;
        let length = weights.inner() * self.panel.width::<V>();
        let mut to = self.to.chunks_exact_mut(length);
        for row in rows {
            for (col, to) in cols.iter().zip(&mut to) {
                let tap = row.kernel * self.plan.kernel_cols + col.kernel;
                weights.pack::<V>(tap, 0..weights.inner(), self.panel, to);
            }
        }
    }
}

/// One chunk of results for some panels.
struct Task<'a> {
    plan: &'a Direct<'a>,
    chunks: (&'a Chunks, usize),
    panels: std::ops::Range<usize>,
    packed: &'a [f32],
    runs: &'a [Run],
    /// Whether the images are read in place, and the columns of what is read.
    inside: bool,
    cols: usize,
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let plan = self.plan;
        let (reach, channels, outer) = (&plan.reach, plan.weights.inner(), plan.weights.outer());
        let chunk = self.chunks.0.get(self.chunks.1);
        let mut copy =
            scratch::local(if self.inside { 0 } else { chunk.copy_length(reach, channels) });
        let [down, right] = reach.stride;
        let (source, rows) = if self.inside {
            let row = (chunk.rows.start * down).wrapping_add_signed(reach.first(0));
            let row = chunk.images.start * reach.size[0] + row;
            let first = (row * self.cols).wrapping_add_signed(reach.first(1)) * channels;
            (plan.images[first..].as_ptr(), reach.size[0])
        } else {
            chunk.copy(reach, plan.images, channels, 0..channels, &mut copy);
            (copy.as_ptr(), reach.extent(0, chunk.rows.len()))
        };
        let [out_rows, out_cols] = plan.out_size;
        let row =
            chunk.images.start * out_rows + plan.out_first[0] + chunk.rows.start * plan.out_step[0];
        let site = Site {
            source,
            source_steps: [right, down * self.cols, rows * self.cols]
                .map(|pixels| pixels * channels),
            runs: self.runs,
            // SAFETY: offset 0.
            out: unsafe { plan.out.at(0) },
            place: (row * out_cols + plan.out_first[1]) * outer,
            place_steps: [plan.out_step[1], plan.out_step[0] * out_cols, out_rows * out_cols]
                .map(|pixels| pixels * outer),
            points: [reach.points[1], chunk.rows.len()],
            epilogue: plan.epilogue,
        };
        let taps = reach.taps[0].len() * reach.taps[1].len();
        for panel in self.panels.clone() {
            let panel = Panel::of::<V>(outer, panel);
            let weights = &self.packed[panel.start * taps * channels..];
            // SAFETY: the site describes this chunk; its results are this task's alone.
            unsafe { site.run::<V>(&chunk, reach, panel, weights) };
        }
    }
}
