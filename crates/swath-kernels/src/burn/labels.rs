//! Labels of pixels, in either type of integers.

use burn::{
    backend::{DType, Flex, TensorMetadata},
    tensor::{Int, Tensor},
};
use burn_flex::FlexTensor;

use super::tensors::in_order;

/// Labels as slices.
pub(super) enum Labels<'a> {
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
}

/// The labels of a tensor that is in order.
///
/// # Panics
/// If they are of another type of integers.
pub(super) fn labels(tensor: &FlexTensor) -> Labels<'_> {
    let start = tensor.layout().start_offset();
    let range = start..start + tensor.shape().num_elements();
    match tensor.dtype() {
        DType::I32 => Labels::Narrow(&tensor.storage::<i32>()[range]),
        DType::I64 => Labels::Wide(&tensor.storage::<i64>()[range]),
        other => panic!("labels are {other:?}, but must be I32 or I64"),
    }
}

/// The tensor of the CPU backend, in order.
pub(super) fn to_flex_labels(tensor: Tensor<3, Int>) -> FlexTensor {
    let tensor = tensor.without_autodiff().try_into_primitive::<Flex>();
    in_order(tensor.expect("labels are where the logits are"))
}

/// Calls `$work` with the labels bound to `$name`, whatever their type.
macro_rules! with_labels {
    ($tensor:expr, |$name:ident| $work:expr) => {
        match $crate::burn::labels::labels($tensor) {
            $crate::burn::labels::Labels::Narrow($name) => $work,
            $crate::burn::labels::Labels::Wide($name) => $work,
        }
    };
}

pub(super) use with_labels;
