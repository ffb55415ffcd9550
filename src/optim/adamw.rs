//! Adam with decoupled weight decay.

use swath_kernels::{AdamwRates, AdamwTensor, adamw_step};

use super::{Gradient, OptimizerConfig};
use crate::schedule::Rates;

/// Running averages of one parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Moments {
    /// Steps taken.
    pub step: u64,
    /// Mean of the gradient.
    pub mean: Vec<f32>,
    /// Mean of its square.
    pub square: Vec<f32>,
}

/// One step of AdamW.
///
/// ```text
/// p = p - lr * decay * p
/// m = beta1 * m + (1 - beta1) * g
/// v = beta2 * v + (1 - beta2) * g^2
/// p = p - lr * (m / (1 - beta1^n)) / (sqrt(v / (1 - beta2^n)) + eps)       n-th step
/// ```
///
/// Where the schedule cycles momentum, it is beta1.
///
/// Source: Loshchilov & Hutter 2019, algorithm 2, <https://arxiv.org/abs/1711.05101>, with the
/// decay times the learning rate as in PyTorch's `AdamW`.
pub(super) fn step(
    config: &OptimizerConfig,
    rates: Rates,
    parameters: &mut [f32],
    gradient: Gradient<'_>,
    moments: &mut Moments,
) {
    moments.step += 1;
    moments.mean.resize(parameters.len(), 0.0);
    moments.square.resize(parameters.len(), 0.0);
    let rates = AdamwRates {
        lr: rates.lr,
        weight_decay: config.weight_decay(),
        betas: [rates.momentum.unwrap_or(config.betas[0]), config.betas[1]],
        epsilon: config.eps,
        gradient_scale: gradient.factor,
    };
    let tensor = AdamwTensor {
        parameters,
        gradient: gradient.values,
        mean: &mut moments.mean,
        square: &mut moments.square,
        step: moments.step,
    };
    adamw_step(&mut [tensor], &rates);
}
