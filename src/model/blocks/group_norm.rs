//! Normalisation of each image by itself.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};
use swath_kernels::burn::global_average_pool;

use crate::model::{Features, features::Layer};

/// Added to the variance, as in PyTorch.
const EPSILON: f64 = 1e-5;

/// Normalisation by mean and biased variance of groups of channels of each image; with as many
/// groups as channels it is instance normalisation.
///
/// ```text
/// y = weight * (x - mean) / sqrt(variance + 1e-5) + bias
/// ```
///
/// It is the same in training and prediction.
///
/// Source: Wu & He 2018, <https://arxiv.org/abs/1803.08494>; Ulyanov et al. 2016,
/// <https://arxiv.org/abs/1607.08022>; constants of PyTorch's `GroupNorm`.
#[derive(Module, Debug)]
pub struct GroupNorm {
    /// `[channel]`
    weight: Param<Tensor<1>>,
    /// `[channel]`
    bias: Param<Tensor<1>>,
    n_groups: usize,
}

impl GroupNorm {
    /// Weight 1 and bias 0.
    ///
    /// # Panics
    ///
    /// If the groups do not divide the channels.
    pub fn new(channels: usize, n_groups: usize, device: &Device) -> Self {
        assert!(channels.is_multiple_of(n_groups), "{n_groups} groups of {channels} channels");
        Self {
            weight: Param::from_tensor(Tensor::ones([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            n_groups,
        }
    }

    /// Features of the same shape.
    pub fn forward(&self, images: Features) -> Features {
        let shape @ [.., channels] = images.shape();
        let layer = Layer { weight: Some(self.weight.id), ..Layer::plain("group norm", shape) };
        images.through(layer, |tensor| {
            let centred = tensor.clone() - self.of_groups(global_average_pool(tensor));
            let square = centred.clone() * centred.clone();
            let variance = self.of_groups(global_average_pool(square));
            let scale = self.weight.val().reshape([1, 1, 1, channels]);
            centred * (scale / (variance + EPSILON).sqrt())
                + self.bias.val().reshape([1, 1, 1, channels])
        })
    }

    /// Means over groups of `means`, `[batch, 1, 1, channel]`, in the place of each channel.
    fn of_groups(&self, means: Tensor<4>) -> Tensor<4> {
        let [batch, _, _, channels] = means.dims();
        let size = channels / self.n_groups;
        let means = means.reshape([batch, 1, self.n_groups, size]).mean_dim(3);
        means.repeat_dim(3, size).reshape([batch, 1, 1, channels])
    }
}
