//! Batch normalisation by the kernels, with the gradient.

use std::sync::Arc;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, ExtensionType, Flex,
        autodiff::checkpoint::strategy::CheckpointStrategy, backend_extension, tensor::FloatTensor,
    },
    tensor::Tensor,
};
use burn_flex::FlexTensor;

use super::{
    Norm, NormInputs,
    buffer::{filled, into_tensor},
    differentiable::differentiable,
    residual::Residual,
    tensors::{in_order, shape, tensor, unique_values, values},
};
use crate::{
    Activation, BatchNorm, Before, InputGradient, Normed, Statistics, memory::buffer, shape::count,
};

/// A normalisation and its statistics.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub norm: Norm,
    pub statistics: Arc<Statistics>,
    /// Whether the statistics depend on the images, and the gradient goes through them.
    pub are_of_images: bool,
}

/// The output of a normalisation; differentiates.
pub(super) fn normalised(inputs: NormInputs, given: Given) -> Tensor<4> {
    let NormInputs { images, residual, weight, bias } = inputs;
    let images = images.into_dispatch();
    let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
    let inputs = Inputs { images, weight, bias, residual: Residual::new(residual) };
    Tensor::from_dispatch(Dispatch::normalised(inputs, given))
}

#[derive(ExtensionType)]
struct Inputs<B: Backend> {
    images: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    #[extension_type]
    residual: Residual<B>,
}

#[backend_extension(Flex, Autodiff)]
trait NormOps: Backend {
    fn normalised(#[extension_type] inputs: Inputs<Self>, given: Given) -> FloatTensor<Self>;
}

impl NormOps for Flex {
    fn normalised(inputs: Inputs<Self>, given: Given) -> FlexTensor {
        let Inputs { images, weight, bias, residual } = inputs;
        let [images, weight, bias] = [images, weight, bias].map(in_order);
        let residual = residual.into_option().map(in_order);
        Operation { images, weight, bias, given }.forward(residual.as_ref())
    }
}

impl<C: CheckpointStrategy> NormOps for Autodiff<Flex, C> {
    fn normalised(inputs: Inputs<Self>, given: Given) -> FloatTensor<Self> {
        let Inputs { images, weight, bias, residual } = inputs;
        match residual {
            Residual::None => differentiable::<C, _, 3>(
                [images, weight, bias],
                |[images, weight, bias]| {
                    let of = Operation { images, weight, bias, given };
                    (of.forward(None), of)
                },
                |of, gradient, _| {
                    let found = of.backward(Before::Images, gradient, false);
                    [Some(found.images), Some(found.weight), Some(found.bias)]
                },
            ),
            Residual::Of(residual) => differentiable::<C, _, 4>(
                [images, residual, weight, bias],
                |[images, residual, weight, bias]| {
                    let of = Operation { images, weight, bias, given };
                    let output = of.forward(Some(&residual));
                    // The output, which the next layer keeps anyway, tells the gradient of most
                    // activations.
                    let aside = if of.needs_input() { residual } else { output.clone() };
                    (output, (of, aside))
                },
                |(of, aside), gradient, [_, of_residual, _, _]| {
                    let aside = values(&aside);
                    let needs_input = of.needs_input();
                    let before =
                        if needs_input { Before::Residual(aside) } else { Before::Output(aside) };
                    let found = of.backward(before, gradient, of_residual);
                    [Some(found.images), found.residual, Some(found.weight), Some(found.bias)]
                },
            ),
        }
    }
}

/// A normalisation of values that lie in the order of their axes.
#[derive(Clone, Debug)]
struct Operation {
    images: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    given: Given,
}

/// Gradients.
struct Found {
    images: FlexTensor,
    residual: Option<FlexTensor>,
    weight: FlexTensor,
    bias: FlexTensor,
}

impl Operation {
    fn forward(&self, residual: Option<&FlexTensor>) -> FlexTensor {
        filled::<4>(shape(&self.images), |out| {
            self.kernel().forward(&self.normed(), residual.map(values), out)
        })
    }

