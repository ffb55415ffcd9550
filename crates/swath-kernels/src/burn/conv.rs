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
    buffer::fresh,
    composed::per_channel,
    differentiable::differentiable,
    tensors::{change, has_kernels, in_order, shape, values},
};
use crate::{Conv, Epilogue};

/// How the kernel of a convolution moves over the images. Pairs are `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    /// Pixels from one output to the next.
    pub stride: [usize; 2],
    /// Zeros around the images, on each side.
    pub padding: [usize; 2],
    /// Pixels from one value of the kernel to the next.
    pub dilation: [usize; 2],
}

impl Moves {
    /// One output for every `stride` pixels of images with zeros around, as many as half the
    /// kernel of odd size.
    pub fn centred(kernel_px: usize, stride: usize) -> Self {
        Self { stride: [stride; 2], padding: [kernel_px / 2; 2], dilation: [1; 2] }
    }
}

/// Convolution of `images`, `[batch, row, col, channel in]`, with `weights`,
/// `[kernel row, kernel col, channel in, channel out]`; differentiates.
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
    let Moves { stride, padding, dilation } = moves;
    let options = ConvOptions::new(stride, padding, dilation, 1);
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
                    let mut sums = fresh(channels);
                    crate::bias_gradient(values(&gradient), channels, &mut sums);
                    sums.into_tensor([channels])
                });
                [of_images.then_some(gradient), of_bias]
            },
        )
    }
}

pub(super) fn run(
    images: FlexTensor,
    weights: FlexTensor,
    epilogue: Epilogue,
    moves: Moves,
) -> FlexTensor {
    let (images, weights) = (in_order(images), in_order(weights));
    let conv = conv(shape(&images), shape(&weights), moves);
    let [rows, cols] = conv.output_size();
    let shape = [conv.batch, rows, cols, conv.channels[1]];
    let mut output = fresh(shape.iter().product());
    conv.forward(values(&images), values(&weights), epilogue, &mut output);
    output.into_tensor(shape)
}

fn conv(images: [usize; 4], weights: [usize; 4], moves: Moves) -> Conv {
    let [batch, rows, cols, channels] = images;
    let [kernel_rows, kernel_cols, input, output] = weights;
    assert_eq!(channels, input, "channels of the images and of the weights");
    let Moves { stride, padding, dilation } = moves;
    Conv {
        batch,
        channels: [input, output],
        size: [rows, cols],
        kernel: [kernel_rows, kernel_cols],
        stride,
        padding,
        dilation,
    }
}

fn image_gradient(
    images: [usize; 4],
    weights: &FlexTensor,
    gradient: &FlexTensor,
    moves: Moves,
) -> FlexTensor {
    let mut output = fresh(images.iter().product());
    let conv = conv(images, shape(weights), moves);
    conv.image_gradient(values(gradient), values(weights), &mut output);
    output.into_tensor(images)
}

fn weight_gradient(
    images: &FlexTensor,
    weights: [usize; 4],
    gradient: &FlexTensor,
    moves: Moves,
) -> FlexTensor {
    let mut output = fresh(weights.iter().product());
    let conv = conv(shape(images), weights, moves);
    conv.weight_gradient(values(images), values(gradient), &mut output);
    output.into_tensor(weights)
}
