//! Stochastic gradient descent.

use swath_kernels::{SgdRates, SgdTensor, sgd_step};

use super::{
    Gradient, OptimizerConfig,
    optimizer::{Memory, StepRates},
};

/// One step of stochastic gradient descent, with momentum if there is any.
///
/// ```text
/// g = gradient + decay * p
/// b = momentum * b + (1 - dampening) * g          at the first step: b = g
/// d = g + momentum * b (nesterov), or b, or g without momentum
/// p = p - lr * d
/// ```
///
/// The first slot of `memory` is `b`; empty before the first step, and as long as there is no momentum.
///
/// Source: PyTorch's `SGD`; Sutskever et al. 2013,
/// <https://proceedings.mlr.press/v28/sutskever13.html>.
pub(super) fn step(
    config: &OptimizerConfig,
    rates: StepRates,
    parameters: &mut [f32],
    gradient: Gradient<'_>,
    memory: &mut Memory,
) {
    let rates = SgdRates {
        lr: rates.lr,
        weight_decay: rates.weight_decay,
        momentum: rates.momentum.unwrap_or(config.momentum),
        dampening: config.dampening,
        nesterov: config.nesterov,
        gradient_scale: gradient.factor,
    };
    let memory = &mut memory.slots[0];
    let is_first = memory.is_empty();
    if rates.momentum != 0.0 {
        memory.resize(parameters.len(), 0.0);
    }
    let tensor = SgdTensor { parameters, gradient: gradient.values, memory, is_first };
    sgd_step(&mut [tensor], &rates);
}
