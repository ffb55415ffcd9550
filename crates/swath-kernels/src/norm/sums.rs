//! The sums that the gradient of batch normalisation needs, in one pass over memory.

use super::{columns::Columns, forward::AffineRows};
use crate::{
    activation::{Function, WithFunction},
    memory,
    parallel::{self, SharedMut},
    simd::{Kernel, Vector, dispatch},
    sweep::{All, First, Lanes, Source},
};

/// What went into the activation, or stands for it.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    /// The normalised images.
    Normalised,
    /// These added to the normalised images.
    WithResidual(Source),
    /// This, the output.
    Output(Source),
}

/// The gradient behind the activation.
#[derive(Clone, Copy)]
pub(super) struct Masked<F> {
    pub function: F,
    pub images: Source,
    pub affine: AffineRows,
    pub signal: Signal,
    pub gradient: Source,
}

impl<F: Function> Masked<F> {
    /// The gradient, and the distance of the images from the mean.
    ///
    /// # Safety
    /// As for [`crate::sweep::Sweep::step`].
    #[inline(always)]
    pub unsafe fn at<V: Vector, L: Lanes>(&self, index: usize, column: usize, lanes: L) -> (V, V) {
        // SAFETY: the caller's.
        unsafe {
            let (distance, value) = self.affine.at::<V>(lanes.load(self.images.at(index)), column);
            let before = match self.signal {
                Signal::Normalised => value,
                Signal::WithResidual(residual) => value.add(lanes.load(residual.at(index))),
                Signal::Output(output) => lanes.load(output.at(index)),
            };
            let gradient = lanes.load(self.gradient.at(index));
            (self.function.gradient(before, gradient), distance)
        }
    }
}

/// The pass over the images.
pub(super) struct Sums {
    pub columns: Columns,
    pub images: Source,
    pub affine: AffineRows,
    pub signal: Signal,
    pub gradient: Source,
    /// Where the gradient behind the activation goes.
    pub masked: Option<SharedMut>,
    /// Where that times the scale goes.
    pub scaled: Option<SharedMut>,
}

impl WithFunction for Sums {
    /// Sum of the gradient, and of the gradient times the distance from the mean, `[channel]`.
    type Output = [Vec<f64>; 2];

    fn with(self, function: impl Function) -> [Vec<f64>; 2] {
        let Sums { columns, images, affine, signal, gradient, masked, scaled } = self;
        let width = columns.width;
        let rest = columns.n_values - columns.rest();
        let n_tasks = columns.n_tasks() + usize::from(0 < rest);
        let of = Masked { function, images, affine, signal, gradient };
        let mut sums = memory::buffer(n_tasks * 2 * width);
        parallel::parts(&mut sums, 2 * width, |task, sums| {
            let (first, rows, n_columns) = if task < columns.n_tasks() {
                let (first, rows) = columns.rows_of(task);
                (first * width, rows, width)
            } else {
                (columns.rest(), 1, rest)
            };
            dispatch(Block { of, first, rows, width, n_columns, masked, scaled, sums });
        });
        let mut total = vec![0.0; 2 * width];
        for sums in sums.chunks_exact(2 * width) {
            total.iter_mut().zip(sums).for_each(|(total, &sum)| *total += f64::from(sum));
        }
        [columns.fold(&total[..width]), columns.fold(&total[width..])]
    }
}

struct Block<'a, F> {
    of: Masked<F>,
    first: usize,
    rows: usize,
    width: usize,
    /// Less than the width where the rows end.
    n_columns: usize,
    masked: Option<SharedMut>,
    scaled: Option<SharedMut>,
    sums: &'a mut [f32],
}

impl<F: Function> Kernel for Block<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        if self.n_columns < self.width {
            self.sums.fill(0.0);
        }
        let mut column = 0;
        // SAFETY: the columns of each block are within those of the rows.
        unsafe {
            while column + 4 * V::LANES <= self.n_columns {
                self.columns::<V, 4, _>(column, All);
                column += 4 * V::LANES;
            }
            while column + V::LANES <= self.n_columns {
                self.columns::<V, 1, _>(column, All);
                column += V::LANES;
            }
            if column < self.n_columns {
                self.columns::<V, 1, _>(column, First(self.n_columns - column));
            }
        }
    }
}

impl<F: Function> Block<'_, F> {
    /// # Safety
    /// `N` vectors from `column` on are within the rows, as far as the lanes are in memory.
    #[inline(always)]
    unsafe fn columns<V: Vector, const N: usize, L: Lanes>(&mut self, column: usize, lanes: L) {
        let (mut sum, mut product) = ([V::zero(); N], [V::zero(); N]);
        // SAFETY: the rows are within the images; sums and affine map are whole vectors.
        unsafe {
            for row in 0..self.rows {
                for n in 0..N {
                    let column = column + n * V::LANES;
                    let index = self.first + row * self.width + column;
                    let (gradient, distance): (V, V) = self.of.at(index, column, lanes);
                    sum[n] = sum[n].add(gradient);
                    product[n] = gradient.mul_add(distance, product[n]);
                    if let Some(masked) = self.masked {
                        lanes.store(masked.at(index), gradient);
                    }
                    if let Some(scaled) = self.scaled {
                        let scale = V::load(self.of.affine.scale.at(column));
                        lanes.store(scaled.at(index), gradient.mul(scale));
                    }
                }
            }
            for n in 0..N {
                let to = self.sums.as_mut_ptr().add(column + n * V::LANES);
                sum[n].store(to);
                product[n].store(to.add(self.width));
            }
        }
    }
}
