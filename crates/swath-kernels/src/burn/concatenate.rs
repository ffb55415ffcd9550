//! Channels of several images side by side.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, ExtensionType, Flex,
        autodiff::checkpoint::strategy::CheckpointStrategy, backend_extension, tensor::FloatTensor,
    },
    tensor::Tensor,
};
use burn_flex::FlexTensor;

use super::{
    buffer::{filled, into_tensor},
    differentiable::differentiable,
    tensors::{has_kernels, in_order, shape, values},
};
use crate::{memory::buffer, shape::count};

/// Most tensors of one operation; more are put together in turns.
const MOST: usize = 5;

/// The channels of `images`, each `[batch, row, col, channel]`, side by side in their order;
/// differentiates.
///
/// # Panics
/// If there are none, or their batches, rows or columns differ.
pub fn concatenate(mut images: Vec<Tensor<4>>) -> Tensor<4> {
    assert!(!images.is_empty(), "no images to put side by side");
    if !images.iter().all(has_kernels) {
        return Tensor::cat(images, 3);
    }
    while 1 < images.len() {
        let rest = images.split_off(images.len().min(MOST));
        let first = images.into_iter().map(Tensor::into_dispatch).collect();
        let first = Tensor::from_dispatch(Dispatch::side_by_side(Several::of(first)));
        images = [vec![first], rest].concat();
    }
    images.remove(0)
}

/// The tensors of one operation.
#[derive(ExtensionType)]
enum Several<B: Backend> {
    Two(FloatTensor<B>, FloatTensor<B>),
    Three(FloatTensor<B>, FloatTensor<B>, FloatTensor<B>),
    Four(FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>),
    Five(FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>),
}

impl<B: Backend> Several<B> {
    /// Two to [`MOST`].
    fn of(tensors: Vec<FloatTensor<B>>) -> Self {
        let n_tensors = tensors.len();
        let mut all = tensors.into_iter();
        let mut next = || all.next().expect("as many as there are");
        match n_tensors {
            2 => Self::Two(next(), next()),
            3 => Self::Three(next(), next(), next()),
            4 => Self::Four(next(), next(), next(), next()),
            MOST => Self::Five(next(), next(), next(), next(), next()),
            _ => panic!("{n_tensors} tensors in one operation"),
        }
    }
}

#[backend_extension(Flex, Autodiff)]
trait ConcatenateOps: Backend {
    fn side_by_side(#[extension_type] images: Several<Self>) -> FloatTensor<Self>;
}

impl ConcatenateOps for Flex {
    fn side_by_side(images: Several<Self>) -> FlexTensor {
        match images {
            Several::Two(a, b) => forward([a, b].map(in_order)),
            Several::Three(a, b, c) => forward([a, b, c].map(in_order)),
            Several::Four(a, b, c, d) => forward([a, b, c, d].map(in_order)),
            Several::Five(a, b, c, d, e) => forward([a, b, c, d, e].map(in_order)),
        }
    }
}

impl<C: CheckpointStrategy> ConcatenateOps for Autodiff<Flex, C> {
    fn side_by_side(images: Several<Self>) -> FloatTensor<Self> {
        match images {
            Several::Two(a, b) => with_gradient::<C, 2>([a, b]),
            Several::Three(a, b, c) => with_gradient::<C, 3>([a, b, c]),
            Several::Four(a, b, c, d) => with_gradient::<C, 4>([a, b, c, d]),
            Several::Five(a, b, c, d, e) => with_gradient::<C, 5>([a, b, c, d, e]),
        }
    }
}

fn with_gradient<C: CheckpointStrategy, const N: usize>(
    images: [FloatTensor<Autodiff<Flex, C>>; N],
) -> FloatTensor<Autodiff<Flex, C>> {
    differentiable::<C, _, N>(
        images,
        |images| {
            let shapes = images.each_ref().map(shape);
            (forward(images), shapes)
        },
        |shapes: [[usize; 4]; N], gradient, _| {
            let mut parts = shapes.map(|shape| buffer(count(shape)));
            let mut outs: Vec<(&mut [f32], usize)> = parts
                .iter_mut()
                .zip(shapes)
                .map(|(part, shape)| (&mut part[..], shape[3]))
                .collect();
            crate::split(values(&gradient), &mut outs);
            let mut shapes = shapes.into_iter();
            parts.map(|part| shapes.next().map(|shape| into_tensor(part, shape)))
        },
    )
}

fn forward<const N: usize>(images: [FlexTensor; N]) -> FlexTensor {
    let [batch, rows, cols, _] = shape(&images[0]);
    let shapes: [[usize; 4]; N] = images.each_ref().map(shape);
    for shape in shapes {
        assert_eq!(shape[..3], [batch, rows, cols], "batch, rows and columns of images");
    }
    let channels = shapes.iter().map(|shape| shape[3]).sum();
    let inputs: Vec<(&[f32], usize)> =
        images.iter().zip(shapes).map(|(it, shape)| (values(it), shape[3])).collect();
    filled([batch, rows, cols, channels], |out| crate::concatenate(&inputs, out))
}

#[cfg(test)]
mod tests {
    use super::{super::agreement::assert_agree, *};

    #[track_caller]
    fn check<const N: usize>(channels: [usize; N]) {
        let shapes = channels.map(|channels| [2, 5, 3, channels]);
        assert_agree(&format!("{channels:?}"), shapes, |images| concatenate(images.into()));
    }

    #[test]
    fn any_number_of_images_is_put_side_by_side() {
        check([3]);
        check([3, 5]);
        check([1, 1, 1]);
        check([4, 20, 1, 7]);
        check([2, 3, 16, 4, 5]);
        check([2, 3, 1, 4, 5, 6]);
        check([1, 2, 1, 3, 1, 4, 1, 5, 1, 6]);
    }

    #[test]
    #[should_panic(expected = "batch, rows and columns of images")]
    fn images_of_other_sizes_are_refused() {
        let device = Default::default();
        concatenate([[1, 2, 3, 4], [1, 3, 2, 4]].map(|it| Tensor::zeros(it, &device)).into());
    }
}
