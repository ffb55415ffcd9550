//! One row of the result of a depthwise convolution.

use super::runs::{Run, Taps};
use crate::{
    Epilogue,
    finish::finish,
    simd::{Kernel, Vector},
    sweep::{All, First, Lanes},
};

/// Pixels that share the load of a weight.
const PIXELS: usize = 4;

pub(super) struct Line<'a> {
    /// One image.
    pub from: &'a [f32],
    pub weights: &'a [f32],
    pub channels: usize,
    /// Elements of the kernel and rows of the image.
    pub rows: &'a [(usize, usize)],
    pub cols: &'a Taps,
    pub epilogue: Epilogue<'a>,
    /// Where the line begins in the whole output.
    pub first: usize,
    pub out: &'a mut [f32],
}

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let cols = self.cols;
        // Offsets of weights and of pixels.
        let mut taps: Vec<(usize, usize)> = Vec::new();
        for run in &cols.runs {
            taps.clear();
            for &(row_element, row) in self.rows {
                for &(col_element, col) in &run.taps {
                    let element = row_element * cols.kernel + col_element;
                    let pixel = row * cols.sources + col;
                    taps.push((element * self.channels, pixel * self.channels));
                }
            }
            let mut pixel = 0;
            while pixel + PIXELS <= run.count {
                self.pixels::<V, PIXELS>(run, pixel, &taps);
                pixel += PIXELS;
            }
            if (run.count - pixel) & 2 != 0 {
                self.pixels::<V, 2>(run, pixel, &taps);
                pixel += 2;
            }
            if pixel < run.count {
                self.pixels::<V, 1>(run, pixel, &taps);
            }
        }
        finish::<V>(&self.epilogue, self.first, self.channels, self.out);
    }
}

impl Line<'_> {
    /// `P` pixels of the run.
    #[inline(always)]
    fn pixels<V: Vector, const P: usize>(
        &mut self,
        run: &Run,
        pixel: usize,
        taps: &[(usize, usize)],
    ) {
        let channels = self.channels;
        let (step, source_step) = (run.step * channels, run.source_step * channels);
        let to = run.first * channels + pixel * step;
        assert!(to + (P - 1) * step + channels <= self.out.len());
        let from = pixel * source_step;
        // SAFETY: the pixels are within the line; the taps were made for them.
        unsafe {
            let to = self.out.as_mut_ptr().add(to);
            let from = self.from.as_ptr().add(from);
            let weights = self.weights.as_ptr();
            let mut channel = 0;
            while channel + V::LANES <= channels {
                let at = (weights.add(channel), from.add(channel), to.add(channel));
                sum::<V, P, _>(at, taps, source_step, step, All);
                channel += V::LANES;
            }
            if channel < channels {
                let at = (weights.add(channel), from.add(channel), to.add(channel));
                sum::<V, P, _>(at, taps, source_step, step, First(channels - channel));
            }
        }
    }
}

/// Sums over the taps of `P` pixels, for one vector of channels.
///
/// # Safety
/// The lanes of all taps are readable, those of all pixels writable.
#[inline(always)]
unsafe fn sum<V: Vector, const P: usize, L: Lanes>(
    (weights, from, to): (*const f32, *const f32, *mut f32),
    taps: &[(usize, usize)],
    source_step: usize,
    step: usize,
    lanes: L,
) {
    let mut sums = [V::zero(); P];
    // SAFETY: the caller's.
    unsafe {
        for &(weight, source) in taps {
            let weight: V = lanes.load(weights.add(weight));
            // A pointer that walks: multiples of the step would need a register each.
            let mut from = from.add(source);
            for sum in &mut sums {
                *sum = lanes.load::<V>(from).mul_add(weight, *sum);
                from = from.wrapping_add(source_step);
            }
        }
        for (pixel, sum) in sums.into_iter().enumerate() {
            lanes.store(to.add(pixel * step), sum);
        }
    }
}