    /// The images' gradient takes the place of the output's where no other tensor shares that.
    fn backward(&self, before: Before, mut gradient: FlexTensor, of_residual: bool) -> Found {
        let shape @ [_, _, _, channels] = shape(&self.images);
        let n_values = count(shape);
        // Without an activation, the gradient of the residual is that of the output.
        let is_same = self.given.norm.activation == Activation::None;
        let same = (of_residual && is_same).then(|| gradient.clone());
        let mut masked = (of_residual && !is_same).then(|| buffer(n_values));
        let residual = masked.as_deref_mut();

        let (kernel, of) = (self.kernel(), self.normed());
        let are_of_images = self.given.are_of_images;
        let in_place = if are_of_images { unique_values(&mut gradient) } else { None };
        let affine = if let Some(images) = in_place {
            kernel.gradient_in_place(&of, before, images, residual)
        } else {
            let mut images = buffer(n_values);
            let to = InputGradient { images: &mut images, residual };
            let affine = if are_of_images {
                kernel.gradient(&of, before, values(&gradient), to)
            } else {
                kernel.frozen_gradient(&of, before, values(&gradient), to)
            };
            gradient = into_tensor(images, shape);
            affine
        };
        let [weight, bias] = [affine.weight, affine.bias].map(|it| tensor(it, [channels]));
        let residual = same.or(masked.map(|it| into_tensor(it, shape)));
        Found { images: gradient, residual, weight, bias }
    }

    fn needs_input(&self) -> bool {
        !self.given.norm.activation.gradient_follows_from_output()
    }

    fn kernel(&self) -> BatchNorm {
        let [batch, rows, cols, channels] = shape(&self.images);
        self.given.norm.of(batch * rows * cols, channels)
    }

    fn normed(&self) -> Normed<'_> {
        Normed {
            images: values(&self.images),
            statistics: &self.given.statistics,
            weight: values(&self.weight),
            bias: values(&self.bias),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::{backend::DType, tensor::Device};

    use super::*;
    use crate::burn::{
        agreement::{channels, random},
        tensors::to_flex,
    };

    fn flex(shape: [usize; 4]) -> FlexTensor {
        to_flex(random(shape, DType::F32, &Device::flex()))
    }

    fn operation(activation: Activation) -> Operation {
        let norm = Norm { epsilon: 1e-5, activation };
        let images = flex([2, 3, 5, 4]);
        let statistics = Arc::new(norm.of(30, 4).statistics(values(&images)));
        let [weight, bias] = [0.5, -0.5].map(|more| {
            let values = channels(random([1, 1, 1, 4], DType::F32, &Device::flex()) + more);
            values.try_into_primitive::<Flex>().expect("the device is its")
        });
        Operation { images, weight, bias, given: Given { norm, statistics, are_of_images: true } }
    }

    #[test]
    fn a_gradient_of_nobody_else_becomes_that_of_the_images() {
        for activation in [Activation::None, Activation::Relu] {
            let of = operation(activation);
            let aside = of.forward(Some(&flex([2, 3, 5, 4])));
            for of_residual in [false, true] {
                let before = || Before::Output(values(&aside));
                let shared = flex([2, 3, 5, 4]);
                let want = of.backward(before(), shared.clone(), of_residual);
                assert_eq!(values(&shared), values(&flex([2, 3, 5, 4])), "it is shared");

                let start = values(&shared).as_ptr();
                let found = of.backward(before(), shared, of_residual);
                assert_eq!(values(&found.images), values(&want.images));
                let is_in_place = values(&found.images).as_ptr() == start;
                // Else it is the gradient of the residual.
                let is_free = !of_residual || activation != Activation::None;
                assert_eq!(is_in_place, is_free, "{activation:?}, residual: {of_residual}");
                let [found, want] = [found, want].map(|it| it.residual);
                assert_eq!(found.as_ref().map(values), want.as_ref().map(values));
                assert_eq!(found.is_some(), of_residual);
            }
        }
    }
}
