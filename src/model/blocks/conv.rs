//! Convolution over rows and columns.

use burn::{
    module::{Module, Param, ParamId},
    tensor::{Device, Shape, Tensor},
};
use swath_kernels::burn::{Moves, add_bias, convolve};

use crate::model::Features;

/// Convolution with a square kernel and zeros around the image, as much as half the kernel.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[row, col, channel in, channel out]`; a state dictionary has the order of PyTorch.
    weight: Param<Tensor<4>>,
    /// `[channel out]`
    bias: Option<Param<Tensor<1>>>,
    stride_px: usize,
}

impl Conv2d {
    /// Without bias and with stride 1, from `channels[0]` to `channels[1]`; all weights are 0, and
    /// take memory when they are first used.
    pub fn new(channels: [usize; 2], kernel_px: usize, device: &Device) -> Self {
        let [input, output] = channels;
        let shape = [kernel_px, kernel_px, input, output];
        let zeros = move |device: &Device, is_trained| {
            Tensor::zeros(shape, device).set_require_grad(is_trained)
        };
        let shape = Shape::from(shape);
        let weight = Param::uninitialized(ParamId::new(), zeros, device.clone(), true, shape);
        Self { weight, bias: None, stride_px: 1 }
    }

    /// The same with a bias of 0.
    pub fn with_bias(self) -> Self {
        let output = self.weight.lazy_shape()[3];
        let bias = Tensor::zeros([output], &self.weight.lazy_device());
        Self { bias: Some(Param::from_tensor(bias)), ..self }
    }

    /// The same with one output for every `stride_px` rows and columns.
    pub fn with_stride(self, stride_px: usize) -> Self {
        Self { stride_px, ..self }
    }

    /// The images' channels in become channels out; rows and columns are divided by the stride and
    /// rounded up.
    pub fn forward(&self, images: Features) -> Features {
        let images = convolve(images.into_channels_last(), self.weights(), self.moves());
        Features::from_channels_last(match self.bias() {
            Some(bias) => add_bias(images, bias),
            None => images,
        })
    }

    pub(super) fn weights(&self) -> Tensor<4> {
        self.weight.val()
    }

    pub(super) fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(Param::val)
    }

    pub(super) fn moves(&self) -> Moves {
        Moves::centred(self.weight.lazy_shape()[0], self.stride_px)
    }
}
