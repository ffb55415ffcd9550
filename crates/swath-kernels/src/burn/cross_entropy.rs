//! Cross-entropy of a softmax.

use std::sync::Arc;

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
    buffer::filled,
    differentiable::differentiable,
    labels::{to_flex_labels, with_labels},
    tensors::{has_kernels, in_order, shape, tensor, to_flex, values},
};
use crate::{CrossEntropy, WeightedLoss};

/// How labels are held against logits; see [`CrossEntropy`](crate::CrossEntropy).
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropyOptions {
    /// The weight of each class.
    pub class_weights: Vec<f32>,
    /// Share of the loss that is spread over all classes, in `[0, 1]`.
    pub label_smoothing: f64,
    /// The label of pixels that do not count.
    pub ignore: i64,
}

/// Sum and weight of the cross-entropy between `logits`, `[batch, row, col, class]`, and `labels`,
/// `[batch, row, col]`; the sum, `[1]`, differentiates. `None` where there are no kernels for the
/// logits.
///
/// # Panics
/// If a shape differs, or a label is neither a class nor to be ignored.
pub fn cross_entropy(
    logits: Tensor<4>,
    labels: Tensor<3, Int>,
    options: CrossEntropyOptions,
) -> Option<(Tensor<1>, f64)> {
    if !has_kernels(&logits) {
        return None;
    }
    let options = Arc::new(options);
    let values_of_logits = in_order(to_flex(logits.clone()));
    let flex_labels = to_flex_labels(labels.clone());
    let WeightedLoss { sum, weight } = forward(&values_of_logits, &flex_labels, &options);
    drop((values_of_logits, flex_labels));
    let (logits, labels) = (logits.into_dispatch(), labels.into_dispatch());
    let sum = Dispatch::cross_entropy_sum(logits, labels, options, sum);
    Some((Tensor::from_dispatch(sum), weight))
}

#[backend_extension(Flex, Autodiff)]
trait CrossEntropyOps: Backend {
    /// The `sum` that is known already, as a function of the logits.
    fn cross_entropy_sum(
        logits: FloatTensor<Self>,
        labels: IntTensor<Self>,
        options: Arc<CrossEntropyOptions>,
        sum: f64,
    ) -> FloatTensor<Self>;
}

impl CrossEntropyOps for Flex {
    fn cross_entropy_sum(
        _: FlexTensor,
        _: FlexTensor,
        _: Arc<CrossEntropyOptions>,
        sum: f64,
    ) -> FlexTensor {
        tensor(vec![sum as f32], [1])
    }
}

impl<C: CheckpointStrategy> CrossEntropyOps for Autodiff<Flex, C> {
    fn cross_entropy_sum(
        logits: FloatTensor<Self>,
        labels: FlexTensor,
        options: Arc<CrossEntropyOptions>,
        sum: f64,
    ) -> FloatTensor<Self> {
        differentiable::<C, _, 1>(
            [logits],
            |[logits]| (tensor(vec![sum as f32], [1]), (logits, in_order(labels), options)),
            |(logits, labels, options), gradient, [_]| {
                let factor = f64::from(values(&gradient)[0]);
                let shape: [usize; 4] = shape(&logits);
                let of_logits =
                    filled(shape, |out| backward(&logits, &labels, &options, factor, out));
                [Some(of_logits)]
            },
        )
    }
}

fn forward(
    logits: &FlexTensor,
    labels: &FlexTensor,
    options: &CrossEntropyOptions,
) -> WeightedLoss {
    with_labels!(labels, |labels| kernel(options).forward(values(logits), labels))
}

fn backward(
    logits: &FlexTensor,
    labels: &FlexTensor,
    options: &CrossEntropyOptions,
    factor: f64,
    out: &mut [f32],
) {
    with_labels!(labels, |labels| {
        kernel(options).gradient(values(logits), labels, factor, out);
    });
}

