//! Adam with decoupled weight decay.

use swath_kernels::{AdamwRates, AdamwTensor, adamw_step};

use super::{
    Gradient, OptimizerConfig,
    optimizer::{Memory, StepRates},
};

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
    rates: StepRates,
    parameters: &mut [f32],
    gradient: Gradient<'_>,
    memory: &mut Memory,
) {
    let Memory { step, slots: [mean, square, _] } = memory;
    *step += 1;
    mean.resize(parameters.len(), 0.0);
    square.resize(parameters.len(), 0.0);
    let [beta1, beta2] = config.betas();
    let rates = AdamwRates {
        lr: rates.lr,
        weight_decay: rates.weight_decay,
        betas: [rates.momentum.unwrap_or(beta1), beta2],
        epsilon: config.eps,
        gradient_scale: gradient.factor,
    };
    let tensor = AdamwTensor { parameters, gradient: gradient.values, mean, square, step: *step };
    adamw_step(&mut [tensor], &rates);
}
