//! Stochastic gradient descent.

use rayon::prelude::*;

use super::OptimizerConfig;
use crate::schedule::Rates;

/// One step of stochastic gradient descent, with momentum if there is any.
///
/// ```text
/// g = gradient + decay * p
/// b = momentum * b + (1 - dampening) * g          at the first step: b = g
/// d = g + momentum * b (nesterov), or b, or g without momentum
/// p = p - lr * d
/// ```
///
/// `memory` is `b`; empty before the first step, and as long as there is no momentum.
///
/// Source: PyTorch's `SGD`; Sutskever et al. 2013,
/// <https://proceedings.mlr.press/v28/sutskever13.html>.
pub(super) fn step(
    config: &OptimizerConfig,
    rates: Rates,
    parameters: &mut [f32],
    gradient: &[f32],
    memory: &mut Vec<f32>,
) {
    let momentum = rates.momentum.unwrap_or(config.momentum) as f32;
    let decay = config.weight_decay() as f32;
    let lr = rates.lr as f32;
    if momentum == 0.0 {
        parameters.par_iter_mut().zip(gradient).for_each(|(p, &g)| *p -= lr * (g + decay * *p));
        return;
    }

    let is_first = memory.is_empty();
    let kept = if is_first { 0.0 } else { momentum };
    let added = if is_first { 1.0 } else { (1.0 - config.dampening) as f32 };
    memory.resize(parameters.len(), 0.0);
    parameters.par_iter_mut().zip(gradient).zip(memory).for_each(|((p, &g), b)| {
        let g = g + decay * *p;
        *b = kept * *b + added * g;
        let direction = if config.nesterov { g + momentum * *b } else { *b };
        *p -= lr * direction;
    });
}
