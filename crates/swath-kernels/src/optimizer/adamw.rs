//! Adam with decoupled weight decay.

use super::chunks::chunks;
use crate::{
    parallel::{self, SharedMut},
    simd::Vector,
    sweep::{Lanes, Source, Sweep, sweep_part},
};

/// One parameter tensor and its memory, all of one length.
#[derive(Debug)]
pub struct AdamwTensor<'a> {
    /// The parameters.
    pub parameters: &'a mut [f32],
    /// The gradient of the loss.
    pub gradient: &'a [f32],
    /// Running mean of the gradient; 0 before the first step.
    pub mean: &'a mut [f32],
    /// Running mean of its square; 0 before the first step.
    pub square: &'a mut [f32],
    /// Which step of this tensor it is; 1 for the first.
    pub step: u64,
}

/// How far a step goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamwRates {
    /// Learning rate.
    pub lr: f64,
    /// Pull of every parameter towards 0.
    pub weight_decay: f64,
    /// Memory of the mean and of the square of the gradient, each in `[0, 1)`.
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Multiplies every gradient first: 1 over the weight of the loss, or what limits the norm.
    pub gradient_scale: f64,
}

/// One step of AdamW for all tensors.
///
/// ```text
/// g = gradient_scale * gradient
/// m = m + (1 - beta1) * (g - m)
/// v = beta2 * v + (1 - beta2) * g²
/// p = p - lr * decay * p - lr * (m / (1 - beta1^n)) / (sqrt(v / (1 - beta2^n)) + epsilon)     n-th step
/// ```
///
/// Source: Loshchilov & Hutter 2019, algorithm 2, <https://arxiv.org/abs/1711.05101>, with the decay
/// times the learning rate as in PyTorch's `AdamW`.
///
/// # Panics
/// If the lengths of a tensor differ, or its step is 0.
pub fn adamw_step(tensors: &mut [AdamwTensor<'_>], rates: &AdamwRates) {
    let tensors: Vec<Tensor> = tensors.iter_mut().map(|it| Tensor::new(it, rates)).collect();
    let chunks = chunks(tensors.iter().map(|it| it.length));
    parallel::tasks(chunks.len(), |task| {
        let (tensor, ref range) = chunks[task];
        // SAFETY: the chunk is within the tensor, and no other thread's.
        unsafe { sweep_part(range.clone(), &tensors[tensor]) };
    });
}

/// A tensor and the numbers of its step.
struct Tensor {
    length: usize,
    parameters: SharedMut,
    gradient: Source,
    mean: SharedMut,
    square: SharedMut,
    gradient_scale: f32,
    kept: f32,
    size: f32,
    root_of_correction: f32,
    new_mean: f32,
    kept_square: f32,
    new_square: f32,
    epsilon: f32,
}

impl Tensor {
    fn new(tensor: &mut AdamwTensor<'_>, rates: &AdamwRates) -> Self {
        let length = tensor.parameters.len();
        assert_eq!(tensor.gradient.len(), length, "gradient and parameters differ in length");
        assert_eq!(tensor.mean.len(), length, "mean and parameters differ in length");
        assert_eq!(tensor.square.len(), length, "square and parameters differ in length");
        assert!(0 < tensor.step, "the first step is number 1");
        let [beta1, beta2] = rates.betas;
        let n = tensor.step as f64;
        Self {
            length,
            parameters: SharedMut::new(tensor.parameters),
            gradient: Source::new(tensor.gradient),
            mean: SharedMut::new(tensor.mean),
            square: SharedMut::new(tensor.square),
            gradient_scale: rates.gradient_scale as f32,
            kept: (1.0 - rates.lr * rates.weight_decay) as f32,
            size: (rates.lr / (1.0 - beta1.powf(n))) as f32,
            root_of_correction: (1.0 - beta2.powf(n)).sqrt() as f32,
            new_mean: (1.0 - beta1) as f32,
            kept_square: beta2 as f32,
            new_square: (1.0 - beta2) as f32,
            epsilon: rates.epsilon as f32,
        }
    }
}

impl Sweep for &Tensor {
    #[inline(always)]
    unsafe fn step<V: Vector, L: Lanes>(self, index: usize, _: usize, lanes: L) {
        // SAFETY: the caller's.
        unsafe {
            let gradient = lanes.load::<V>(self.gradient.at(index));
            let gradient = gradient.mul(V::splat(self.gradient_scale));
            let mean = lanes.load::<V>(self.mean.at(index));
            let mean = gradient.sub(mean).mul_add(V::splat(self.new_mean), mean);
            let square = lanes.load::<V>(self.square.at(index)).mul(V::splat(self.kept_square));
            let new_square = gradient.mul(V::splat(self.new_square));
            let square = new_square.mul_add(gradient, square);
            let root = square.sqrt().div(V::splat(self.root_of_correction));
            let change = mean.mul(V::splat(self.size)).div(root.add(V::splat(self.epsilon)));
            let parameters = lanes.load::<V>(self.parameters.at(index));
            let parameters = parameters.mul(V::splat(self.kept)).sub(change);
            lanes.store(self.mean.at(index), mean);
            lanes.store(self.square.at(index), square);
            lanes.store(self.parameters.at(index), parameters);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{Random, assert_close, assert_same_bits_on_any_threads};

    const RATES: AdamwRates = AdamwRates {
        lr: 1e-2,
        weight_decay: 0.1,
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        gradient_scale: 0.25,
    };

    const LENGTHS: [usize; 6] = [1, 64, 0, 40_000, 17, 16_384];

    /// The parameters after three steps.
    fn run() -> Vec<Vec<f32>> {
        let mut random = Random::new(1);
        let mut parameters: Vec<Vec<f32>> = LENGTHS.iter().map(|&n| random.values(n)).collect();
        let zeros = || LENGTHS.iter().map(|&n| vec![0.0; n]).collect::<Vec<_>>();
        let (mut means, mut squares) = (zeros(), zeros());
        for step in 1..=3 {
            let gradients: Vec<Vec<f32>> = LENGTHS.iter().map(|&n| random.values(n)).collect();
            let states = means.iter_mut().zip(&mut squares);
            let tensors = parameters.iter_mut().zip(&gradients).zip(states);
            let tensors = tensors.map(|((parameters, gradient), (mean, square))| AdamwTensor {
                parameters,
                gradient,
                mean,
                square,
                step,
            });
            adamw_step(&mut tensors.collect::<Vec<_>>(), &RATES);
        }
        parameters
    }

    /// The same in f64.
    fn expected() -> Vec<Vec<f64>> {
        let mut random = Random::new(1);
        let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
        let mut parameters: Vec<Vec<f64>> =
            LENGTHS.iter().map(|&n| wide(random.values(n))).collect();
        let mut states: Vec<Vec<[f64; 2]>> = LENGTHS.iter().map(|&n| vec![[0.0; 2]; n]).collect();
        let [beta1, beta2] = RATES.betas;
        for step in 1..=3 {
            for (parameters, states) in parameters.iter_mut().zip(&mut states) {
                let gradient = wide(random.values(parameters.len()));
                for ((p, g), [m, v]) in parameters.iter_mut().zip(gradient).zip(states) {
                    let g = g * RATES.gradient_scale;
                    *p -= RATES.lr * RATES.weight_decay * *p;
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    let (m, v) = (*m / (1.0 - beta1.powi(step)), *v / (1.0 - beta2.powi(step)));
                    *p -= RATES.lr * m / (v.sqrt() + RATES.epsilon);
                }
            }
        }
        parameters
    }

    #[test]
    fn three_steps_are_right() {
        for (got, want) in run().iter().zip(expected()) {
            assert_close("parameters", got, &want, 1e-6);
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        assert_same_bits_on_any_threads("AdamW", || run().concat());
    }

    #[test]
    #[should_panic(expected = "gradient and parameters differ in length")]
    fn a_gradient_of_another_length_is_refused() {
        adamw_step(
            &mut [AdamwTensor {
                parameters: &mut [0.0; 2],
                gradient: &[0.0; 3],
                mean: &mut [0.0; 2],
                square: &mut [0.0; 2],
                step: 1,
            }],
            &RATES,
        );
    }
}
