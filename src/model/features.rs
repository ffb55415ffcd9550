//! Images inside a model.

use burn::tensor::Tensor;
use swath_kernels::{
    Interpolation,
    burn::{Windows, resample, upsample_concat},
};

/// A batch of images on their way through a model.
///
/// Inside models tensors are `[batch, row, col, channel]`: the kernels want the channels of a pixel
/// side by side, and with one order everywhere nothing is copied between two layers. Models
/// exchange `[batch, channel, row, col]` with the world, as burn and PyTorch do; both turns are views.
#[derive(Clone, Debug)]
pub struct Features(Tensor<4>);

impl Features {
    /// Of `images`, `[batch, channel, row, col]`.
    pub fn from_images(images: Tensor<4>) -> Self {
        Self(images.permute([0, 2, 3, 1]))
    }

    /// `[batch, channel, row, col]`
    pub fn into_images(self) -> Tensor<4> {
        self.0.permute([0, 3, 1, 2])
    }

    /// Of a tensor `[batch, row, col, channel]`.
    pub fn from_channels_last(tensor: Tensor<4>) -> Self {
        Self(tensor)
    }

    /// `[batch, row, col, channel]`
    pub fn into_channels_last(self) -> Tensor<4> {
        self.0
    }

    /// Rows and columns.
    pub fn size_px(&self) -> [usize; 2] {
        let [_, rows, cols, _] = self.0.dims();
        [rows, cols]
    }

    /// Whether operations on it are remembered for gradients.
    pub fn is_autodiff(&self) -> bool {
        self.0.is_autodiff()
    }

    /// The largest value of every window.
    pub fn max_pool(self, windows: Windows) -> Self {
        Self(windows.max_pool(self.0))
    }

    /// Brought to `size_px`, which is `[rows, cols]`.
    ///
    /// Nearest: output row `i` of `n` copies input row `floor(i * rows / n)`, as PyTorch does.
    pub fn resample(self, size_px: [usize; 2], interpolation: Interpolation) -> Self {
        if self.size_px() == size_px {
            return self;
        }
        Self(resample(self.0, size_px, interpolation))
    }

    /// Brought to the size of `skip` (nearest), with the channels of `skip` behind its own.
    pub fn upsample_concat(self, skip: Self) -> Self {
        Self(upsample_concat(self.0, skip.0))
    }
}
