//! Activations on their own.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::Tensor,
};
use burn_flex::FlexTensor;

use super::{
    buffer::filled,
    composed,
    differentiable::differentiable,
    tensors::{change, has_kernels, in_order, shape, values},
};
use crate::Activation;

/// `function` of every value of `images`, `[batch, row, col, channel]`; differentiates.
pub fn activate(images: Tensor<4>, function: Activation) -> Tensor<4> {
    if function == Activation::None {
        return images;
    }
    if !has_kernels(&images) {
        return composed::activate(images, function);
    }
    Tensor::from_dispatch(Dispatch::activated(images.into_dispatch(), function))
}

#[backend_extension(Flex, Autodiff)]
trait ActivationOps: Backend {
    fn activated(images: FloatTensor<Self>, function: Activation) -> FloatTensor<Self>;
}

impl ActivationOps for Flex {
    fn activated(images: FlexTensor, function: Activation) -> FlexTensor {
        let images = in_order(images);
        filled(shape::<4>(&images), |out| crate::activate(function, values(&images), out))
    }
}

impl<C: CheckpointStrategy> ActivationOps for Autodiff<Flex, C> {
    fn activated(images: FloatTensor<Self>, function: Activation) -> FloatTensor<Self> {
        differentiable::<C, _, 1>(
            [images],
            |[images]| (Flex::activated(images.clone(), function), (images, function)),
            |(images, function), mut gradient, [_]| {
                change(&mut gradient, |gradient| {
                    crate::activate_gradient(function, values(&images), gradient);
                });
                [Some(gradient)]
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{super::agreement::assert_agree, *};
    use crate::expected::ACTIVATIONS;

    /// The gradient of the sum, which a kernel made, is that of both.
    #[test]
    fn a_gradient_that_others_have_stays_as_it_is() {
        let shape = [2, 3, 4, 5];
        assert_agree("sum", [shape; 2], |[a, b]| {
            let [a, b] = [a, b].map(|it| activate(it, Activation::LeakyRelu(0.1)));
            crate::burn::resample(a + b, [6, 8], crate::Interpolation::Nearest)
        });
    }

    #[test]
    fn activations_are_those_of_burn() {
        for function in ACTIVATIONS {
            for shape in [[2, 5, 3, 7], [1, 4, 6, 1]] {
                let what = format!("{function:?} {shape:?}");
                assert_agree(&what, [shape], |[images]| activate(images, function));
            }
        }
    }
}
