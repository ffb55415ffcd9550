//! First values of parameters.

use std::f64::consts::TAU;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Tensor, TensorData},
};
use rand::Rng;

use super::{Path, from_pytorch_order, in_pytorch_order};
use crate::random::{Purpose, named_generator};

/// How the weights of convolutions are drawn. Fan is kernel area times channels in or out.
///
/// Source: He et al. 2015, <https://arxiv.org/abs/1502.01852>; Glorot & Bengio 2010; the choices
/// are those of torchvision (encoder) and `segmentation_models_pytorch` (decoder, head).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// Normal with standard deviation `sqrt(2 / fan_out)`.
    KaimingNormalFanOut,
    /// Uniform in `[-b, b]` with `b = sqrt(6 / fan_in)`.
    KaimingUniformFanIn,
    /// Uniform in `[-b, b]` with `b = sqrt(6 / (fan_in + fan_out))`.
    XavierUniform,
    /// Normal with standard deviation 0.02, as in ConvNeXt.
    NarrowNormal,
}

/// Draws every weight of a convolution or linear function of `module`, which will be the field `name`
/// of its network, or is the network if the name is empty.
///
/// Each parameter has its own generator, keyed by the seed and its full name, so that adding a
/// layer leaves the others as they were. Biases and the parameters of norms keep their values.
pub fn initialise<M: Module>(module: M, name: &str, initial: Initial, seed: u64) -> M {
    let path = if name.is_empty() { Path::default() } else { Path::below(name) };
    module.map(&mut Initialiser { path, initial, seed })
}

struct Initialiser {
    path: Path,
    initial: Initial,
    seed: u64,
}

impl ModuleMapper for Initialiser {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D != 4 && D != 2 {
            return param;
        }
        let mut generator = named_generator(self.seed, Purpose::Init, &self.path.name());
        param.map(|tensor| {
            let shape = in_pytorch_order(&tensor.dims());
            let values = self.initial.draw(&shape, &mut generator);
            let is_trained = tensor.is_require_grad();
            from_pytorch_order::<D>(TensorData::new(values, shape), &tensor.device())
                .set_require_grad(is_trained)
        })
    }
}

impl Initial {
    /// Values of a weight of `shape`, `[channel out, channel in, row, col]` or the first two of it.
    fn draw(self, shape: &[usize], generator: &mut impl Rng) -> Vec<f32> {
        let kernel_area: usize = shape[2..].iter().product();
        let fan_out = (shape[0] * kernel_area) as f64;
        let fan_in = (shape[1] * kernel_area) as f64;
        let n_values = shape.iter().product();
        match self {
            Self::KaimingNormalFanOut => normal(n_values, (2.0 / fan_out).sqrt(), generator),
            Self::KaimingUniformFanIn => uniform(n_values, (6.0 / fan_in).sqrt(), generator),
            Self::NarrowNormal => normal(n_values, 0.02, generator),
            Self::XavierUniform => uniform(n_values, (6.0 / (fan_in + fan_out)).sqrt(), generator),
        }
    }
}

fn uniform(n_values: usize, bound: f64, generator: &mut impl Rng) -> Vec<f32> {
    (0..n_values).map(|_| ((2.0 * generator.random::<f64>() - 1.0) * bound) as f32).collect()
}

/// Box and Muller's method, two values from two draws.
fn normal(n_values: usize, deviation: f64, generator: &mut impl Rng) -> Vec<f32> {
    let mut values = Vec::with_capacity(n_values + 1);
    while values.len() < n_values {
        let radius = deviation * (-2.0 * (1.0 - generator.random::<f64>()).ln()).sqrt();
        let angle = TAU * generator.random::<f64>();
        values.push((radius * angle.cos()) as f32);
        values.push((radius * angle.sin()) as f32);
    }
    values.truncate(n_values);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(initial: Initial, deviation: f64, bound: f64) {
        let mut generator = named_generator(1, Purpose::Init, "a");
        let values = initial.draw(&[40, 30, 3, 3], &mut generator);
        assert_eq!(values.len(), 40 * 30 * 9);
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        // Five standard errors of the mean, and of the deviation of a normal sample.
        assert!(mean.abs() < 5.0 * deviation / n.sqrt(), "{initial:?}: mean {mean}");
        let error = (variance.sqrt() - deviation).abs();
        assert!(error < 5.0 * deviation / (2.0 * n).sqrt(), "{initial:?}: off by {error}");
        assert!(values.iter().all(|&v| f64::from(v).abs() <= bound), "{initial:?}");
    }

    // The deviation of a uniform distribution in [-b, b] is b / sqrt(3).
    #[test]
    fn weights_have_the_deviation_of_their_rule() {
        check(Initial::KaimingNormalFanOut, (2.0f64 / 360.0).sqrt(), f64::INFINITY);
        check(Initial::KaimingUniformFanIn, (2.0f64 / 270.0).sqrt(), (6.0f64 / 270.0).sqrt());
        check(Initial::XavierUniform, (2.0f64 / 630.0).sqrt(), (6.0f64 / 630.0).sqrt());
    }
}
