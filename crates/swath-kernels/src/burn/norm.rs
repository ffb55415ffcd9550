//! Batch normalisation with a residual and an activation.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};

use super::{
    composed::{activate, per_channel},
    norm_ops::{Given, normalised},
    tensors::{has_kernels, in_order, shape, to_flex, values},
};
use crate::{Activation, BatchNorm, Statistics};

/// What a normalisation does beside its weights:
/// `activation((x - mean) / sqrt(variance + epsilon) * weight + bias + residual)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// Added to the variance.
    pub epsilon: f64,
    /// Applied last.
    pub activation: Activation,
}

/// What is normalised and how it is scaled.
#[derive(Clone, Debug)]
pub struct NormInputs {
    /// `[batch, row, col, channel]`
    pub images: Tensor<4>,
    /// Shaped as the images.
    pub residual: Option<Tensor<4>>,
    /// `[channel]`
    pub weight: Tensor<1>,
    /// `[channel]`
    pub bias: Tensor<1>,
}

/// Mean and biased variance of each channel, `[channel]`, without a gradient.
#[derive(Clone, Debug)]
pub struct ChannelStatistics {
    /// Means.
    pub mean: Tensor<1>,
    /// Mean squared distances from the mean.
    pub variance: Tensor<1>,
}

impl Norm {
    /// Normalises by the statistics of the images themselves, through which the gradient goes, and
    /// returns these, too.
    pub fn by_batch(self, inputs: NormInputs) -> (Tensor<4>, ChannelStatistics) {
        if !has_kernels(&inputs.images) {
            return self.composed_by_batch(inputs);
        }
        let images = in_order(to_flex(inputs.images.clone()));
        let [batch, rows, cols, channels] = shape(&images);
        let norm = self.of(batch * rows * cols, channels);
        let statistics = Arc::new(norm.statistics(values(&images)));
        drop(images);
        let device = inputs.images.device().without_autodiff();
        let of_channels = |values: &Vec<f32>| {
            Tensor::from_data(TensorData::new(values.clone(), [channels]), &device)
        };
        let found = ChannelStatistics {
            mean: of_channels(&statistics.mean),
            variance: of_channels(&statistics.variance),
        };
        let given = Given { norm: self, statistics, are_of_images: true };
        (normalised(inputs, given), found)
    }

    /// Normalises by given statistics, which are constants to the gradient.
    pub fn by_running(self, inputs: NormInputs, running: ChannelStatistics) -> Tensor<4> {
        let ChannelStatistics { mean, variance } = running;
        if !has_kernels(&inputs.images) {
            return self.composed(inputs, mean.without_autodiff(), variance.without_autodiff());
        }
        let [mean, variance] = [mean, variance].map(|it| it.into_data().iter::<f32>().collect());
        let statistics = Arc::new(Statistics { mean, variance });
        normalised(inputs, Given { norm: self, statistics, are_of_images: false })
    }

    fn composed_by_batch(self, inputs: NormInputs) -> (Tensor<4>, ChannelStatistics) {
        let [batch, rows, cols, channels] = inputs.images.dims();
        let pixels: Tensor<2> = inputs.images.clone().reshape([batch * rows * cols, channels]);
        let mean = pixels.clone().mean_dim(0); // [1, channel]
        let variance = (pixels - mean.clone()).powi_scalar(2).mean_dim(0);
        let [mean, variance] = [mean, variance].map(|it| it.reshape([channels]));
        let output = self.composed(inputs, mean.clone(), variance.clone());
        let [mean, variance] = [mean, variance].map(Tensor::without_autodiff);
        (output, ChannelStatistics { mean, variance })
    }

    /// The normalisation by burn's own operations.
    fn composed(self, inputs: NormInputs, mean: Tensor<1>, variance: Tensor<1>) -> Tensor<4> {
        let NormInputs { images, residual, weight, bias } = inputs;
        let scale = weight / (variance + self.epsilon).sqrt();
        let output = (images - per_channel(mean)) * per_channel(scale) + per_channel(bias);
        activate(residual.into_iter().fold(output, |sum, it| sum + it), self.activation)
    }

    pub(super) fn of(self, pixels: usize, channels: usize) -> BatchNorm {
        BatchNorm { pixels, channels, epsilon: self.epsilon, activation: self.activation }
    }
}

#[cfg(test)]
#[path = "norm_tests.rs"]
mod tests;
