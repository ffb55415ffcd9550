//! Convolution over rows and columns.

use burn::{
    module::{Module, Param, ParamId},
    tensor::{Device, Shape, Tensor},
};

use super::conv_op::convolve;

/// Convolution with a square kernel and zeros around the image, as much as half the kernel.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[channel out, channel in, row, col]`
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
        let shape = [output, input, kernel_px, kernel_px];
        let zeros = move |device: &Device, is_trained| {
            Tensor::zeros(shape, device).set_require_grad(is_trained)
        };
        let shape = Shape::from(shape);
        let weight = Param::uninitialized(ParamId::new(), zeros, device.clone(), true, shape);
        Self { weight, bias: None, stride_px: 1 }
    }

    /// The same with a bias of 0.
    pub fn with_bias(self) -> Self {
        let output = self.weight.lazy_shape()[0];
        let bias = Tensor::zeros([output], &self.weight.lazy_device());
        Self { bias: Some(Param::from_tensor(bias)), ..self }
    }

    /// The same with one output for every `stride_px` rows and columns.
    pub fn with_stride(self, stride_px: usize) -> Self {
        Self { stride_px, ..self }
    }

    /// `[batch, channel in, row, col]` to `[batch, channel out, row / stride, col / stride]`,
    /// rounded up.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let images = convolve(images, self.weight.val(), self.stride_px);
        match &self.bias {
            Some(bias) => images + bias.val().reshape([1, -1, 1, 1]),
            None => images,
        }
    }
}
