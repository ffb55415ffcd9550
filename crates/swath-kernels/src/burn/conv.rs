//! Convolution.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::{Tensor, module::conv2d, ops::ConvOptions},
};
use burn_flex::FlexTensor;

use super::{
    Moves,
    buffer::filled,
    composed::per_channel,
    conv_kernel::ConvKernel,
    differentiable::differentiable,
    tensors::{change, has_kernels, in_order, shape, values},
};
use crate::Epilogue;

/// Convolution of `images`, `[batch, row, col, channel in]`, with `weights`,
/// `[kernel row, kernel col, channel in of a group, channel out]`; differentiates.
///
/// The first outputs are of the first group, and so on. With one group the dense kernel runs, with
/// as many groups as channels in and out the depthwise one, else the grouped one.
///
/// # Panics
/// If the channels of the images are not those of the weights times the groups, or the kernel is
/// larger than the images with their zeros.
pub fn convolve(images: Tensor<4>, weights: Tensor<4>, moves: Moves) -> Tensor<4> {
    if !has_kernels(&images) {
        return composed(images, weights, moves);
    }
    let output = Dispatch::convolution(images.into_dispatch(), weights.into_dispatch(), moves);
    Tensor::from_dispatch(output)
}

/// `images` plus one number per channel; differentiates.
pub fn add_bias(images: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    if !has_kernels(&images) {
        return images + per_channel(bias);
    }
    Tensor::from_dispatch(Dispatch::biased(images.into_dispatch(), bias.into_dispatch()))
}

/// The convolution by burn's own, which is channels first.
pub(super) fn composed(images: Tensor<4>, weights: Tensor<4>, moves: Moves) -> Tensor<4> {
    let Moves { stride, padding, dilation, groups } = moves;
    let options = ConvOptions::new(stride, padding, dilation, groups);
    let images = images.permute([0, 3, 1, 2]);
    conv2d(images, weights.permute([3, 2, 0, 1]), None, options).permute([0, 2, 3, 1])
}

#[backend_extension(Flex, Autodiff)]
trait ConvOps: Backend {
    fn convolution(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        moves: Moves,
    ) -> FloatTensor<Self>;

