//! Batch normalisation with a residual and an activation.

use std::sync::Arc;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::{Tensor, TensorData},
};
use burn_flex::FlexTensor;

use super::{
    buffer::fresh,
    composed::{activate, per_channel},
    differentiable::differentiable,
    tensors::{has_kernels, in_order, shape, tensor, to_flex, values},
};
use crate::{Activation, BatchNorm, Before, InputGradient, Normed, Statistics};

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
        let given = Given { statistics, are_of_images: true };
        (self.dispatch(inputs, given), found)
    }

    /// Normalises by given statistics, which are constants to the gradient.
    pub fn by_running(self, inputs: NormInputs, running: ChannelStatistics) -> Tensor<4> {
        let ChannelStatistics { mean, variance } = running;
        if !has_kernels(&inputs.images) {
            return self.composed(inputs, mean.without_autodiff(), variance.without_autodiff());
        }
        let [mean, variance] = [mean, variance].map(|it| it.into_data().iter::<f32>().collect());
        let statistics = Arc::new(Statistics { mean, variance });
        self.dispatch(inputs, Given { statistics, are_of_images: false })
    }

    fn dispatch(self, inputs: NormInputs, given: Given) -> Tensor<4> {
        let NormInputs { images, residual, weight, bias } = inputs;
        let (images, weight) = (images.into_dispatch(), weight.into_dispatch());
        let bias = bias.into_dispatch();
        Tensor::from_dispatch(match residual {
            None => Dispatch::normalised(images, weight, bias, given, self),
            Some(residual) => {
                let residual = residual.into_dispatch();
                Dispatch::normalised_added(images, residual, weight, bias, given, self)
            }
        })
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

    fn of(self, pixels: usize, channels: usize) -> BatchNorm {
        BatchNorm { pixels, channels, epsilon: self.epsilon, activation: self.activation }
    }
}

/// Statistics that an operation is given.
#[derive(Clone, Debug)]
struct Given {
    statistics: Arc<Statistics>,
    /// Whether they depend on the images, and the gradient goes through them.
    are_of_images: bool,
}

#[backend_extension(Flex, Autodiff)]
trait NormOps: Backend {
    fn normalised(
        images: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        given: Given,
        norm: Norm,
    ) -> FloatTensor<Self>;

    fn normalised_added(
        images: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        given: Given,
        norm: Norm,
    ) -> FloatTensor<Self>;
}

impl NormOps for Flex {
    fn normalised(
        images: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        given: Given,
        norm: Norm,
    ) -> FlexTensor {
        forward(&in_order(images), None, [&in_order(weight), &in_order(bias)], &given, norm)
    }

    fn normalised_added(
        images: FlexTensor,
        residual: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        given: Given,
        norm: Norm,
    ) -> FlexTensor {
        let [images, residual, weight, bias] = [images, residual, weight, bias].map(in_order);
        forward(&images, Some(&residual), [&weight, &bias], &given, norm)
    }
}

impl<C: CheckpointStrategy> NormOps for Autodiff<Flex, C> {
    fn normalised(
        images: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        given: Given,
        norm: Norm,
    ) -> FloatTensor<Self> {
        differentiable::<C, _, 3>(
            [images, weight, bias],
            |[images, weight, bias]| {
                let output = forward(&images, None, [&weight, &bias], &given, norm);
                (output, (images, weight, bias, given, norm))
            },
            |(images, weight, bias, given, norm), gradient, is_wanted| {
                let before = Before::Images;
                let affine = [&weight, &bias];
                let [of_images, _, of_weight, of_bias] =
                    backward(&images, before, affine, &given, norm, &gradient, false);
                let all = [of_images, of_weight, of_bias];
                let mut is_wanted = is_wanted.into_iter();
                all.map(|it| it.filter(|_| is_wanted.next() == Some(true)))
            },
        )
    }

    fn normalised_added(
        images: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        given: Given,
        norm: Norm,
    ) -> FloatTensor<Self> {
        differentiable::<C, _, 4>(
            [images, residual, weight, bias],
            |[images, residual, weight, bias]| {
                let output = forward(&images, Some(&residual), [&weight, &bias], &given, norm);
                // The sign of the output, which the next layer keeps anyway, tells the gradient of
                // all activations but one.
                let aside = match norm.activation {
                    Activation::Silu => residual,
                    _ => output.clone(),
                };
                (output, (images, aside, weight, bias, given, norm))
            },
            |(images, aside, weight, bias, given, norm), gradient, is_wanted| {
                let before = match norm.activation {
                    Activation::Silu => Before::Residual(values(&aside)),
                    _ => Before::Output(values(&aside)),
                };
                let affine = [&weight, &bias];
                let all = backward(&images, before, affine, &given, norm, &gradient, true);
                let mut is_wanted = is_wanted.into_iter();
                all.map(|it| it.filter(|_| is_wanted.next() == Some(true)))
            },
        )
    }
}

fn forward(
    images: &FlexTensor,
    residual: Option<&FlexTensor>,
    [weight, bias]: [&FlexTensor; 2],
    given: &Given,
    norm: Norm,
) -> FlexTensor {
    let shape @ [batch, rows, cols, channels] = shape(images);
    let mut output = fresh(shape.iter().product());
    let of = normed(images, [weight, bias], given);
    let residual = residual.map(values);
    norm.of(batch * rows * cols, channels).forward(&of, residual, &mut output);
    output.into_tensor(shape)
}

/// The gradients of images, residual, weight and bias.
fn backward(
    images: &FlexTensor,
    before: Before<'_>,
    affine: [&FlexTensor; 2],
    given: &Given,
    norm: Norm,
    gradient: &FlexTensor,
    has_residual: bool,
) -> [Option<FlexTensor>; 4] {
    let shape @ [batch, rows, cols, channels] = shape(images);
    let n_values = shape.iter().product();
    let of = normed(images, affine, given);
    let mut of_images = fresh(n_values);
    // Without an activation, the gradient of the residual is that of the output.
    let is_same = norm.activation == Activation::None;
    let mut of_residual = (has_residual && !is_same).then(|| fresh(n_values));
    let to = InputGradient { images: &mut of_images, residual: of_residual.as_deref_mut() };
    let kernel = norm.of(batch * rows * cols, channels);
    let found = if given.are_of_images {
        kernel.gradient(&of, before, values(gradient), to)
    } else {
        kernel.frozen_gradient(&of, before, values(gradient), to)
    };
    let of_residual = match of_residual {
        Some(residual) => Some(residual.into_tensor(shape)),
        None => has_residual.then(|| gradient.clone()),
    };
    let [weight, bias] = [found.weight, found.bias].map(|it| Some(tensor(it, [channels])));
    [Some(of_images.into_tensor(shape)), of_residual, weight, bias]
}

fn normed<'a>(
    images: &'a FlexTensor,
    [weight, bias]: [&'a FlexTensor; 2],
    given: &'a Given,
) -> Normed<'a> {
    Normed {
        images: values(images),
        statistics: &given.statistics,
        weight: values(weight),
        bias: values(bias),
    }
}

#[cfg(test)]
#[path = "norm_tests.rs"]
mod tests;
