//! Stochastic gradient descent.

use super::chunks::chunks;
use crate::{
    parallel::{self, SharedMut},
    simd::Vector,
    sweep::{Lanes, Source, Sweep, sweep_part},
};

/// One parameter tensor and its memory.
#[derive(Debug)]
pub struct SgdTensor<'a> {
    /// The parameters.
    pub parameters: &'a mut [f32],
    /// The gradient of the loss, as long as the parameters.
    pub gradient: &'a [f32],
    /// The direction of the last step, as long as the parameters; not used without momentum.
    pub memory: &'a mut [f32],
    /// Whether the memory holds nothing yet.
    pub is_first: bool,
}

/// How far a step goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdRates {
    /// Learning rate.
    pub lr: f64,
    /// Pull of every parameter towards 0.
    pub weight_decay: f64,
    /// Memory of the direction, in `[0, 1)`.
    pub momentum: f64,
    /// Share of the gradient that does not enter the memory, in `[0, 1]`.
    pub dampening: f64,
    /// Look ahead along the memory.
    pub nesterov: bool,
    /// Multiplies every gradient first: 1 over the weight of the loss, or what limits the norm.
    pub gradient_scale: f64,
}

/// One step of stochastic gradient descent for all tensors.
///
/// ```text
/// g = gradient_scale * gradient + decay * p
/// b = momentum * b + (1 - dampening) * g          at the first step: b = g
/// d = g + momentum * b (nesterov), or b, or g without momentum
/// p = p - lr * d
/// ```
///
/// Source: PyTorch's `SGD`; Sutskever et al. 2013, <https://proceedings.mlr.press/v28/sutskever13.html>.
///
/// # Panics
/// If the lengths of a tensor differ.
pub fn sgd_step(tensors: &mut [SgdTensor<'_>], rates: &SgdRates) {
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
    memory: Option<SharedMut>,
    is_first: bool,
    nesterov: bool,
    gradient_scale: f32,
    lr: f32,
    decay: f32,
    momentum: f32,
    added: f32,
}

impl Tensor {
    fn new(tensor: &mut SgdTensor<'_>, rates: &SgdRates) -> Self {
        let length = tensor.parameters.len();
        assert_eq!(tensor.gradient.len(), length, "gradient and parameters differ in length");
        let memory = (rates.momentum != 0.0).then(|| {
            assert_eq!(tensor.memory.len(), length, "memory and parameters differ in length");
            SharedMut::new(tensor.memory)
        });
        Self {
            length,
            parameters: SharedMut::new(tensor.parameters),
            gradient: Source::new(tensor.gradient),
            memory,
            is_first: tensor.is_first,
            nesterov: rates.nesterov,
            gradient_scale: rates.gradient_scale as f32,
            lr: rates.lr as f32,
            decay: rates.weight_decay as f32,
            momentum: rates.momentum as f32,
            added: (1.0 - rates.dampening) as f32,
        }
    }
}

impl Sweep for &Tensor {
    #[inline(always)]
    unsafe fn step<V: Vector, L: Lanes>(self, index: usize, _: usize, lanes: L) {
        // SAFETY: the caller's.
        unsafe {
            let parameters = lanes.load::<V>(self.parameters.at(index));
            let gradient = lanes.load::<V>(self.gradient.at(index));
            let decay = parameters.mul(V::splat(self.decay));
            let gradient = gradient.mul_add(V::splat(self.gradient_scale), decay);
            let mut direction = gradient;
            if let Some(memory) = self.memory {
                if !self.is_first {
                    let kept = lanes.load::<V>(memory.at(index)).mul(V::splat(self.momentum));
                    direction = gradient.mul_add(V::splat(self.added), kept);
                }
                lanes.store(memory.at(index), direction);
                if self.nesterov {
                    direction = direction.mul_add(V::splat(self.momentum), gradient);
                }
            }
            let parameters = direction.neg_mul_add(V::splat(self.lr), parameters);
            lanes.store(self.parameters.at(index), parameters);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{Random, assert_close};

    const LENGTHS: [usize; 4] = [1, 64, 40_000, 17];

    fn run(rates: &SgdRates) -> Vec<Vec<f32>> {
        let mut random = Random::new(1);
        let mut parameters: Vec<Vec<f32>> = LENGTHS.iter().map(|&n| random.values(n)).collect();
        // What is there before the first step must not count.
        let mut memories: Vec<Vec<f32>> = LENGTHS.iter().map(|&n| vec![f32::NAN; n]).collect();
        for step in 0..3 {
            let gradients: Vec<Vec<f32>> = LENGTHS.iter().map(|&n| random.values(n)).collect();
            let tensors = parameters.iter_mut().zip(&gradients).zip(&mut memories);
            let is_first = step == 0;
            let tensors = tensors.map(|((parameters, gradient), memory)| SgdTensor {
                parameters,
                gradient,
                memory: if rates.momentum == 0.0 { &mut [] } else { memory },
                is_first,
            });
            sgd_step(&mut tensors.collect::<Vec<_>>(), rates);
        }
        parameters
    }

    fn expected(rates: &SgdRates) -> Vec<Vec<f64>> {
        let mut random = Random::new(1);
        let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
        let mut parameters: Vec<Vec<f64>> =
            LENGTHS.iter().map(|&n| wide(random.values(n))).collect();
        let mut memories: Vec<Vec<f64>> = LENGTHS.iter().map(|&n| vec![0.0; n]).collect();
        for step in 0..3 {
            for (parameters, memory) in parameters.iter_mut().zip(&mut memories) {
                let gradient = wide(random.values(parameters.len()));
                for ((p, g), b) in parameters.iter_mut().zip(gradient).zip(memory) {
                    let g = g * rates.gradient_scale + rates.weight_decay * *p;
                    let b_next = rates.momentum * *b + (1.0 - rates.dampening) * g;
                    *b = if step == 0 { g } else { b_next };
                    let ahead = if rates.nesterov { g + rates.momentum * *b } else { *b };
                    *p -= rates.lr * if rates.momentum == 0.0 { g } else { ahead };
                }
            }
        }
        parameters
    }

    #[test]
    fn three_steps_are_right() {
        let plain = SgdRates {
            lr: 0.1,
            weight_decay: 0.0,
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            gradient_scale: 0.5,
        };
        let momentum = SgdRates { momentum: 0.9, weight_decay: 0.01, ..plain };
        let dampened = SgdRates { dampening: 0.3, ..momentum };
        for rates in [plain, momentum, dampened, SgdRates { nesterov: true, ..momentum }] {
            for (got, want) in run(&rates).iter().zip(expected(&rates)) {
                assert_close(&format!("{rates:?}"), got, &want, 1e-6);
            }
        }
    }
}