    fn biased(images: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl ConvOps for Flex {
    fn convolution(images: FlexTensor, weights: FlexTensor, moves: Moves) -> FlexTensor {
        run(images, weights, Epilogue::default(), moves)
    }

    fn biased(images: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let bias = in_order(bias);
        let mut images = in_order(images);
        // In place where no other tensor shares the values.
        change(&mut images, |images| crate::add_bias(images, values(&bias)));
        images
    }
}

impl<C: CheckpointStrategy> ConvOps for Autodiff<Flex, C> {
    fn convolution(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        moves: Moves,
    ) -> FloatTensor<Self> {
        differentiable::<C, _, 2>(
            [images, weights],
            |[images, weights]| {
                let state = (images.clone(), weights.clone(), moves);
                (Flex::convolution(images, weights, moves), state)
            },
            |(images, weights, moves), gradient, [of_images, of_weights]| {
                let of_weights =
                    of_weights.then(|| weight_gradient(&images, shape(&weights), &gradient, moves));
                let images_shape = shape(&images);
                drop(images); // Before the gradient of the same size is made.
                let of_images =
                    of_images.then(|| image_gradient(images_shape, &weights, &gradient, moves));
                [of_images, of_weights]
            },
        )
    }

    fn biased(images: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        differentiable::<C, _, 2>(
            [images, bias],
            |[images, bias]| (Flex::biased(images, bias), ()),
            |(), gradient, [of_images, of_bias]| {
                let of_bias = of_bias.then(|| {
                    let [.., channels] = shape::<4>(&gradient);
                    filled([channels], |out| {
                        crate::bias_gradient(values(&gradient), channels, out);
                    })
                });
                [of_images.then_some(gradient), of_bias]
            },
        )
    }
}

/// The values of the convolution and what follows it.
pub(super) fn run(
    images: FlexTensor,
    weights: FlexTensor,
    epilogue: Epilogue,
    moves: Moves,
) -> FlexTensor {
    let (images, weights) = (in_order(images), in_order(weights));
    let kernel = ConvKernel::new(shape(&images), shape(&weights), moves);
    filled(kernel.output_shape(), |out| {
        kernel.forward(values(&images), values(&weights), epilogue, out);
    })
}

fn image_gradient(
    images: [usize; 4],
    weights: &FlexTensor,
    gradient: &FlexTensor,
    moves: Moves,
) -> FlexTensor {
    let kernel = ConvKernel::new(images, shape(weights), moves);
    filled(images, |out| kernel.image_gradient(values(gradient), values(weights), out))
}

fn weight_gradient(
    images: &FlexTensor,
    weights: [usize; 4],
    gradient: &FlexTensor,
    moves: Moves,
) -> FlexTensor {
    let kernel = ConvKernel::new(shape(images), weights, moves);
    filled(weights, |out| kernel.weight_gradient(values(images), values(gradient), out))
}

#[cfg(test)]
mod tests {
    use super::{
        super::agreement::{assert_agree, channels},
        *,
    };

    #[track_caller]
    fn check(images: [usize; 4], weights: [usize; 4], moves: Moves) {
        assert_agree(&format!("{weights:?} {moves:?}"), [images, weights], |[images, weights]| {
            convolve(images, weights, moves)
        });
    }

    #[test]
    fn dense_convolution_is_that_of_burn() {
        check([2, 9, 11, 8], [3, 3, 8, 6], Moves::centred(3, 1));
        check([1, 7, 5, 3], [3, 3, 3, 5], Moves::centred(3, 2));
        check([1, 6, 5, 1], [1, 1, 1, 1], Moves::centred(1, 1));
        check([2, 11, 13, 4], [3, 3, 4, 2], Moves::centred(3, 1).dilated(3));
        let moves = Moves { stride: [2, 1], padding: [0, 2], dilation: [1, 2], groups: 1 };
        check([1, 8, 7, 5], [4, 3, 5, 17], moves);
    }

    #[test]
    fn depthwise_convolution_is_that_of_burn() {
        check([2, 9, 7, 6], [3, 3, 1, 6], Moves::centred(3, 1).grouped(6));
        check([1, 8, 5, 20], [5, 5, 1, 20], Moves::centred(5, 2).grouped(20));
        check([1, 10, 9, 3], [3, 3, 1, 3], Moves::centred(3, 1).dilated(2).grouped(3));
    }

    #[test]
    fn grouped_convolution_is_that_of_burn() {
        check([2, 9, 7, 6], [3, 3, 2, 9], Moves::centred(3, 1).grouped(3));
        check([1, 5, 8, 4], [3, 3, 1, 8], Moves::centred(3, 2).grouped(4));
        check([1, 5, 6, 40], [1, 1, 20, 6], Moves::centred(1, 1).grouped(2));
    }

    #[test]
    fn a_bias_is_added_to_every_pixel() {
        for shape @ [.., n_channels] in [[2, 5, 3, 7], [1, 4, 6, 1], [1, 9, 9, 64]] {
            assert_agree("bias", [shape, [1, 1, 1, n_channels]], |[images, bias]| {
                add_bias(images, channels(bias))
            });
        }
    }

    #[test]
    fn a_bias_leaves_other_tensors_as_they_are() {
        let device = Default::default();
        let images: Tensor<4> = Tensor::ones([1, 2, 3, 4], &device);
        let sum = add_bias(images.clone(), Tensor::ones([4], &device));
        assert_eq!(images.into_data().iter::<f32>().sum::<f32>(), 24.0);
        assert_eq!(sum.into_data().iter::<f32>().sum::<f32>(), 48.0);
    }
}
