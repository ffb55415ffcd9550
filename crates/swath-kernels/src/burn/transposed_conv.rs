//! Transposed convolution.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::{Tensor, module::conv_transpose2d, ops::ConvTransposeOptions},
};
use burn_flex::FlexTensor;

use super::{
    buffer::filled,
    differentiable::differentiable,
    tensors::{has_kernels, in_order, shape, values},
};
use crate::{Epilogue, TransposedConv};

/// Transposed convolution: every pixel of `images`, `[batch, row, col, channel in]`, becomes a block
/// of `weights`, `[kernel row, kernel col, channel in, channel out]`, `stride` after that of the pixel
/// before it, blocks that overlap are added, and `padding` is cut off on each side; differentiates.
///
/// With a kernel of 2×2 and a stride of 2 rows and columns are doubled. The weights of PyTorch's `ConvTranspose2d`,
/// `[channel in, channel out, kernel row, kernel col]`, have another order.
///
/// # Panics
/// If the channels of the images are not those of the weights.
pub fn convolve_transposed(
    images: Tensor<4>,
    weights: Tensor<4>,
    stride: [usize; 2],
    padding: [usize; 2],
) -> Tensor<4> {
    let steps = Steps { stride, padding };
    if has_kernels(&images) {
        let (images, weights) = (images.into_dispatch(), weights.into_dispatch());
        return Tensor::from_dispatch(Dispatch::transposed_convolution(images, weights, steps));
    }
    let options = ConvTransposeOptions::new(stride, padding, [0; 2], [1; 2], 1);
    let images = images.permute([0, 3, 1, 2]);
    let weights = weights.permute([2, 3, 0, 1]);
    conv_transpose2d(images, weights, None, options).permute([0, 2, 3, 1])
}

/// From one block to the next, and what is cut off.
#[derive(Clone, Copy, Debug)]
struct Steps {
    stride: [usize; 2],
    padding: [usize; 2],
}

#[backend_extension(Flex, Autodiff)]
trait TransposedConvOps: Backend {
    fn transposed_convolution(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self>;
}

impl TransposedConvOps for Flex {
    fn transposed_convolution(images: FlexTensor, weights: FlexTensor, steps: Steps) -> FlexTensor {
        let [images, weights] = [images, weights].map(in_order);
        let kernel = kernel(shape(&images), shape(&weights), steps);
        let [rows, cols] = kernel.output_size();
        filled([kernel.batch, rows, cols, kernel.channels[1]], |out| {
            kernel.forward(values(&images), values(&weights), Epilogue::default(), out);
        })
    }
}

impl<C: CheckpointStrategy> TransposedConvOps for Autodiff<Flex, C> {
    fn transposed_convolution(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        steps: Steps,
    ) -> FloatTensor<Self> {
        differentiable::<C, _, 2>(
            [images, weights],
            |[images, weights]| {
                let state = (images.clone(), weights.clone(), steps);
                (Flex::transposed_convolution(images, weights, steps), state)
            },
            |(images, weights, steps), gradient, [of_images, of_weights]| {
                let [images_shape, weights_shape] = [shape(&images), shape(&weights)];
                let kernel = kernel(images_shape, weights_shape, steps);
                let of_weights = of_weights.then(|| {
                    filled(weights_shape, |out| {
                        kernel.weight_gradient(values(&images), values(&gradient), out);
                    })
                });
                drop(images); // Before the gradient of the same size is made.
                let of_images = of_images.then(|| {
                    filled(images_shape, |out| {
                        kernel.image_gradient(values(&gradient), values(&weights), out);
                    })
                });
                [of_images, of_weights]
            },
        )
    }
}

fn kernel(images: [usize; 4], weights: [usize; 4], steps: Steps) -> TransposedConv {
    let [batch, rows, cols, channels] = images;
    let [kernel_rows, kernel_cols, input, output] = weights;
    assert_eq!(channels, input, "channels of the images and of the weights");
    let kernel = [kernel_rows, kernel_cols];
    TransposedConv {
        batch,
        channels: [input, output],
        size: [rows, cols],
        kernel,
        stride: steps.stride,
        padding: steps.padding,
        output_padding: [0; 2],
        dilation: [1; 2],
    }
}

#[cfg(test)]
mod tests {
    use super::{super::agreement::assert_agree, *};

    #[test]
    fn every_pixel_becomes_a_block_as_in_burn() {
        for (images, weights) in [
            ([2, 5, 3, 6], [2, 2, 6, 4]),
            ([1, 4, 7, 1], [2, 2, 1, 1]),
            ([1, 3, 3, 20], [1, 3, 20, 17]),
        ] {
            assert_agree(&format!("{weights:?}"), [images, weights], |[images, weights]| {
                let [rows, cols, ..] = weights.dims();
                convolve_transposed(images, weights, [rows, cols], [0; 2])
            });
        }
        assert_agree("overlapping", [[2, 5, 3, 6], [4, 4, 6, 7]], |[images, weights]| {
            convolve_transposed(images, weights, [2; 2], [1; 2])
        });
    }

    // By hand, as a row of two pixels.
    #[test]
    fn weights_are_by_kernel_row_and_column() {
        let device = Default::default();
        let images = Tensor::<1>::from_data([1.0, 10.0], &device).reshape([1, 1, 2, 1]);
        let weights = Tensor::<1>::from_data([1.0, 2.0, 3.0, 4.0], &device);
        let output = convolve_transposed(images, weights.reshape([2, 2, 1, 1]), [2; 2], [0; 2]);
        assert_eq!(output.dims(), [1, 2, 4, 1]);
        let output: Vec<f32> = output.into_data().iter().collect();
        assert_eq!(output, [1.0, 2.0, 10.0, 20.0, 3.0, 4.0, 30.0, 40.0]);
    }
}
