//! Activations as layers.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swath_kernels::{Activation, burn::activate};

use crate::model::{Features, features::Layer};

/// First slope of a PReLU below 0, as in PyTorch.
const PRELU_SLOPE: f64 = 0.25;

/// Which activation follows a normalisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationKind {
    /// `max(x, 0)`
    #[default]
    Relu,
    /// `x` above 0, `negative_slope * x` below.
    LeakyRelu,
    /// As the leaky ReLU, with a slope that is trained, one for each layer; the layers of a ResNet's block
    /// share one, as they share their activation in torchvision, and so do those of a SqueezeNet's.
    Prelu,
    /// `x` above 0, `exp(x) - 1` below.
    Elu,
    /// `x / (1 + exp(-x))`
    Silu,
    /// `x` times the share of the standard normal distribution below `x`.
    Gelu,
}

/// How an activation is made: one of the kernels' own, or one with a trained slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::model) enum Nonlinearity {
    Fixed(Activation),
    Prelu,
}

impl ActivationKind {
    pub(in crate::model) fn nonlinearity(self, negative_slope: f64) -> Nonlinearity {
        match self {
            Self::Relu => Nonlinearity::Fixed(Activation::Relu),
            Self::LeakyRelu => Nonlinearity::Fixed(Activation::LeakyRelu(negative_slope as f32)),
            Self::Prelu => Nonlinearity::Prelu,
            Self::Elu => Nonlinearity::Fixed(Activation::Elu),
            Self::Silu => Nonlinearity::Fixed(Activation::Silu),
            Self::Gelu => Nonlinearity::Fixed(Activation::Gelu),
        }
    }
}

/// An activation, with its slope where that is trained.
///
/// Source: PReLU: He et al. 2015, <https://arxiv.org/abs/1502.01852>; ELU: Clevert et al. 2016,
/// <https://arxiv.org/abs/1511.07289>; GELU: Hendrycks & Gimpel 2016,
/// <https://arxiv.org/abs/1606.08415>.
#[derive(Module, Debug)]
pub struct Act {
    #[module(skip)]
    function: Activation,
    /// The slope of a PReLU below 0, `[1]`.
    weight: Option<Param<Tensor<1>>>,
}

impl Act {
    /// Nothing.
    pub(in crate::model) fn none() -> Self {
        Self { function: Activation::None, weight: None }
    }

    pub(in crate::model) fn new(nonlinearity: Nonlinearity, device: &Device) -> Self {
        match nonlinearity {
            Nonlinearity::Fixed(function) => Self { function, weight: None },
            Nonlinearity::Prelu => {
                let slope = Tensor::full([1], PRELU_SLOPE, device);
                Self { function: Activation::None, weight: Some(Param::from_tensor(slope)) }
            }
        }
    }

    /// The activation of every value.
    pub fn forward(&self, images: Features) -> Features {
        if self.function == Activation::None {
            return self.finish(images);
        }
        let layer = Layer::plain("activation", images.shape());
        images.through(layer, |tensor| activate(tensor, self.function))
    }

    /// The part of it that a kernel can do on its way; [`Self::finish`] does the rest.
    pub(super) fn in_kernel(&self) -> Activation {
        self.function
    }

    pub(super) fn finish(&self, images: Features) -> Features {
        let Some(slope) = &self.weight else { return images };
        let layer = Layer { weight: Some(slope.id), ..Layer::plain("prelu", images.shape()) };
        images.through(layer, |tensor| {
            let above = activate(tensor.clone(), Activation::Relu);
            let below = activate(-tensor, Activation::Relu);
            above - below * slope.val().reshape([1; 4])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: ActivationKind, expected: [f32; 4]) {
        let device = Device::flex();
        let act = Act::new(kind.nonlinearity(0.1), &device);
        let values = Tensor::<1>::from_data([-3.0, -0.5, 0.0, 1.0], &device).reshape([1, 2, 2, 1]);
        let output = act.forward(Features::from_channels_last(values)).into_channels_last();
        let output: Vec<f32> = output.into_data().iter().collect();
        for (got, want) in output.iter().zip(expected) {
            assert!((got - want).abs() < 1e-6, "{kind:?}: {output:?}, want {expected:?}");
        }
    }

    // ReLU, leaky ReLU, PReLU and SiLU by PyTorch; ELU is exp(x) - 1 below 0, GELU x times the share of
    // the standard normal distribution below x, from a table.
    #[test]
    fn values_are_those_of_pytorch() {
        check(ActivationKind::Relu, [0.0, 0.0, 0.0, 1.0]);
        check(ActivationKind::LeakyRelu, [-0.3, -0.05, 0.0, 1.0]);
        check(ActivationKind::Prelu, [-0.75, -0.125, 0.0, 1.0]);
        check(ActivationKind::Silu, [-0.142_277_62, -0.188_770_33, 0.0, 0.731_058_6]);
        check(ActivationKind::Elu, [-0.950_212_94, -0.393_469_34, 0.0, 1.0]);
        check(ActivationKind::Gelu, [-0.004_049_694, -0.154_268_77, 0.0, 0.841_344_7]);
    }
}
