//! A loss of every pixel by itself.

use std::{fmt, sync::Arc};

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex,
        autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{Int, Tensor},
};
use burn_flex::FlexTensor;

use super::{
    buffer::{filled, into_tensor},
    differentiable::differentiable,
    labels::with_labels,
    tensors::{change, has_kernels, in_order, shape, values},
};
use crate::memory::buffer;

/// A loss of one pixel: `loss(logits, label, slopes)` returns the loss of the logits for a label, and
/// fills in its slope by each logit.
pub type Pixelwise = dyn Fn(&[f32], usize, &mut [f32]) -> f32 + Send + Sync;

/// The loss of every pixel of `logits`, `[batch, row, col, class]`, for `labels`, `[batch, row, col]`; 0
/// where the label is `ignore`. It differentiates, by the slopes that `loss` tells. `None` where there
/// are no kernels for the logits.
///
/// # Panics
/// If a shape differs, or a label is neither a class nor to be ignored.
pub fn per_pixel(
    logits: Tensor<4>,
    labels: Tensor<3, Int>,
    ignore: i64,
    loss: Arc<Pixelwise>,
) -> Option<Tensor<3>> {
    if !has_kernels(&logits) {
        return None;
    }
    let loss = PixelLoss { ignore, loss };
    let losses = Dispatch::losses_of_pixels(logits.into_dispatch(), labels.into_dispatch(), loss);
    Some(Tensor::from_dispatch(losses))
}

#[derive(Clone)]
struct PixelLoss {
    ignore: i64,
    loss: Arc<Pixelwise>,
}

impl fmt::Debug for PixelLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PixelLoss").field("ignore", &self.ignore).finish_non_exhaustive()
    }
}

#[backend_extension(Flex, Autodiff)]
trait PerPixelOps: Backend {
    fn losses_of_pixels(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        loss: PixelLoss,
    ) -> FloatTensor<Self>;
}

impl PerPixelOps for Flex {
    fn losses_of_pixels(logits: FlexTensor, labels: FlexTensor, loss: PixelLoss) -> FlexTensor {
        run(&in_order(logits), &in_order(labels), &loss)[0].clone()
    }
}

impl<C: CheckpointStrategy> PerPixelOps for Autodiff<Flex, C> {
    fn losses_of_pixels(
        logits: FloatTensor<Self>,
        labels: FlexTensor,
        loss: PixelLoss,
    ) -> FloatTensor<Self> {
        differentiable::<C, _, 1>(
            [logits],
            |[logits]| {
                let [losses, slopes] = run(&logits, &in_order(labels), &loss);
                (losses, slopes)
            },
            |mut slopes, gradient, [_]| {
                let [.., classes] = shape::<4>(&slopes);
                let gradient = values(&gradient);
                change(&mut slopes, |slopes| scale_rows(slopes, gradient, classes));
                [Some(slopes)]
            },
        )
    }
}

/// Losses, `[batch, row, col]`, and their slopes, shaped as the logits.
fn run(
    logits: &FlexTensor,
    labels: &FlexTensor,
    PixelLoss { ignore, loss }: &PixelLoss,
) -> [FlexTensor; 2] {
    let [batch, rows, cols, classes] = shape(logits);
    let mut slopes = buffer(values(logits).len());
    let losses = filled([batch, rows, cols], |losses| {
        with_labels!(labels, |labels| crate::per_pixel(
            classes,
            values(logits),
            labels,
            *ignore,
            &**loss,
            losses,
            &mut slopes
        ));
    });
    [losses, into_tensor(slopes, [batch, rows, cols, classes])]
}

/// Multiplies the values of each pixel with the factor of the pixel.
fn scale_rows(values: &mut [f32], factors: &[f32], classes: usize) {
    use rayon::prelude::*;
    const TASK: usize = 8192;
    let tasks = values.par_chunks_mut(TASK * classes).zip(factors.par_chunks(TASK));
    tasks.for_each(|(values, factors)| {
        for (values, factor) in values.chunks_exact_mut(classes).zip(factors) {
            values.iter_mut().for_each(|value| *value *= factor);
        }
    });
}

