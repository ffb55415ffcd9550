//! Adam with decoupled weight decay.

use rayon::prelude::*;

use super::OptimizerConfig;
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
    gradient: &[f32],
    moments: &mut Moments,
) {
    let beta1 = rates.momentum.unwrap_or(config.betas[0]);
    let beta2 = config.betas[1];
    moments.step += 1;
    moments.mean.resize(parameters.len(), 0.0);
    moments.square.resize(parameters.len(), 0.0);

    let n = moments.step as f64;
    let kept = (1.0 - rates.lr * config.weight_decay()) as f32;
    let size = (rates.lr / (1.0 - beta1.powf(n))) as f32;
    let root_of_correction = (1.0 - beta2.powf(n)).sqrt() as f32;
    let (new1, beta2, new2) = ((1.0 - beta1) as f32, beta2 as f32, (1.0 - beta2) as f32);
    let eps = config.eps as f32;
    parameters
        .par_iter_mut()
        .zip(gradient)
        .zip(&mut moments.mean)
        .zip(&mut moments.square)
        .for_each(|(((p, &g), m), v)| {
            *m += new1 * (g - *m);
            *v = beta2 * *v + new2 * g * g;
            *p = *p * kept - size * *m / (v.sqrt() / root_of_correction + eps);
        });
}
