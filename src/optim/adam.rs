//! Adam.

use rayon::prelude::*;

use super::{
    Gradient, OptimizerConfig, adamw,
    optimizer::{Memory, StepRates},
};

/// One step of Adam: that of AdamW, but weight decay is part of the gradient.
///
/// ```text
/// g = gradient + decay * p
/// ```
///
/// Source: Kingma & Ba 2015, <https://arxiv.org/abs/1412.6980>; weight decay as in PyTorch's `Adam`.
pub(super) fn step(
    config: &OptimizerConfig,
    rates: StepRates,
    parameters: &mut [f32],
    gradient: Gradient<'_>,
    memory: &mut Memory,
) {
    let StepRates { weight_decay, .. } = rates;
    if weight_decay == 0.0 {
        return adamw::step(config, rates, parameters, gradient, memory);
    }
    let (factor, decay) = (gradient.factor as f32, weight_decay as f32);
    let pairs = gradient.values.par_iter().zip(&*parameters);
    let decayed: Vec<f32> = pairs.map(|(g, p)| factor * g + decay * p).collect();
    let gradient = Gradient { values: &decayed, factor: 1.0 };
    let rates = StepRates { weight_decay: 0.0, ..rates };
    adamw::step(config, rates, parameters, gradient, memory);
}
