//! Activations on their own.

use super::{Activation, Function, WithFunction};
use crate::{
    parallel::SharedMut,
    simd::{MAX_LANES, Vector},
    sweep::{Lanes, Source, Sweep, sweep},
};

/// `out = activation(input)`
///
/// # Panics
/// If the lengths differ.
pub fn activate(activation: Activation, input: &[f32], out: &mut [f32]) {
    assert_eq!(input.len(), out.len(), "the output is not as long as the input");
    let to = SharedMut::new(out);
    // SAFETY: input and output hold that many values.
    unsafe { run(activation, input.len(), Source::new(input), None, to) }
}

/// `values = activation(values)`
pub fn activate_in_place(activation: Activation, values: &mut [f32]) {
    let to = SharedMut::new(values);
    // SAFETY: each value is read before it is written, by the same thread.
    unsafe { run(activation, values.len(), Source::of(to), None, to) }
}

/// `values = activation(values + summand)`, the end of a residual block.
///
/// # Panics
/// If the lengths differ.
pub fn activate_add(activation: Activation, values: &mut [f32], summand: &[f32]) {
    assert_eq!(values.len(), summand.len(), "the summand is not as long as the values");
    let to = SharedMut::new(values);
    let summand = Some(Source::new(summand));
    // SAFETY: each value is read before it is written, by the same thread.
    unsafe { run(activation, values.len(), Source::of(to), summand, to) }
}

/// `gradient = gradient * activation'(before)`
///
/// `before` is what went into the activation; what came out of it will do where
/// [`Activation::gradient_follows_from_output`].
///
/// # Panics
/// If the lengths differ.
pub fn activate_gradient(activation: Activation, before: &[f32], gradient: &mut [f32]) {
    assert_eq!(before.len(), gradient.len(), "the gradient is not as long as the values");
    if activation == Activation::None {
        return;
    }
    let n_values = gradient.len();
    let gradient = SharedMut::new(gradient);
    activation.choose(Gradients { n_values, before: Source::new(before), gradient });
}

/// # Safety
/// All pointers are valid for `n_values`.
unsafe fn run(
    activation: Activation,
    n_values: usize,
    input: Source,
    summand: Option<Source>,
    to: SharedMut,
) {
    activation.choose(Values { n_values, input, summand, to });
}

struct Values {
    n_values: usize,
    input: Source,
    summand: Option<Source>,
    to: SharedMut,
}

impl WithFunction for Values {
    type Output = ();

    fn with(self, function: impl Function) {
        let Values { n_values, input, summand, to } = self;
        // SAFETY: who made the struct says that all hold that many values.
        unsafe { sweep(n_values, MAX_LANES, Activate { function, input, summand, to }) }
    }
}

#[derive(Clone, Copy)]
struct Activate<F> {
    function: F,
    input: Source,
    summand: Option<Source>,
    to: SharedMut,
}

impl<F: Function> Sweep for Activate<F> {
    #[inline(always)]
    unsafe fn step<V: Vector, L: Lanes>(self, index: usize, _: usize, lanes: L) {
        // SAFETY: the caller's.
        unsafe {
            let mut value: V = lanes.load(self.input.at(index));
            if let Some(summand) = self.summand {
                value = value.add(lanes.load(summand.at(index)));
            }
            lanes.store(self.to.at(index), self.function.value(value));
        }
    }
}

struct Gradients {
    n_values: usize,
    before: Source,
    gradient: SharedMut,
}

impl WithFunction for Gradients {
    type Output = ();

    fn with(self, function: impl Function) {
        let Gradients { n_values, before, gradient } = self;
        // SAFETY: who made the struct says that both hold that many values.
        unsafe { sweep(n_values, MAX_LANES, Gradient { function, before, gradient }) }
    }
}

#[derive(Clone, Copy)]
struct Gradient<F> {
    function: F,
    before: Source,
    gradient: SharedMut,
}

impl<F: Function> Sweep for Gradient<F> {
    #[inline(always)]
    unsafe fn step<V: Vector, L: Lanes>(self, index: usize, _: usize, lanes: L) {
        // SAFETY: the caller's.
        unsafe {
            let before: V = lanes.load(self.before.at(index));
            let gradient: V = lanes.load(self.gradient.at(index));
            lanes.store(self.gradient.at(index), self.function.gradient(before, gradient));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{ACTIVATIONS, Random, assert_close};

    #[test]
    fn values_and_gradients_are_right() {
        for n in [0, 1, 15, 16, 17, 1000, 70001] {
            let mut random = Random::new(n as u64);
            let (input, summand) = (random.values_of(n, -20.0, 20.0), random.values(n));
            let gradient = random.values(n);
            for activation in ACTIVATIONS {
                let of = |values: &[f64]| values.iter().map(|&it| activation.of(it)).collect();
                let wide: Vec<f64> = input.iter().map(|&it| f64::from(it)).collect();
                let want: Vec<f64> = of(&wide);
                let mut out = vec![f32::NAN; n];
                activate(activation, &input, &mut out);
                assert_close("apart", &out, &want, 1e-6);
                out.copy_from_slice(&input);
                activate_in_place(activation, &mut out);
                assert_close("in place", &out, &want, 1e-6);

                let sum: Vec<f64> =
                    input.iter().zip(&summand).map(|(a, b)| f64::from(a + b)).collect();
                out.copy_from_slice(&input);
                activate_add(activation, &mut out, &summand);
                assert_close("added", &out, &of(&sum), 1e-6);

                let want = gradient.iter().zip(&wide);
                let want: Vec<f64> =
                    want.map(|(&it, &at)| f64::from(it) * activation.slope(at)).collect();
                out.copy_from_slice(&gradient);
                activate_gradient(activation, &input, &mut out);
                assert_close("gradient", &out, &want, 1e-6);
            }
        }
    }
}
