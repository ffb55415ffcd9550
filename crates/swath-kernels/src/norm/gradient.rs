//! The gradients of batch normalisation.

use super::{
    batch_norm::{BatchNorm, Normed},
    columns::Columns,
    forward::Affine,
    sums::{Masked, Signal, Sums},
};
use crate::{
    Activation,
    activation::{Function, WithFunction},
    parallel::SharedMut,
    simd::Vector,
    sweep::{Lanes, Source, Sweep, sweep},
};

/// How the gradient learns what went into the activation.
#[derive(Clone, Copy, Debug)]
pub enum Before<'a> {
    /// From the images alone: no residual was added.
    Images,
    /// From the images and the residual, shaped as the images.
    Residual(&'a [f32]),
    /// From the output, shaped as the images: it is enough where [`Activation::gradient_follows_from_output`].
    Output(&'a [f32]),
}

/// Where the gradients of the inputs go; each shaped as the images.
#[derive(Debug)]
pub struct InputGradient<'a> {
    /// The gradient of the images.
    pub images: &'a mut [f32],
    /// The gradient of the residual. Without an activation it is the gradient of the output, which
    /// needs no copy.
    pub residual: Option<&'a mut [f32]>,
}

/// The gradients of weight and bias, `[channel]`.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineGradient {
    /// The gradient of the weight.
    pub weight: Vec<f32>,
    /// The gradient of the bias.
    pub bias: Vec<f32>,
}

impl BatchNorm {
    /// The gradients where the statistics are those of the images, for the `gradient` of the output.
    ///
    /// Two passes over memory: one for the sums over the pixels, one for the images' gradient.
    ///
    /// # Panics
    /// If a shape differs, or the output cannot tell the gradient of the activation.
    pub fn gradient(
        &self,
        of: &Normed<'_>,
        before: Before<'_>,
        gradient: &[f32],
        to: InputGradient<'_>,
    ) -> AffineGradient {
        self.check("gradient", gradient);
        let to = self.check_to(to);
        self.through_statistics(of, self.pass(of, before, Source::new(gradient)), to)
    }

    /// As [`BatchNorm::gradient`], with the gradient of the images in the place of that of the output.
    ///
    /// # Panics
    /// As [`BatchNorm::gradient`].
    pub fn gradient_in_place(
        &self,
        of: &Normed<'_>,
        before: Before<'_>,
        gradient: &mut [f32],
        residual: Option<&mut [f32]>,
    ) -> AffineGradient {
        let to = self.check_to(InputGradient { images: gradient, residual });
        self.through_statistics(of, self.pass(of, before, Source::of(to.images)), to)
    }

    /// The gradients where the statistics are constants, for the `gradient` of the output.
    ///
    /// One pass over memory.
    ///
    /// # Panics
    /// As [`BatchNorm::gradient`].
    pub fn frozen_gradient(
        &self,
        of: &Normed<'_>,
        before: Before<'_>,
        gradient: &[f32],
        to: InputGradient<'_>,
    ) -> AffineGradient {
        self.check("gradient", gradient);
        let to = self.check_to(to);
        let pass = self.pass(of, before, Source::new(gradient));
        let sums = self.activation.choose(pass.sums(to.residual, Some(to.images)));
        self.affine_gradient(of, &sums)
    }

    fn through_statistics(&self, of: &Normed<'_>, pass: Pass, to: Targets) -> AffineGradient {
        let sums = self.activation.choose(pass.sums(to.residual, None));
        let (signal, gradient, images) = (pass.signal, pass.gradient, to.images);
        let through = &pass.through_statistics(self, of, &sums);
        let second = Second { pass: &pass, through, signal, gradient, images };
        match to.residual {
            // What the first pass wrote is behind the activation.
            Some(masked) => {
                let gradient = Source::of(masked);
                let signal = Signal::Normalised;
                Activation::None.choose(Second { signal, gradient, ..second });
            }
            None => self.activation.choose(second),
        }
        self.affine_gradient(of, &sums)
    }

    fn check_to(&self, to: InputGradient<'_>) -> Targets {
        self.check("gradient of the images", to.images);
        if let Some(residual) = &to.residual {
            self.check("gradient of the residual", residual);
        }
        Targets { images: SharedMut::new(to.images), residual: to.residual.map(SharedMut::new) }
    }

