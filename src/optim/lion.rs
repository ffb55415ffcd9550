//! Lion.

use rayon::prelude::*;

use super::{
    Gradient, OptimizerConfig,
    optimizer::{Memory, StepRates},
};

/// One step of Lion.
///
/// ```text
/// d = sign(beta1 * m + (1 - beta1) * g)
/// p = p - lr * (d + decay * p)
/// m = beta2 * m + (1 - beta2) * g
/// ```
///
/// Source: Chen et al. 2023, algorithm 2, <https://arxiv.org/abs/2302.06675>. The sign of 0 is 0.
pub(super) fn step(
    config: &OptimizerConfig,
    rates: StepRates,
    parameters: &mut [f32],
    gradient: Gradient<'_>,
    memory: &mut Memory,
) {
    let [beta1, beta2] = config.betas();
    let beta1 = rates.momentum.unwrap_or(beta1);
    let (lr, decay) = (rates.lr as f32, rates.weight_decay as f32);
    let [kept, new] = [beta1 as f32, (1.0 - beta1) as f32];
    let [kept_next, new_next] = [beta2 as f32, (1.0 - beta2) as f32];
    let factor = gradient.factor as f32;
    let mean = &mut memory.slots[0];
    mean.resize(parameters.len(), 0.0);
    let all = parameters.par_iter_mut().zip(gradient.values).zip(mean);
    all.for_each(|((p, g), mean)| {
        let g = factor * g;
        let direction = kept * *mean + new * g;
        let sign = if direction == 0.0 { 0.0 } else { direction.signum() };
        *p -= lr * (sign + decay * *p);
        *mean = kept_next * *mean + new_next * g;
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::OptimizerKind;

    // By hand. First m = 0, d = 0.1 g; then m = 0.01 g, d = 0.9 * 0.01 * 2 - 0.1 * 3 < 0 for the first.
    #[test]
    fn it_walks_by_the_sign_of_the_averaged_gradient() {
        let config = OptimizerConfig { kind: OptimizerKind::Lion, ..Default::default() };
        let rates = StepRates { lr: 0.5, momentum: None, weight_decay: 0.1 };
        let (mut parameters, mut memory) = ([1.0, -2.0, 3.0], Memory::default());
        let mut take = |values: &[f32]| {
            let gradient = Gradient { values, factor: 0.5 };
            step(&config, rates, &mut parameters, gradient, &mut memory);
            parameters
        };
        assert_eq!(take(&[4.0, -2.0, 0.0]), [1.0 - 0.5 * 1.1, -2.0 + 0.5 * 1.2, 3.0 - 0.5 * 0.3]);
        let [first, second, third] = take(&[-6.0, -2.0, 0.0]);
        assert!((first - (0.45 - 0.5 * (-1.0 + 0.045))).abs() < 1e-6, "{first}");
        assert!((second - (-1.4 + 0.5 * (1.0 + 0.14))).abs() < 1e-6, "{second}");
        assert!((third - (2.85 - 0.5 * 0.285)).abs() < 1e-6, "{third}");
        let [mean, ..] = &memory.slots;
        assert!((mean[0] - (0.99 * 0.02 - 0.01 * 3.0)).abs() < 1e-6, "{mean:?}");
    }
}
