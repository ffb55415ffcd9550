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
/// are those of torchvision or timm (encoder) and `segmentation_models_pytorch` (decoder, head).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// Normal with standard deviation `sqrt(2 / fan_out)`.
    KaimingNormalFanOut,
    /// The same, but a convolution that works on each channel by itself, which must be called
    /// `conv_dw`, has the fan of one channel: as in TensorFlow, and timm's EfficientNets.
    KaimingNormalFanOutOfGroup,
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
        let name = self.path.name();
        let mut generator = named_generator(self.seed, Purpose::Init, &name);
        let n_groups = |shape: &[usize]| if is_depthwise(&name) { shape[0] } else { 1 };
        param.map(|tensor| {
            let shape = in_pytorch_order(&tensor.dims());
            let values = self.initial.draw(&shape, n_groups(&shape), &mut generator);
            let is_trained = tensor.is_require_grad();
            from_pytorch_order::<D>(TensorData::new(values, shape), &tensor.device())
                .set_require_grad(is_trained)
        })
    }
}

impl Initial {
    /// Values of a weight of `shape`, `[channel out, channel in, row, col]` or the first two of it, whose
    /// channels out are in so many groups.
    fn draw(self, shape: &[usize], n_groups: usize, generator: &mut impl Rng) -> Vec<f32> {
        let kernel_area: usize = shape[2..].iter().product();
        let fan_out = (shape[0] * kernel_area) as f64;
        let fan_in = (shape[1] * kernel_area) as f64;
        let n_values = shape.iter().product();
        match self {
            Self::KaimingNormalFanOut => normal(n_values, (2.0 / fan_out).sqrt(), generator),
            Self::KaimingNormalFanOutOfGroup => {
                normal(n_values, (2.0 * n_groups as f64 / fan_out).sqrt(), generator)
            }
            Self::KaimingUniformFanIn => uniform(n_values, (6.0 / fan_in).sqrt(), generator),
            Self::NarrowNormal => normal(n_values, 0.02, generator),
            Self::XavierUniform => uniform(n_values, (6.0 / (fan_in + fan_out)).sqrt(), generator),
        }
    }
}

/// Whether the parameter called `name` is of a convolution of each channel by itself.
fn is_depthwise(name: &str) -> bool {
    name.rsplit('.').nth(1) == Some("conv_dw")
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
    use burn::tensor::Device;

    use super::*;
    use crate::{
        model::{Encoder, ModelConfig},
        weights::{Values, state_dict},
    };

    #[track_caller]
    fn check(initial: Initial, n_groups: usize, deviation: f64, bound: f64) {
        let mut generator = named_generator(1, Purpose::Init, "a");
        let values = initial.draw(&[40, 30, 3, 3], n_groups, &mut generator);
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
        check(Initial::KaimingNormalFanOut, 4, (2.0f64 / 360.0).sqrt(), f64::INFINITY);
        check(Initial::KaimingNormalFanOutOfGroup, 4, (2.0f64 / 90.0).sqrt(), f64::INFINITY);
        check(Initial::KaimingUniformFanIn, 1, (2.0f64 / 270.0).sqrt(), (6.0f64 / 270.0).sqrt());
        check(Initial::XavierUniform, 1, (2.0f64 / 630.0).sqrt(), (6.0f64 / 630.0).sqrt());
        check(Initial::NarrowNormal, 1, 0.02, f64::INFINITY);
    }

    /// timm: `sqrt(2 / 25)` for 5x5 of one channel each, 1152 of them; `sqrt(2 / 1152)` for 1x1.
    #[test]
    fn channels_by_themselves_have_the_fan_of_one_in_an_efficientnet() {
        let config = ModelConfig { encoder: Encoder::EfficientnetLite0, ..Default::default() };
        let state = state_dict(&config.build(1, 2, 1, &Device::flex()));
        for (name, want) in [
            ("encoder.model.blocks.5.1.conv_dw.weight", (2.0f64 / 25.0).sqrt()),
            ("encoder.model.blocks.5.1.conv_pw.weight", (2.0f64 / 1152.0).sqrt()),
            // One band is no group.
            ("encoder.model.conv_stem.weight", (2.0f64 / (9.0 * 32.0)).sqrt()),
        ] {
            let Values::F32(values) = &state.find(name).unwrap().values else { panic!("{name}") };
            let squares = values.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>();
            let found = (squares / values.len() as f64).sqrt();
            assert!((found / want - 1.0).abs() < 0.2, "{name}: {found}, want {want}");
        }
    }
}