    fn pass(&self, of: &Normed<'_>, before: Before<'_>, gradient: Source) -> Pass {
        self.check_normed(of);
        let signal = match before {
            Before::Images => Signal::Normalised,
            Before::Residual(residual) => {
                self.check("residual", residual);
                Signal::WithResidual(Source::new(residual))
            }
            Before::Output(output) => {
                self.check("output", output);
                let function = self.activation;
                assert!(
                    function.gradient_follows_from_output(),
                    "the gradient of {function:?} does not follow from its output"
                );
                Signal::Output(Source::new(output))
            }
        };
        let columns = Columns::new(self.pixels, self.channels);
        let affine = Affine::new(self, &columns, of);
        Pass { columns, affine, images: Source::new(of.images), signal, gradient }
    }

    fn affine_gradient(&self, of: &Normed<'_>, [sum, product]: &[Vec<f64>; 2]) -> AffineGradient {
        let weight = product.iter().zip(&of.statistics.variance);
        let weight = weight.map(|(it, &variance)| (it * self.inverse_deviation(variance)) as f32);
        let bias = sum.iter().map(|&it| it as f32);
        AffineGradient { weight: weight.collect(), bias: bias.collect() }
    }
}

/// Where the gradients go; the lengths are checked.
struct Targets {
    images: SharedMut,
    residual: Option<SharedMut>,
}

/// What both passes read.
struct Pass {
    columns: Columns,
    affine: Affine,
    images: Source,
    signal: Signal,
    gradient: Source,
}

impl Pass {
    fn sums(&self, masked: Option<SharedMut>, scaled: Option<SharedMut>) -> Sums {
        let Pass { columns, ref affine, images, signal, gradient } = *self;
        Sums { columns, images, affine: affine.rows(), signal, gradient, masked, scaled }
    }

    fn through_statistics(
        &self,
        norm: &BatchNorm,
        of: &Normed<'_>,
        [sum, product]: &[Vec<f64>; 2],
    ) -> Through {
        let pixels = norm.pixels as f64;
        let scale = norm.scale(of);
        let offset = scale.iter().zip(sum).map(|(scale, sum)| (-scale * sum / pixels) as f32);
        let squares = of.statistics.variance.iter().map(|&it| norm.inverse_deviation(it).powi(2));
        let slope = scale.iter().zip(product).zip(squares);
        let slope = slope.map(|((scale, it), square)| (-scale * square * it / pixels) as f32);
        Through { offset: self.columns.repeat(offset), slope: self.columns.repeat(slope) }
    }
}

/// The way through the statistics, for each column of a row:
///
/// ```text
/// dx     = scale * g + slope * (x - mean) + offset
/// slope  = -scale * sum(g * (x - mean)) / (pixels * (variance + epsilon))
/// offset = -scale * sum(g) / pixels
/// ```
///
/// with `g` the gradient behind the activation.
struct Through {
    offset: Vec<f32>,
    slope: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Second<'a> {
    pass: &'a Pass,
    through: &'a Through,
    signal: Signal,
    gradient: Source,
    images: SharedMut,
}

impl WithFunction for Second<'_> {
    type Output = ();

    fn with(self, function: impl Function) {
        let Second { pass, through, signal, gradient, images: to } = self;
        let of =
            Masked { function, images: pass.images, affine: pass.affine.rows(), signal, gradient };
        let (offset, slope) = (Source::new(&through.offset), Source::new(&through.slope));
        // SAFETY: lengths were checked at the entry.
        unsafe {
            sweep(pass.columns.n_values, pass.columns.width, Images { of, offset, slope, to })
        }
    }
}

#[derive(Clone, Copy)]
struct Images<F> {
    of: Masked<F>,
    offset: Source,
    slope: Source,
    to: SharedMut,
}

impl<F: Function> Sweep for Images<F> {
    #[inline(always)]
    unsafe fn step<V: Vector, L: Lanes>(self, index: usize, column: usize, lanes: L) {
        // SAFETY: the caller's; rows of factors are whole vectors.
        unsafe {
            let (gradient, distance): (V, V) = self.of.at(index, column, lanes);
            let offset = V::load(self.offset.at(column));
            let slope = V::load(self.slope.at(column));
            let scale = V::load(self.of.affine.scale.at(column));
            lanes
                .store(self.to.at(index), gradient.mul_add(scale, distance.mul_add(slope, offset)));
        }
    }
}
