//! The output of batch normalisation in one pass.

use super::{
    batch_norm::{BatchNorm, Normed},
    columns::Columns,
};
use crate::{
    activation::{Function, WithFunction},
    parallel::SharedMut,
    simd::Vector,
    sweep::{Lanes, Source, Sweep, sweep},
};

pub(super) fn forward(
    norm: &BatchNorm,
    columns: &Columns,
    of: &Normed<'_>,
    residual: Option<&[f32]>,
    out: SharedMut,
) {
    let affine = &Affine::new(norm, columns, of);
    let residual = residual.map(Source::new);
    let images = Source::new(of.images);
    norm.activation.choose(Forward { columns, images, affine, residual, out });
}

/// `(x - mean) * scale + bias`, for each column of a row.
///
/// The mean is taken off first: folded into the bias it would cost digits where it is large.
pub(super) struct Affine {
    pub mean: Vec<f32>,
    pub scale: Vec<f32>,
    pub bias: Vec<f32>,
}

impl Affine {
    pub fn new(norm: &BatchNorm, columns: &Columns, of: &Normed<'_>) -> Self {
        Self {
            mean: columns.repeat(of.statistics.mean.iter().copied()),
            scale: columns.repeat(norm.scale(of).iter().map(|&it| it as f32)),
            bias: columns.repeat(of.bias.iter().copied()),
        }
    }

    /// The rows, for kernels: without a way through memory to their start.
    pub fn rows(&self) -> AffineRows {
        AffineRows {
            mean: Source::new(&self.mean),
            scale: Source::new(&self.scale),
            bias: Source::new(&self.bias),
        }
    }
}

/// The rows of an [`Affine`], which must outlive them.
#[derive(Clone, Copy)]
pub(super) struct AffineRows {
    mean: Source,
    pub scale: Source,
    bias: Source,
}

impl AffineRows {
    /// The distance of `value` from the mean, and the normalised value.
    ///
    /// # Safety
    /// A vector from `column` on is within the row.
    #[inline(always)]
    pub unsafe fn at<V: Vector>(self, value: V, column: usize) -> (V, V) {
        // SAFETY: the caller's.
        unsafe {
            let distance = value.sub(V::load(self.mean.at(column)));
            let scale = V::load(self.scale.at(column));
            (distance, distance.mul_add(scale, V::load(self.bias.at(column))))
        }
    }
}

struct Forward<'a> {
    columns: &'a Columns,
    images: Source,
    affine: &'a Affine,
    residual: Option<Source>,
    out: SharedMut,
}

impl WithFunction for Forward<'_> {
    type Output = ();

    fn with(self, function: impl Function) {
        let Forward { columns, images, affine, residual, out } = self;
        let of = Normalise { function, images, affine: affine.rows(), residual, out };
        // SAFETY: lengths were checked at the entry.
        unsafe { sweep(columns.n_values, columns.width, of) }
    }
}

#[derive(Clone, Copy)]
struct Normalise<F> {
    function: F,
    images: Source,
    affine: AffineRows,
    residual: Option<Source>,
    out: SharedMut,
}

impl<F: Function> Sweep for Normalise<F> {
    #[inline(always)]
    unsafe fn step<V: Vector, L: Lanes>(self, index: usize, column: usize, lanes: L) {
        // SAFETY: the caller's; rows of the affine map are whole vectors.
        unsafe {
            let (_, mut value) = self.affine.at::<V>(lanes.load(self.images.at(index)), column);
            if let Some(residual) = self.residual {
                value = value.add(lanes.load(residual.at(index)));
            }
            lanes.store(self.out.at(index), self.function.value(value));
        }
    }
}
