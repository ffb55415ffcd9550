//! Cross-entropy of a softmax.

use std::{ops::Range, sync::Arc};

use burn::{
    backend::{
        Autodiff, Backend, DType, Dispatch, Flex, TensorMetadata,
        autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{Int, Tensor},
};
use burn_flex::FlexTensor;

use super::{
    buffer::fresh,
    differentiable::differentiable,
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
    let flex_labels = labels.clone().without_autodiff().try_into_primitive::<Flex>();
    let flex_labels = in_order(flex_labels.expect("labels are where the logits are"));
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
                let mut of_logits = fresh(shape.iter().product());
                backward(&logits, &labels, &options, factor, &mut of_logits);
                [Some(of_logits.into_tensor(shape))]
            },
        )
    }
}

fn forward(
    logits: &FlexTensor,
    labels: &FlexTensor,
    options: &CrossEntropyOptions,
) -> WeightedLoss {
    match labels.dtype() {
        DType::I32 => {
            kernel(options).forward(values(logits), &labels.storage::<i32>()[range(labels)])
        }
        DType::I64 => {
            kernel(options).forward(values(logits), &labels.storage::<i64>()[range(labels)])
        }
        other => panic!("labels are {other:?}, but must be I32 or I64"),
    }
}

fn backward(
    logits: &FlexTensor,
    labels: &FlexTensor,
    options: &CrossEntropyOptions,
    factor: f64,
    out: &mut [f32],
) {
    let (kernel, logits) = (kernel(options), values(logits));
    match labels.dtype() {
        DType::I32 => kernel.gradient(logits, &labels.storage::<i32>()[range(labels)], factor, out),
        DType::I64 => kernel.gradient(logits, &labels.storage::<i64>()[range(labels)], factor, out),
        other => panic!("labels are {other:?}, but must be I32 or I64"),
    }
}

fn kernel(options: &CrossEntropyOptions) -> CrossEntropy<'_> {
    let CrossEntropyOptions { ref class_weights, label_smoothing, ignore } = *options;
    CrossEntropy { class_weights, label_smoothing, ignore }
}

/// Where the values of a tensor that is [`in_order`] lie.
fn range(labels: &FlexTensor) -> Range<usize> {
    let start = labels.layout().start_offset();
    start..start + labels.shape().num_elements()
}