#[cfg(test)]
mod tests {
    use burn::{
        backend::DType,
        tensor::{Device, TensorData, activation},
    };

    use super::{
        super::agreement::{numbers, random, random_labels},
        *,
    };
    use crate::expected::{Random, assert_close};

    const IGNORE: i64 = 255;

    /// Minus the logarithm of the softmax.
    fn surprise(logits: &[f32], label: usize, slopes: &mut [f32]) -> f32 {
        let exps = logits.iter().map(|it| it.exp());
        let sum = exps.clone().sum::<f32>();
        slopes.iter_mut().zip(exps).for_each(|(slope, exp)| *slope = exp / sum);
        slopes[label] -= 1.0;
        sum.ln() - logits[label]
    }

    #[track_caller]
    fn check(shape: [usize; 4], integers: DType) {
        let [batch, rows, cols, classes] = shape;
        let device = Device::flex().autodiff();
        let mut generator = Random::new(5);
        let n_pixels = batch * rows * cols;
        let labels = random_labels(&mut generator, batch * rows * cols, classes, IGNORE);
        let factors: Vec<f64> = (0..n_pixels).map(|it| (it as f64).sin()).collect();
        let factors = |dtype| {
            let data = TensorData::new(factors.clone(), [batch, rows, cols]).convert_dtype(dtype);
            Tensor::<3>::from_data(data, (&device, dtype))
        };
        let hot = labels.iter().flat_map(|&label| {
            (0..classes).map(move |class| f64::from(u8::from(class as i64 == label)))
        });
        let hot = TensorData::new(hot.collect::<Vec<f64>>(), shape);
        let hot = Tensor::<4>::from_data(hot, (&device, DType::F64));

        let wide = random(shape, DType::F64, &device).require_grad();
        let want = -(activation::log_softmax(wide.clone(), 3) * hot).sum_dim(3);
        let want: Tensor<3> = want.reshape([batch, rows, cols]);
        let gradients = (want.clone() * factors(DType::F64)).sum().backward();
        let want_gradient = wide.grad(&gradients).expect("it is wanted");

        let labels = TensorData::new(labels, [batch, rows, cols]);
        let labels: Tensor<3, Int> = Tensor::from_data(labels, (&device, integers));
        let logits = random(shape, DType::F32, &device).require_grad();
        let losses = per_pixel(logits.clone(), labels.clone(), IGNORE, Arc::new(surprise));
        let losses = losses.expect("there are kernels for f32");
        let gradients = (losses.clone() * factors(DType::F32)).sum().backward();
        let gradient = logits.grad(&gradients).expect("it is wanted");

        let narrow = |values: Vec<f64>| values.into_iter().map(|it| it as f32).collect::<Vec<_>>();
        assert_close("losses", &narrow(numbers(losses)), &numbers(want), 1e-6);
        assert_close("gradient", &narrow(numbers(gradient)), &numbers(want_gradient), 1e-5);
        assert!(per_pixel(wide, labels, IGNORE, Arc::new(surprise)).is_none(), "none for f64");
    }

    #[test]
    fn losses_and_gradients_are_those_of_burn() {
        check([2, 5, 7, 4], DType::I32);
        check([1, 70, 73, 3], DType::I64);
    }

    #[test]
    #[should_panic(expected = "label 3 is none of the 3 classes")]
    fn a_label_beyond_the_classes_is_refused() {
        let device = Device::flex();
        let labels = Tensor::<3, Int>::full([1, 1, 1], 3, &device);
        let logits = random([1, 1, 1, 3], DType::F32, &device);
        let _ = per_pixel(logits, labels, IGNORE, Arc::new(surprise));
    }
}
