//! RMSprop.

use rayon::prelude::*;

use super::{
    Gradient, OptimizerConfig,
    optimizer::{Memory, StepRates},
};

/// One step of RMSprop.
///
/// ```text
/// g = gradient + decay * p
/// v = alpha * v + (1 - alpha) * g^2
/// m = alpha * m + (1 - alpha) * g                 centered, else m = 0
/// d = g / (sqrt(v - m^2) + eps)
/// b = momentum * b + d                            with momentum, else b = d
/// p = p - lr * b
/// ```
///
/// Source: Tieleman & Hinton 2012 (lecture 6.5 of "Neural networks for machine learning"); centered:
/// Graves 2013, <https://arxiv.org/abs/1308.0850>; the form of PyTorch's `RMSprop`. It differs where
/// rounding makes `v - m^2` negative: that counts as 0.
pub(super) fn step(
    config: &OptimizerConfig,
    rates: StepRates,
    parameters: &mut [f32],
    gradient: Gradient<'_>,
    memory: &mut Memory,
) {
    let momentum = rates.momentum.unwrap_or(config.momentum) as f32;
    let (lr, decay, eps) = (rates.lr as f32, rates.weight_decay as f32, config.eps as f32);
    let (kept, new) = (config.alpha as f32, (1.0 - config.alpha) as f32);
    let factor = gradient.factor as f32;
    let [squares, directions, means] = &mut memory.slots;
    squares.resize(parameters.len(), 0.0);
    if momentum != 0.0 {
        directions.resize(parameters.len(), 0.0);
    }
    if config.centered {
        means.resize(parameters.len(), 0.0);
    }
    let n_parts = parameters.len().div_ceil(PART);
    let (directions, means) = (parts(directions, n_parts), parts(means, n_parts));
    parameters
        .par_chunks_mut(PART)
        .zip(gradient.values.par_chunks(PART))
        .zip(squares.par_chunks_mut(PART))
        .zip(directions.into_par_iter().zip(means))
        .for_each(|(((parameters, gradient), squares), (mut directions, mut means))| {
            for (index, p) in parameters.iter_mut().enumerate() {
                let g = factor * gradient[index] + decay * *p;
                let square = &mut squares[index];
                *square = kept * *square + new * g * g;
                let mut variance = *square;
                if let Some(means) = &mut means {
                    let mean = &mut means[index];
                    *mean = kept * *mean + new * g;
                    variance = (variance - *mean * *mean).max(0.0);
                }
                let mut step = g / (variance.sqrt() + eps);
                if let Some(directions) = &mut directions {
                    let direction = &mut directions[index];
                    *direction = momentum * *direction + step;
                    step = *direction;
                }
                *p -= lr * step;
            }
        });
}

/// Parameters that one thread takes at a time.
const PART: usize = 1 << 14;

/// The parts of `values`, or `n_parts` times nothing if they are not used.
fn parts(values: &mut [f32], n_parts: usize) -> Vec<Option<&mut [f32]>> {
    if values.is_empty() {
        return (0..n_parts).map(|_| None).collect();
    }
    values.chunks_mut(PART).map(Some).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::OptimizerKind;

    // By hand, alpha = 0.5: g = 2 + 0.5 * 1 = 2.5, v = 3.125, m = 1.25, v - m^2 = 1.5625, root 1.25.
    #[test]
    fn centered_with_momentum_and_decay() {
        let config = OptimizerConfig {
            kind: OptimizerKind::Rmsprop,
            alpha: 0.5,
            centered: true,
            momentum: 0.5,
            ..Default::default()
        };
        let rates = StepRates { lr: 0.1, momentum: None, weight_decay: 0.5 };
        let (mut parameters, mut memory) = ([1.0], Memory::default());
        let gradient = Gradient { values: &[4.0], factor: 0.5 };
        step(&config, rates, &mut parameters, gradient, &mut memory);
        assert!((parameters[0] - (1.0 - 0.1 * 2.5 / 1.25)).abs() < 1e-6, "{parameters:?}");
        assert_eq!(memory.slots, [vec![3.125], vec![2.0], vec![1.25]]);
        // g = 0 + 0.4 = 0.4, v = 1.6425, m = 0.825, root of 0.961875.
        step(
            &config,
            rates,
            &mut parameters,
            Gradient { values: &[0.0], factor: 1.0 },
            &mut memory,
        );
        let direction = 0.5 * 2.0 + 0.4 / 0.961_875_f32.sqrt();
        assert!((parameters[0] - (0.8 - 0.1 * direction)).abs() < 1e-6, "{parameters:?}");
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let config = OptimizerConfig { kind: OptimizerKind::Rmsprop, ..Default::default() };
        let rates = StepRates { lr: 0.1, momentum: Some(0.9), weight_decay: 0.5 };
        let gradient: Vec<f32> = (0..100_000).map(|k| (k as f32 * 0.7).sin()).collect();
        let walked = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let (mut parameters, mut memory) = (vec![0.5; gradient.len()], Memory::default());
            let gradient = Gradient { values: &gradient, factor: 0.3 };
            pool.install(|| step(&config, rates, &mut parameters, gradient, &mut memory));
            parameters
        };
        assert_eq!(walked(1), walked(3));
    }
}
