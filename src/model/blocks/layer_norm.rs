//! Normalisation of each pixel by itself.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use crate::model::{Features, features::Layer};

/// Normalisation by mean and biased variance of the channels of each pixel.
///
/// ```text
/// y = weight * (x - mean) / sqrt(variance + epsilon) + bias
/// ```
///
/// Source: Ba et al. 2016, <https://arxiv.org/abs/1607.06450>, over channels as in ConvNeXt.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[channel]`
    weight: Param<Tensor<1>>,
    /// `[channel]`
    bias: Param<Tensor<1>>,
    epsilon: f64,
}

impl LayerNorm {
    /// Weight 1 and bias 0; `epsilon` is added to the variance.
    pub fn new(channels: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::ones([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            epsilon,
        }
    }

    /// Features of the same shape.
    pub fn forward(&self, images: Features) -> Features {
        let shape @ [.., channels] = images.shape();
        let layer = Layer { weight: Some(self.weight.id), ..Layer::plain("layer norm", shape) };
        images.through(layer, |tensor| {
            let centred = tensor.clone() - tensor.mean_dim(3);
            let variance = (centred.clone() * centred.clone()).mean_dim(3);
            let [weight, bias] =
                [&self.weight, &self.bias].map(|it| it.val().reshape([1, 1, 1, channels]));
            centred / (variance + self.epsilon).sqrt() * weight + bias
        })
    }
}
