//! Images of another size, and channels side by side.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::{
        Tensor,
        module::interpolate,
        ops::{InterpolateMode, InterpolateOptions},
    },
};
use burn_flex::FlexTensor;

use super::{
    buffer::fresh,
    differentiable::differentiable,
    tensors::{has_kernels, in_order, shape, values},
};
use crate::{Interpolation, Upsample, UpsampleConcat};

/// `images`, `[batch, row, col, channel]`, brought to `size`, which is `[rows, cols]`;
/// differentiates.
pub fn resample(images: Tensor<4>, size: [usize; 2], interpolation: Interpolation) -> Tensor<4> {
    if has_kernels(&images) {
        let images = images.into_dispatch();
        return Tensor::from_dispatch(Dispatch::resampled(images, size, interpolation));
    }
    let (mode, align_corners) = match interpolation {
        Interpolation::Nearest => (InterpolateMode::Nearest, false),
        Interpolation::Bilinear => (InterpolateMode::Bilinear, false),
        Interpolation::BilinearCorners => (InterpolateMode::Bilinear, true),
    };
    let options =
        InterpolateOptions::new(mode).with_output_size(size).with_align_corners(align_corners);
    interpolate(images.permute([0, 3, 1, 2]), options).permute([0, 2, 3, 1])
}

/// `images` brought to the size of `beside` (nearest pixels), with the channels of `beside` behind
/// theirs; differentiates.
pub fn upsample_concat(images: Tensor<4>, beside: Tensor<4>) -> Tensor<4> {
    if has_kernels(&images) {
        let (images, beside) = (images.into_dispatch(), beside.into_dispatch());
        return Tensor::from_dispatch(Dispatch::upsampled_beside(images, beside));
    }
    let [_, rows, cols, _] = beside.dims();
    let images = resample(images, [rows, cols], Interpolation::Nearest);
    Tensor::cat(vec![images, beside], 3)
}

#[backend_extension(Flex, Autodiff)]
trait ResampleOps: Backend {
    fn resampled(
        images: FloatTensor<Self>,
        size: [usize; 2],
        interpolation: Interpolation,
    ) -> FloatTensor<Self>;

    fn upsampled_beside(images: FloatTensor<Self>, beside: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl ResampleOps for Flex {
    fn resampled(images: FlexTensor, size: [usize; 2], interpolation: Interpolation) -> FlexTensor {
        let images = in_order(images);
        let [batch, rows, cols, channels] = shape(&images);
        let upsample =
            Upsample { batch, size: [rows, cols], channels, output_size: size, interpolation };
        let mut output = fresh(batch * size[0] * size[1] * channels);
        upsample.forward(values(&images), &mut output);
        output.into_tensor([batch, size[0], size[1], channels])
    }

    fn upsampled_beside(images: FlexTensor, beside: FlexTensor) -> FlexTensor {
        let [images, beside] = [images, beside].map(in_order);
        let step = step(&images, &beside);
        let [rows, cols] = step.output_size;
        let shape = [step.batch, rows, cols, step.channels[0] + step.channels[1]];
        let mut output = fresh(shape.iter().product());
        step.forward(values(&images), values(&beside), &mut output);
        output.into_tensor(shape)
    }
}

fn step(images: &FlexTensor, beside: &FlexTensor) -> UpsampleConcat {
    let [batch, rows, cols, channels] = shape(images);
    let [batch_beside, output_rows, output_cols, channels_beside] = shape(beside);
    assert_eq!(batch, batch_beside, "images and images beside them");
    UpsampleConcat {
        batch,
        size: [rows, cols],
        output_size: [output_rows, output_cols],
        channels: [channels, channels_beside],
    }
}

impl<C: CheckpointStrategy> ResampleOps for Autodiff<Flex, C> {
    fn resampled(
        images: FloatTensor<Self>,
        size: [usize; 2],
        interpolation: Interpolation,
    ) -> FloatTensor<Self> {
        differentiable::<C, _, 1>(
            [images],
            |[images]| {
                let [batch, rows, cols, channels] = shape(&images);
                let upsample = Upsample {
                    batch,
                    size: [rows, cols],
                    channels,
                    output_size: size,
                    interpolation,
                };
                (Flex::resampled(images, size, interpolation), upsample)
            },
            |upsample, gradient, [_]| {
                let Upsample { batch, size: [rows, cols], channels, .. } = upsample;
                let shape = [batch, rows, cols, channels];
                let mut of_images = fresh(shape.iter().product());
                upsample.image_gradient(values(&gradient), &mut of_images);
                [Some(of_images.into_tensor(shape))]
            },
        )
    }

    fn upsampled_beside(images: FloatTensor<Self>, beside: FloatTensor<Self>) -> FloatTensor<Self> {
        differentiable::<C, _, 2>(
            [images, beside],
            |[images, beside]| {
                let step = step(&images, &beside);
                (Flex::upsampled_beside(images, beside), step)
            },
            |step, gradient, _| {
                let UpsampleConcat { batch, size, output_size, channels } = step;
                let shapes = [(size, channels[0]), (output_size, channels[1])]
                    .map(|([rows, cols], channels)| [batch, rows, cols, channels]);
                let [mut images, mut beside] = shapes.map(|it| fresh(it.iter().product()));
                step.gradient(values(&gradient), &mut images, &mut beside);
                [Some(images.into_tensor(shapes[0])), Some(beside.into_tensor(shapes[1]))]
            },
        )
    }
}
