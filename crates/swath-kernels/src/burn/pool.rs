//! Maximum pooling.

use std::sync::Arc;

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::{Tensor, module::max_pool2d, ops::MaxPoolOptions},
};
use burn_flex::FlexTensor;

use super::{
    buffer::filled,
    differentiable::differentiable,
    tensors::{has_kernels, in_order, shape, values},
};
use crate::{MaxPool, Window, shape::count};

/// How a window moves over images. Pairs are `[rows, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Pixels from one window to the next.
    pub stride: [usize; 2],
    /// Pixels that windows may begin before and end behind the images.
    pub padding: [usize; 2],
}

impl Windows {
    /// The largest value of every window of `images`, `[batch, row, col, channel]`; differentiates.
    pub fn max_pool(self, images: Tensor<4>) -> Tensor<4> {
        if has_kernels(&images) {
            return Tensor::from_dispatch(Dispatch::max_pooled(images.into_dispatch(), self));
        }
        let Self { kernel, stride, padding } = self;
        let options = MaxPoolOptions::new(kernel).with_stride(stride).with_padding(padding);
        max_pool2d(images.permute([0, 3, 1, 2]), options).permute([0, 2, 3, 1])
    }

    pub(super) fn over(self, [batch, rows, cols, channels]: [usize; 4]) -> Window {
        let Self { kernel, stride, padding } = self;
        Window { batch, size: [rows, cols], channels, kernel, stride, padding }
    }
}

#[backend_extension(Flex, Autodiff)]
trait PoolOps: Backend {
    fn max_pooled(images: FloatTensor<Self>, windows: Windows) -> FloatTensor<Self>;
}

impl PoolOps for Flex {
    fn max_pooled(images: FlexTensor, windows: Windows) -> FlexTensor {
        let images = in_order(images);
        let window = windows.over(shape(&images));
        filled(window.output_shape(), |out| MaxPool(window).forward(values(&images), out, None))
    }
}

impl<C: CheckpointStrategy> PoolOps for Autodiff<Flex, C> {
    fn max_pooled(images: FloatTensor<Self>, windows: Windows) -> FloatTensor<Self> {
        differentiable::<C, _, 1>(
            [images],
            |[images]| {
                let window = windows.over(shape(&images));
                let shape = window.output_shape();
                let mut taps = vec![0; count(shape)];
                let output = filled(shape, |out| {
                    MaxPool(window).forward(values(&images), out, Some(&mut taps));
                });
                (output, (window, Arc::new(taps)))
            },
            |(window, taps), gradient, [_]| {
                let Window { batch, size: [rows, cols], channels, .. } = window;
                [Some(filled([batch, rows, cols, channels], |out| {
                    MaxPool(window).image_gradient(values(&gradient), &taps, out);
                }))]
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{super::agreement::assert_agree, *};

    #[test]
    fn the_largest_values_are_those_of_burn() {
        for (shape, kernel, stride, padding) in [
            ([2, 9, 7, 6], [3, 3], [2, 2], [1, 1]),
            ([1, 8, 6, 1], [2, 2], [2, 2], [0, 0]),
            ([1, 7, 9, 20], [2, 3], [1, 2], [1, 0]),
        ] {
            let windows = Windows { kernel, stride, padding };
            assert_agree(&format!("{windows:?}"), [shape], |[images]| windows.max_pool(images));
        }
    }
}
