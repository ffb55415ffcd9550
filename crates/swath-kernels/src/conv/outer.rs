//! The innermost loop of weight gradients: outer products of image numbers and gradients, summed over
//! pixels in registers.

use super::panel::Panel;
use super::sized::sized;
use crate::simd::{Kernel, Vector};

/// Pixels that a sum runs over.
#[derive(Clone, Copy)]
pub(super) struct Pixels {
    /// Columns, rows, images.
    pub count: [usize; 3],
    /// Numbers of the source from one column to the next, row to row, image to image.
    pub steps: [usize; 3],
}

/// `out[i][channel] (+)= Σ source[pixel][i] · gradient[pixel][channel]` for some `i` of one panel.
pub(super) struct Outer<'a> {
    /// The source's numbers `i = 0…` for the first pixel.
    pub source: *const f32,
    pub pixels: Pixels,
    /// `[pixel, panel width]`, and the numbers from one pixel to the next.
    pub gradient: *const f32,
    pub gradient_step: usize,
    /// Where each row of the result goes.
    pub rows: &'a [*mut f32],
    pub panel: Panel,
    /// Whether to add to what is there.
    pub add: bool,
}

impl Outer<'_> {
    /// # Safety
    /// All pointers are valid for the pixels, rows and the panel; no other task writes the rows.
    #[inline(always)]
    pub(super) unsafe fn run<V: Vector>(&self) {
        sized!(V, self.panel.vectors, self.rows.len(), call(self));
    }
}

fn call<V: Vector, const ROWS: usize, const VECTORS: usize>(work: &Outer<'_>) {
    V::call(Sized::<ROWS, VECTORS>(work));
}

struct Sized<'a, const ROWS: usize, const VECTORS: usize>(&'a Outer<'a>);

impl<const ROWS: usize, const VECTORS: usize> Kernel for Sized<'_, ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let work = self.0;
        // SAFETY: promised to `Outer::run`, which alone makes this kernel.
        unsafe {
            let sums = multiply::<V, ROWS, VECTORS>(work);
            for row in 0..ROWS {
                for vector in 0..VECTORS {
                    let to = work.rows.get_unchecked(row).add(vector * V::LANES);
                    let count =
                        if vector + 1 == VECTORS { work.panel.last::<V>() } else { V::LANES };
                    write(sums[row][vector], to, count, work.add);
                }
            }
        }
    }
}

/// # Safety
/// As [`Outer::run`].
#[inline(always)]
unsafe fn multiply<V: Vector, const ROWS: usize, const VECTORS: usize>(
    work: &Outer<'_>,
) -> [[V; VECTORS]; ROWS] {
    let mut sums = [[V::zero(); VECTORS]; ROWS];
    let mut gradient = work.gradient;
    let [cols, rows, images] = work.pixels.count;
    let [step, step_row, step_image] = work.pixels.steps;
    for image in 0..images {
        for row in 0..rows {
            // SAFETY: the caller's.
            unsafe {
                let mut source = work.source.add(image * step_image + row * step_row);
                for _ in 0..cols {
                    let mut factors = [V::zero(); VECTORS];
                    for vector in 0..VECTORS {
                        factors[vector] = V::load(gradient.add(vector * V::LANES));
                    }
                    gradient = gradient.wrapping_add(work.gradient_step);
                    for row in 0..ROWS {
                        let value = V::splat(*source.add(row));
                        for vector in 0..VECTORS {
                            sums[row][vector] = value.mul_add(factors[vector], sums[row][vector]);
                        }
                    }
                    source = source.wrapping_add(step);
                }
            }
        }
    }
    sums
}

/// # Safety
/// `to` is valid for `count` numbers, at most a vector.
#[inline(always)]
unsafe fn write<V: Vector>(sums: V, to: *mut f32, count: usize, add: bool) {
    // SAFETY: the caller's.
    unsafe {
        if count == V::LANES {
            let sums = if add { sums.add(V::load(to)) } else { sums };
            sums.store(to);
        } else {
            let sums = if add { sums.add(V::load_first(to, count)) } else { sums };
            sums.store_first(to, count);
        }
    }
}
