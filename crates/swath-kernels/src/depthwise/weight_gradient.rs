//! The gradient of the weights of a depthwise convolution.

use super::{
    DepthwiseConv,
    runs::{Run, Taps},
};
use crate::{
    memory, parallel,
    simd::{Kernel, Vector, dispatch},
    sweep::{All, First, Lanes},
};

/// Pixels whose gradients stay in registers.
const PIXELS: usize = 8;

/// Values of a task.
const VALUES: usize = 32768;

/// Values of a task for each of its sums, so that these are few beside them.
const VALUES_PER_SUM: usize = 16;

/// Tasks at least, where there are that many lines.
const MIN_TASKS: usize = 16;

pub(super) fn weight_gradient(
    conv: &DepthwiseConv,
    images: &[f32],
    gradient: &[f32],
    out: &mut [f32],
) {
    let [rows, cols] = conv.axes().map(|axis| axis.forward());
    let n_lines = conv.batch * rows.targets;
    let n_line = cols.targets * conv.channels;
    let lines = (VALUES.max(VALUES_PER_SUM * out.len()) / n_line).max(1);
    let lines = lines.min(n_lines.div_ceil(MIN_TASKS));
    let n_tasks = n_lines.div_ceil(lines);
    let n_sums = out.len();
    let mut sums = memory::buffer(n_tasks * n_sums);
    let n_image = rows.sources * cols.sources * conv.channels;
    parallel::parts(&mut sums, n_sums, |task, sums| {
        sums.fill(0.0);
        for line in task * lines..n_lines.min((task + 1) * lines) {
            let (image, row) = (line / rows.targets, line % rows.targets);
            dispatch(Line {
                image: &images[image * n_image..(image + 1) * n_image],
                gradient: &gradient[line * n_line..(line + 1) * n_line],
                channels: conv.channels,
                rows: rows.of(row),
                cols: &cols,
                sums,
            });
        }
    });
    for (index, out) in out.iter_mut().enumerate() {
        let of_tasks = sums.iter().skip(index).step_by(n_sums);
        *out = of_tasks.map(|&it| f64::from(it)).sum::<f64>() as f32;
    }
}

/// What one line of the output adds to the sums.
struct Line<'a> {
    image: &'a [f32],
    gradient: &'a [f32],
    channels: usize,
    rows: &'a [(usize, usize)],
    cols: &'a Taps,
    sums: &'a mut [f32],
}

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let cols = self.cols;
        for run in &cols.runs {
            let mut pixel = 0;
            while pixel + PIXELS <= run.count {
                self.pixels::<V, PIXELS>(run, pixel);
                pixel += PIXELS;
            }
            for part in [4, 2, 1] {
                if (run.count - pixel) & part == 0 {
                    continue;
                }
                match part {
                    4 => self.pixels::<V, 4>(run, pixel),
                    2 => self.pixels::<V, 2>(run, pixel),
                    _ => self.pixels::<V, 1>(run, pixel),
                }
                pixel += part;
            }
        }
    }
}

impl Line<'_> {
    #[inline(always)]
    fn pixels<V: Vector, const P: usize>(&mut self, run: &Run, pixel: usize) {
        let mut channel = 0;
        // SAFETY: the channels are within the pixels.
        unsafe {
            while channel + V::LANES <= self.channels {
                self.vector::<V, P, _>(run, pixel, channel, All);
                channel += V::LANES;
            }
            if channel < self.channels {
                self.vector::<V, P, _>(run, pixel, channel, First(self.channels - channel));
            }
        }
    }

    /// # Safety
    /// The lanes from `channel` on are within the pixels.
    #[inline(always)]
    unsafe fn vector<V: Vector, const P: usize, L: Lanes>(
        &mut self,
        run: &Run,
        pixel: usize,
        channel: usize,
        lanes: L,
    ) {
        let channels = self.channels;
        let mut gradient = [V::zero(); P];
        let to = (run.first + pixel * run.step) * channels + channel;
        let step = run.source_step * channels;
        // SAFETY: the taps were made for the pixels of the run; sums are as many as weights.
        unsafe {
            for (index, gradient) in gradient.iter_mut().enumerate() {
                let at = to + index * run.step * channels;
                *gradient = lanes.load(self.gradient.as_ptr().add(at));
            }
            for &(row_element, row) in self.rows {
                for &(col_element, col) in &run.taps {
                    let from = row * self.cols.sources + col + pixel * run.source_step;
                    // A pointer that walks: multiples of the step would need a register each.
                    let mut from = self.image.as_ptr().add(from * channels + channel);
                    let mut sum = V::zero();
                    for gradient in gradient {
                        sum = lanes.load::<V>(from).mul_add(gradient, sum);
                        from = from.wrapping_add(step);
                    }
                    let element = row_element * self.cols.kernel + col_element;
                    let to = self.sums.as_mut_ptr().add(element * channels + channel);
                    lanes.store(to, lanes.load::<V>(to).add(sum));
                }
            }
        }
    }
}