fn kernel(options: &CrossEntropyOptions) -> CrossEntropy<'_> {
    let CrossEntropyOptions { ref class_weights, label_smoothing, ignore } = *options;
    CrossEntropy { class_weights, label_smoothing, ignore }
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

    /// Sum and weight in `f64`, of burn's operations.
    fn composed(
        logits: Tensor<4>,
        labels: &[i64],
        options: &CrossEntropyOptions,
    ) -> (Tensor<1>, f64) {
        let [batch, rows, cols, classes] = logits.dims();
        let smoothing = options.label_smoothing;
        let class_weights = options.class_weights.iter().map(|&it| f64::from(it));
        let class_weights: Vec<f64> = class_weights.collect();
        let mut factors = Vec::new();
        let mut weight = 0.0;
        for &label in labels {
            let counts = label != IGNORE;
            weight += if counts { class_weights[label as usize] } else { 0.0 };
            factors.extend(class_weights.iter().enumerate().map(|(class, of_class)| {
                let own = if class as i64 == label { 1.0 - smoothing } else { 0.0 };
                if counts { of_class * (own + smoothing / classes as f64) } else { 0.0 }
            }));
        }
        let device = logits.device();
        let factors = TensorData::new(factors, [batch, rows, cols, classes]);
        let factors: Tensor<4> = Tensor::from_data(factors, (&device, DType::F64));
        (-(activation::log_softmax(logits, 3) * factors).sum(), weight)
    }

    fn check(shape: [usize; 4], label_smoothing: f64, integers: DType) {
        let [batch, rows, cols, classes] = shape;
        let device = Device::flex().autodiff();
        let mut generator = Random::new(3);
        let labels = random_labels(&mut generator, batch * rows * cols, classes, IGNORE);
        let class_weights = generator.values_of(classes, 0.5, 2.0);
        let options = CrossEntropyOptions { class_weights, label_smoothing, ignore: IGNORE };

        let wide = random(shape, DType::F64, &device).require_grad();
        let (want_sum, want_weight) = composed(wide.clone(), &labels, &options);
        let want = wide.grad(&(want_sum.clone() * 0.25).backward()).expect("it is wanted");

        let labels = TensorData::new(labels, [batch, rows, cols]);
        let labels: Tensor<3, Int> = Tensor::from_data(labels, (&device, integers));
        let logits = random(shape, DType::F32, &device).require_grad();
        let found = cross_entropy(logits.clone(), labels.clone(), options.clone());
        let (sum, weight) = found.expect("there are kernels for f32");
        let found = logits.grad(&(sum.clone() * 0.25).backward()).expect("it is wanted");

        let narrow = |values: Vec<f64>| values.into_iter().map(|it| it as f32).collect::<Vec<_>>();
        assert_close("sum", &narrow(numbers(sum)), &numbers(want_sum), 1e-6);
        assert!((weight - want_weight).abs() <= 1e-6 * want_weight, "{weight}, {want_weight}");
        assert_close("gradient", &narrow(numbers(found)), &numbers(want), 1e-5);

        assert!(cross_entropy(wide, labels, options).is_none(), "there are no kernels for f64");
    }

    #[test]
    fn loss_and_gradient_are_those_of_burn() {
        for integers in [DType::I32, DType::I64] {
            check([2, 5, 7, 4], 0.0, integers);
            check([1, 3, 5, 1], 0.1, integers);
            check([1, 9, 8, 20], 0.3, integers);
        }
    }

    #[test]
    fn a_loss_that_is_not_differentiated_is_the_same() {
        let options =
            CrossEntropyOptions { class_weights: vec![1.0; 3], label_smoothing: 0.0, ignore: 9 };
        let losses = [Device::flex(), Device::flex().autodiff()].map(|device| {
            let labels = Tensor::zeros([1, 2, 2], &device);
            let logits = random([1, 2, 2, 3], DType::F32, &device);
            let (sum, weight) = cross_entropy(logits, labels, options.clone()).expect("kernels");
            (numbers(sum), weight)
        });
        assert_eq!(losses[0], losses[1]);
    }
}
