//! Average pooling.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::{
        Tensor,
        module::{adaptive_avg_pool2d, avg_pool2d},
        ops::AvgPoolOptions,
    },
};
use burn_flex::FlexTensor;

use super::{
    Windows,
    buffer::filled,
    differentiable::differentiable,
    tensors::{has_kernels, in_order, shape, values},
};
use crate::{AdaptiveAveragePool, AveragePool, global_average, global_average_gradient};

impl Windows {
    /// The mean of every window of `images`, `[batch, row, col, channel]`; differentiates.
    ///
    /// What lies beside the images counts as zeros, as by default in PyTorch.
    pub fn average_pool(self, images: Tensor<4>) -> Tensor<4> {
        if has_kernels(&images) {
            return Tensor::from_dispatch(Dispatch::averaged(images.into_dispatch(), self));
        }
        let Self { kernel, stride, padding } = self;
        let options = AvgPoolOptions::new(kernel).with_stride(stride).with_padding(padding);
        avg_pool2d(images.permute([0, 3, 1, 2]), options).permute([0, 2, 3, 1])
    }
}

/// Means over `size` windows, `[rows, cols]`, that cover `images`, `[batch, row, col, channel]`, and
/// overlap where the size does not divide that of the images; differentiates.
///
/// Window `i` of `n` over `length` pixels reaches from `floor(i * length / n)` to
/// `ceil((i + 1) * length / n)`, as in PyTorch's `AdaptiveAvgPool2d`.
pub fn adaptive_average_pool(images: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    if size == [1; 2] {
        return global_average_pool(images);
    }
    if has_kernels(&images) {
        return Tensor::from_dispatch(Dispatch::averaged_to(images.into_dispatch(), size));
    }
    adaptive_avg_pool2d(images.permute([0, 3, 1, 2]), size).permute([0, 2, 3, 1])
}

/// The mean over the pixels of each of `images`, `[batch, row, col, channel]`: `[batch, 1, 1,
/// channel]`; differentiates.
pub fn global_average_pool(images: Tensor<4>) -> Tensor<4> {
    if has_kernels(&images) {
        return Tensor::from_dispatch(Dispatch::averaged_globally(images.into_dispatch()));
    }
    images.mean_dim(1).mean_dim(2)
}

#[backend_extension(Flex, Autodiff)]
trait AveragePoolOps: Backend {
    fn averaged(images: FloatTensor<Self>, windows: Windows) -> FloatTensor<Self>;

    fn averaged_to(images: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self>;

    fn averaged_globally(images: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl AveragePoolOps for Flex {
    fn averaged(images: FlexTensor, windows: Windows) -> FlexTensor {
        let images = in_order(images);
        let kernel = kernel(shape(&images), windows);
        let shape = kernel.window.output_shape();
        filled(shape, |out| kernel.forward(values(&images), out))
    }

    fn averaged_to(images: FlexTensor, size: [usize; 2]) -> FlexTensor {
        let images = in_order(images);
        let kernel = adaptive_kernel(shape(&images), size);
        let shape = [kernel.batch, size[0], size[1], kernel.channels];
        filled(shape, |out| kernel.forward(values(&images), out))
    }

    fn averaged_globally(images: FlexTensor) -> FlexTensor {
        let images = in_order(images);
        let [batch, rows, cols, channels] = shape(&images);
        filled([batch, 1, 1, channels], |out| {
            global_average(rows * cols, channels, values(&images), out);
        })
    }
}

impl<C: CheckpointStrategy> AveragePoolOps for Autodiff<Flex, C> {
    fn averaged(images: FloatTensor<Self>, windows: Windows) -> FloatTensor<Self> {
        differentiable::<C, _, 1>(
            [images],
            |[images]| {
                let state = (shape(&images), windows);
                (Flex::averaged(images, windows), state)
            },
            |(shape, windows), gradient, [_]| {
                let kernel = kernel(shape, windows);
                [Some(filled(shape, |out| kernel.image_gradient(values(&gradient), out)))]
            },
        )
    }

    fn averaged_to(images: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self> {
        differentiable::<C, _, 1>(
            [images],
            |[images]| {
                let state = (shape(&images), size);
                (Flex::averaged_to(images, size), state)
            },
            |(shape, size), gradient, [_]| {
                let kernel = adaptive_kernel(shape, size);
                [Some(filled(shape, |out| kernel.image_gradient(values(&gradient), out)))]
            },
        )
    }

    fn averaged_globally(images: FloatTensor<Self>) -> FloatTensor<Self> {
        differentiable::<C, _, 1>(
            [images],
            |[images]| {
                let shape: [usize; 4] = shape(&images);
                (Flex::averaged_globally(images), shape)
            },
            |shape @ [_, rows, cols, channels], gradient, [_]| {
                [Some(filled(shape, |out| {
                    global_average_gradient(rows * cols, channels, values(&gradient), out);
                }))]
            },
        )
    }
}

fn kernel(images: [usize; 4], windows: Windows) -> AveragePool {
    AveragePool { window: windows.over(images), counts_padding: true }
}

fn adaptive_kernel(images: [usize; 4], output_size: [usize; 2]) -> AdaptiveAveragePool {
    let [batch, rows, cols, channels] = images;
    AdaptiveAveragePool { batch, size: [rows, cols], channels, output_size }
}

#[cfg(test)]
mod tests {
    use super::{super::agreement::assert_agree, *};

    #[test]
    fn means_of_windows_are_those_of_burn() {
        for (shape, kernel, stride, padding) in [
            ([2, 9, 7, 6], [3, 3], [2, 2], [1, 1]),
            ([1, 8, 6, 1], [2, 2], [2, 2], [0, 0]),
            ([1, 7, 9, 20], [2, 3], [1, 2], [1, 0]),
        ] {
            let windows = Windows { kernel, stride, padding };
            assert_agree(&format!("{windows:?}"), [shape], |[images]| windows.average_pool(images));
        }
    }

    #[test]
    fn means_to_a_size_are_those_of_burn() {
        for (shape, size) in [
            ([2, 9, 7, 6], [1, 1]),
            ([2, 9, 7, 6], [2, 3]),
            ([1, 8, 12, 1], [4, 6]),
            ([1, 13, 11, 20], [6, 6]),
        ] {
            assert_agree(&format!("{size:?}"), [shape], |[images]| {
                adaptive_average_pool(images, size)
            });
        }
    }

    #[test]
    fn means_of_images_are_those_of_burn() {
        for shape in [[2, 9, 7, 6], [1, 1, 1, 1], [1, 19, 20, 33]] {
            assert_agree(&format!("{shape:?}"), [shape], |[images]| global_average_pool(images));
        }
    }
}
