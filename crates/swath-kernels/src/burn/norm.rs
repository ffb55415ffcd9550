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
mod tests {
    use burn::{backend::DType, tensor::Device};

    use super::{
        super::agreement::{assert_agree, channels, numbers, random},
        *,
    };
    use crate::expected::{ACTIVATIONS, assert_close};

    const SHAPES: [[usize; 4]; 3] = [[2, 7, 5, 6], [1, 5, 9, 1], [1, 8, 8, 20]];

    fn cases() -> impl Iterator<Item = (Norm, [usize; 4])> {
        ACTIVATIONS
            .into_iter()
            .flat_map(|activation| SHAPES.map(|shape| (Norm { epsilon: 1e-3, activation }, shape)))
    }

    fn inputs(
        images: Tensor<4>,
        residual: Option<Tensor<4>>,
        weight: Tensor<4>,
        bias: Tensor<4>,
    ) -> NormInputs {
        NormInputs { images, residual, weight: channels(weight), bias: channels(bias) }
    }

    #[test]
    fn the_norm_by_batch_is_that_of_burn() {
        for (norm, shape @ [.., n_channels]) in cases() {
            let affine = [1, 1, 1, n_channels];
            let what = format!("{norm:?} {shape:?}");
            assert_agree(&what, [shape, affine, affine], |[images, weight, bias]| {
                norm.by_batch(inputs(images, None, weight, bias)).0
            });
            let shapes = [shape, shape, affine, affine];
            assert_agree(&what, shapes, |[images, residual, weight, bias]| {
                norm.by_batch(inputs(images, Some(residual), weight, bias)).0
            });
        }
    }

    #[test]
    fn the_norm_by_running_statistics_is_that_of_burn() {
        for (norm, shape @ [.., n_channels]) in cases() {
            let affine = [1, 1, 1, n_channels];
            let running = |dtype| {
                let device = Device::flex();
                let mean = channels(random(affine, dtype, &device));
                ChannelStatistics { variance: mean.clone() * mean.clone() + 0.5, mean }
            };
            let what = format!("{norm:?} {shape:?}");
            assert_agree(&what, [shape, affine, affine], |[images, weight, bias]| {
                let running = running(images.dtype());
                norm.by_running(inputs(images, None, weight, bias), running)
            });
            let shapes = [shape, shape, affine, affine];
            assert_agree(&what, shapes, |[images, residual, weight, bias]| {
                let running = running(images.dtype());
                norm.by_running(inputs(images, Some(residual), weight, bias), running)
            });
        }
    }

    #[test]
    fn statistics_are_those_of_burn_and_without_a_gradient() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            for shape @ [.., n_channels] in SHAPES {
                let [got, want] = [DType::F32, DType::F64].map(|dtype| {
                    let affine = || random([1, 1, 1, n_channels], dtype, &device);
                    let images = random(shape, dtype, &device) + 3.0;
                    let norm = Norm { epsilon: 1e-5, activation: Activation::Relu };
                    let found = norm.by_batch(inputs(images, None, affine(), affine())).1;
                    assert!(!found.mean.is_autodiff() && !found.variance.is_autodiff());
                    [numbers(found.mean), numbers(found.variance)]
                });
                for (got, want) in got.into_iter().zip(want) {
                    let got: Vec<f32> = got.into_iter().map(|it| it as f32).collect();
                    assert_close("statistics", &got, &want, 1e-6);
                }
            }
        }
    }
}
