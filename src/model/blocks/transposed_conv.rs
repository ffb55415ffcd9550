//! Transposed convolution: a layer that enlarges.

use burn::{
    module::{Module, Param, ParamId},
    tensor::{Device, Shape, Tensor},
};
use swath_kernels::burn::{add_bias, convolve_transposed};

use crate::model::{Features, features::Layer};

/// Transposed convolution that doubles rows and columns, with a bias.
#[derive(Module, Debug)]
pub struct TransposedConv2d {
    /// `[row, col, channel out, channel in]`: so a state dictionary has it as `[channel in, channel
    /// out, row, col]`, which is PyTorch's order of transposed convolutions.
    weight: Param<Tensor<4>>,
    /// `[channel out]`
    bias: Param<Tensor<1>>,
}

impl TransposedConv2d {
    /// From `channels[0]` to `channels[1]`, with a kernel of 2 or 4 pixels; all weights are 0.
    ///
    /// # Panics
    ///
    /// If the kernel has another size.
    pub fn new([input, output]: [usize; 2], kernel_px: usize, device: &Device) -> Self {
        assert!(kernel_px == 2 || kernel_px == 4, "a kernel of {kernel_px} pixels");
        let shape = [kernel_px, kernel_px, output, input];
        let zeros = move |device: &Device, is_trained| {
            Tensor::zeros(shape, device).set_require_grad(is_trained)
        };
        let shape = Shape::from(shape);
        let weight = Param::uninitialized(ParamId::new(), zeros, device.clone(), true, shape);
        Self { weight, bias: Param::from_tensor(Tensor::zeros([output], device)) }
    }

    /// Images of twice as many rows and columns.
    pub fn forward(&self, images: Features) -> Features {
        let [kernel_px, _, output, input] = self.weight.lazy_shape().dims();
        let [batch, rows, cols, _] = images.shape();
        let layer = Layer {
            what: format!("transposed conv {kernel_px}x{kernel_px}"),
            weight: Some(self.weight.id),
            shape: [batch, 2 * rows, 2 * cols, output],
            // Of the kernel only every second row and column meets a pixel.
            multiply_adds_per_value: (kernel_px / 2) * (kernel_px / 2) * input,
        };
        images.through(layer, |tensor| {
            let weights = self.weight.val().permute([0, 1, 3, 2]);
            let padding = [(kernel_px - 2) / 2; 2];
            add_bias(convolve_transposed(tensor, weights, [2; 2], padding), self.bias.val())
        })
    }
}
