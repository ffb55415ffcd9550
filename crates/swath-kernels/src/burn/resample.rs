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
    buffer::{filled, into_tensor},
    differentiable::differentiable,
    tensors::{has_kernels, in_order, shape, values},
};
use crate::{Interpolation, Upsample, UpsampleConcat, memory::buffer, shape::count};

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
        let shape = [batch, size[0], size[1], channels];
        filled(shape, |out| upsample.forward(values(&images), out))
    }

    fn upsampled_beside(images: FlexTensor, beside: FlexTensor) -> FlexTensor {
        let [images, beside] = [images, beside].map(in_order);
        let step = step(&images, &beside);
        let [rows, cols] = step.output_size;
        let shape = [step.batch, rows, cols, step.channels[0] + step.channels[1]];
        filled(shape, |out| step.forward(values(&images), values(&beside), out))
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
                [Some(filled(shape, |out| upsample.image_gradient(values(&gradient), out)))]
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
                let [mut images, mut beside] = shapes.map(|it| buffer(count(it)));
                step.gradient(values(&gradient), &mut images, &mut beside);
                [Some(into_tensor(images, shapes[0])), Some(into_tensor(beside, shapes[1]))]
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{super::agreement::assert_agree, *};

    #[test]
    fn sizes_and_gradients_are_those_of_burn() {
        for interpolation in
            [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::BilinearCorners]
        {
            for (shape, size) in [
                ([2, 4, 3, 6], [8, 6]),
                ([1, 5, 7, 1], [13, 9]),
                ([1, 9, 8, 20], [4, 5]),
                ([1, 1, 1, 3], [6, 5]),
            ] {
                let what = format!("{interpolation:?} {shape:?} {size:?}");
                assert_agree(&what, [shape], |[images]| resample(images, size, interpolation));
            }
        }
    }

    #[test]
    fn channels_of_a_larger_image_are_put_beside() {
        for (images, beside) in [
            ([2, 4, 3, 6], [2, 8, 6, 5]),
            ([1, 5, 7, 1], [1, 9, 13, 1]),
            ([1, 2, 3, 20], [1, 2, 3, 16]),
        ] {
            assert_agree(&format!("{beside:?}"), [images, beside], |[images, beside]| {
                upsample_concat(images, beside)
            });
        }
    }
}
