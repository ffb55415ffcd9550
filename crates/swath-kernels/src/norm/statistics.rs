//! Mean and variance of each channel in one pass over memory.

use super::{batch_norm::Statistics, columns::Columns};
use crate::{
    memory, parallel,
    simd::{Kernel, Vector, dispatch},
};

/// A shift, the sum of the distances from it, and the sum of their squares, for every column.
const SUMS: usize = 3;

/// Part of a task's rows whose mean is the shift.
///
/// With a shift near the mean, little cancels when the variance is taken from the sums. If the
/// rows that make the shift lie far from all others, that alone gives a variance: the relative
/// error grows at most sixteenfold, whatever the values are.
const HEAD: usize = 16;

pub(super) fn statistics(columns: &Columns, images: &[f32]) -> Statistics {
    let width = columns.width;
    let mut sums = memory::buffer(columns.n_tasks() * SUMS * width);
    parallel::parts(&mut sums, SUMS * width, |task, sums| {
        let (first, rows) = columns.rows_of(task);
        let images = &images[first * width..(first + rows) * width];
        dispatch(Moments { images, rows, width, sums });
    });
    combine(columns, &sums, &images[columns.rest()..])
}

struct Moments<'a> {
    images: &'a [f32],
    rows: usize,
    width: usize,
    sums: &'a mut [f32],
}

impl Kernel for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let mut column = 0;
        // SAFETY: the columns of each block are within the width.
        unsafe {
            while column + 4 * V::LANES <= self.width {
                self.block::<V, 4>(column);
                column += 4 * V::LANES;
            }
            while column < self.width {
                self.block::<V, 1>(column);
                column += V::LANES;
            }
        }
    }
}

impl Moments<'_> {
    /// # Safety
    /// `N` vectors from `column` on are within the width.
    #[inline(always)]
    unsafe fn block<V: Vector, const N: usize>(&mut self, column: usize) {
        let Moments { rows, width, .. } = *self;
        let (from, to) = (self.images.as_ptr(), self.sums.as_mut_ptr());
        let head = rows.div_ceil(HEAD);
        let part = V::splat(1.0 / head as f32);
        let (mut shift, mut sum, mut square) = ([V::zero(); N], [V::zero(); N], [V::zero(); N]);
        // SAFETY: rows and columns are within the images, three rows of columns within the sums.
        unsafe {
            for row in 0..head {
                for (n, shift) in shift.iter_mut().enumerate() {
                    let value = V::load(from.add(row * width + column + n * V::LANES));
                    *shift = value.mul_add(part, *shift);
                }
            }
            for row in 0..rows {
                for n in 0..N {
                    let value = V::load(from.add(row * width + column + n * V::LANES));
                    let distance = value.sub(shift[n]);
                    sum[n] = sum[n].add(distance);
                    square[n] = distance.mul_add(distance, square[n]);
                }
            }
            for n in 0..N {
                let to = to.add(column + n * V::LANES);
                shift[n].store(to);
                sum[n].store(to.add(width));
                square[n].store(to.add(2 * width));
            }
        }
    }
}

/// Puts the sums of all tasks together, in their order, in f64.
fn combine(columns: &Columns, sums: &[f32], rest: &[f32]) -> Statistics {
    let Columns { channels, width, .. } = *columns;
    let pixels = (columns.n_values / channels.max(1)) as f64;
    let mut total = vec![0.0f64; width];
    for (task, sums) in sums.chunks_exact(SUMS * width).enumerate() {
        let rows = columns.rows_of(task).1 as f64;
        let (shift, sum) = (&sums[..width], &sums[width..2 * width]);
        for ((total, &shift), &sum) in total.iter_mut().zip(shift).zip(sum) {
            *total += rows * f64::from(shift) + f64::from(sum);
        }
    }
    total.iter_mut().zip(rest).for_each(|(total, &value)| *total += f64::from(value));
    let mean: Vec<f64> = columns.fold(&total).into_iter().map(|it| it / pixels).collect();

    // The squares around the mean: those around the shift, moved.
    let means: Vec<f64> = mean.iter().copied().cycle().take(width).collect();
    total.fill(0.0);
    for (task, sums) in sums.chunks_exact(SUMS * width).enumerate() {
        let rows = columns.rows_of(task).1 as f64;
        let (shift, sums) = sums.split_at(width);
        let (sum, square) = sums.split_at(width);
        for column in 0..width {
            let distance = f64::from(shift[column]) - means[column];
            let sum = f64::from(sum[column]);
            total[column] += f64::from(square[column]) + distance * (2.0 * sum + rows * distance);
        }
    }
    for ((total, &value), mean) in total.iter_mut().zip(rest).zip(&means) {
        *total += (f64::from(value) - mean).powi(2);
    }
    let variance = columns.fold(&total).into_iter().map(|it| (it / pixels).max(0.0) as f32);
    Statistics {
        mean: mean.into_iter().map(|it| it as f32).collect(),
        variance: variance.collect(),
    }
}
