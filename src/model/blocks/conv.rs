//! Convolution over rows and columns.

use burn::{
    module::{Module, Param, ParamId},
    tensor::{Device, Shape, Tensor},
};
use swath_kernels::burn::{Moves, add_bias, convolve};

use crate::model::{Features, features::Layer};

/// Convolution with a square kernel.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[row, col, channel in of a group, channel out]`; a state dictionary has the order of PyTorch.
    weight: Param<Tensor<4>>,
    /// `[channel out]`
    bias: Option<Param<Tensor<1>>>,
    stride_px: usize,
    dilation_px: usize,
    n_groups: usize,
    #[module(skip)]
    padding: Padding,
}

/// Zeros around the images of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Padding {
    /// On each side half of what the kernel reaches over: rows and columns are divided by the stride
    /// and rounded up.
    Half,
    /// None.
    Zero,
    /// As many as it takes to divide rows and columns by the stride, rounded up; an odd one stands
    /// behind the images, as in TensorFlow.
    Same,
}

impl Conv2d {
    /// Without bias and with stride 1, from `channels[0]` to `channels[1]`; all weights are 0, and
    /// take memory when they are first used.
    pub fn new(channels: [usize; 2], kernel_px: usize, device: &Device) -> Self {
        Self::in_groups(channels, kernel_px, 1, device)
    }

    /// The same of every channel by itself.
    pub fn depthwise(channels: usize, kernel_px: usize, device: &Device) -> Self {
        Self::in_groups([channels; 2], kernel_px, channels, device)
    }

    fn in_groups(
        [input, output]: [usize; 2],
        kernel_px: usize,
        n_groups: usize,
        device: &Device,
    ) -> Self {
        let shape = [kernel_px, kernel_px, input / n_groups, output];
        let zeros = move |device: &Device, is_trained| {
            Tensor::zeros(shape, device).set_require_grad(is_trained)
        };
        let shape = Shape::from(shape);
        let weight = Param::uninitialized(ParamId::new(), zeros, device.clone(), true, shape);
        let padding = Padding::Half;
        Self { weight, bias: None, stride_px: 1, dilation_px: 1, n_groups, padding }
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

    /// The same with `dilation_px` from one value of the kernel to the next.
    pub fn with_dilation(self, dilation_px: usize) -> Self {
        Self { dilation_px, ..self }
    }

    pub(in crate::model) fn with_padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// The images' channels in become channels out.
    pub fn forward(&self, images: Features) -> Features {
        let [kernel_px, _, of_group, output] = self.shape();
        let [rows, cols] = self.output_size(images.size_px());
        let layer = Layer {
            what: match self.n_groups {
                1 => format!("conv {kernel_px}x{kernel_px}"),
                n_groups if n_groups == output => format!("depthwise {kernel_px}x{kernel_px}"),
                n_groups => format!("conv {kernel_px}x{kernel_px} in {n_groups} groups"),
            },
            weight: Some(self.weight.id),
            shape: [images.shape()[0], rows, cols, output],
            multiply_adds_per_value: kernel_px * kernel_px * of_group,
        };
        let size_px = images.size_px();
        images.through(layer, |tensor| {
            let (weights, moves) = self.placed(size_px);
            let tensor = convolve(tensor, weights, moves);
            match self.bias() {
                Some(bias) => add_bias(tensor, bias),
                None => tensor,
            }
        })
    }

    pub(super) fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(Param::val)
    }

    /// Weights, and how they move over images of this size.
    pub(super) fn placed(&self, size_px: [usize; 2]) -> (Tensor<4>, Moves) {
        let kernel_px = self.shape()[0];
        let moves = Moves::centred(kernel_px, self.stride_px)
            .dilated(self.dilation_px)
            .grouped(self.n_groups);
        let weights = self.weight.val();
        match self.padding {
            Padding::Half => (weights, moves),
            Padding::Zero => (weights, Moves { padding: [0; 2], ..moves }),
            Padding::Same => self.placed_same(weights, moves, size_px),
        }
    }

    /// One more zero behind the images than before them is as many as behind on both sides, of a
    /// kernel with a zero in front.
    fn placed_same(
        &self,
        mut weights: Tensor<4>,
        moves: Moves,
        size_px: [usize; 2],
    ) -> (Tensor<4>, Moves) {
        let reach = (self.shape()[0] - 1) * self.dilation_px + 1;
        let mut padding = [0; 2];
        for axis in [0, 1] {
            let output = size_px[axis].div_ceil(self.stride_px);
            let total = ((output - 1) * self.stride_px + reach).saturating_sub(size_px[axis]);
            padding[axis] = total.div_ceil(2);
            if !total.is_multiple_of(2) {
                assert_eq!(self.dilation_px, 1, "a dilated kernel has no place for one more zero");
                let mut shape = weights.dims();
                shape[axis] = 1;
                let zeros = Tensor::zeros(shape, (&weights.device(), weights.dtype()));
                weights = Tensor::cat(vec![zeros, weights], axis);
            }
        }
        (weights, Moves { padding, ..moves })
    }

    fn output_size(&self, size_px: [usize; 2]) -> [usize; 2] {
        let reach = (self.shape()[0] - 1) * self.dilation_px;
        size_px.map(|size_px| match self.padding {
            Padding::Half | Padding::Same => size_px.div_ceil(self.stride_px),
            Padding::Zero => (size_px - reach - 1) / self.stride_px + 1,
        })
    }

    fn shape(&self) -> [usize; 4] {
        self.weight.lazy_shape().dims()
    }
}
