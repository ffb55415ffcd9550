//! Matrix product over the channels of every pixel.

use burn::{
    module::{Module, Param, ParamId},
    tensor::{Device, Shape, Tensor},
};
use swath_kernels::burn::{Moves, add_bias, convolve};

use crate::model::{Features, features::Layer};

/// A linear function of the channels of every pixel; a convolution of 1x1 whose weights a state
/// dictionary has with two axes.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[channel in, channel out]`; a state dictionary has the order of PyTorch.
    weight: Param<Tensor<2>>,
    /// `[channel out]`
    bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// Without bias, from `channels[0]` to `channels[1]`; all weights are 0, and take memory when
    /// they are first used.
    pub fn new(channels: [usize; 2], device: &Device) -> Self {
        let zeros = move |device: &Device, is_trained| {
            Tensor::zeros(channels, device).set_require_grad(is_trained)
        };
        let shape = Shape::from(channels);
        let weight = Param::uninitialized(ParamId::new(), zeros, device.clone(), true, shape);
        Self { weight, bias: None }
    }

    /// The same with a bias of 0.
    pub fn with_bias(self) -> Self {
        let output = self.weight.lazy_shape()[1];
        let bias = Tensor::zeros([output], &self.weight.lazy_device());
        Self { bias: Some(Param::from_tensor(bias)), ..self }
    }

    /// The images' channels in become channels out.
    pub fn forward(&self, images: Features) -> Features {
        let [input, output] = self.weight.lazy_shape().dims();
        let layer = Layer {
            what: "linear".to_owned(),
            weight: Some(self.weight.id),
            shape: images.with_channels(output),
            multiply_adds_per_value: input,
        };
        images.through(layer, |tensor| {
            let weights = self.weight.val().reshape([1, 1, input, output]);
            let tensor = convolve(tensor, weights, Moves::centred(1, 1));
            match &self.bias {
                Some(bias) => add_bias(tensor, bias.val()),
                None => tensor,
            }
        })
    }
}
