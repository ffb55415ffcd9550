//! Axes: what the world exchanges is channels first, what losses compute with is channels last.

use burn::tensor::{
    DType, Int, Tensor, TensorData,
    activation::{log_softmax, sigmoid},
};
use swath_kernels::burn::softmax;

/// `[batch, channel, row, col]` to `[batch, row, col, channel]`, as a view.
pub(super) fn channels_last(tensor: Tensor<4>) -> Tensor<4> {
    tensor.permute([0, 2, 3, 1])
}

/// The probabilities of logits, `[batch, row, col, class]`.
pub(super) fn probabilities(logits: Tensor<4>, is_exclusive: bool) -> Tensor<4> {
    if is_exclusive { softmax(logits) } else { sigmoid(logits) }
}

/// The logarithms of the softmax of logits, `[batch, row, col, class]`.
pub(super) fn log_probabilities(logits: Tensor<4>) -> Tensor<4> {
    log_softmax(logits, 3)
}

/// `values` as `[1, 1, 1, class]`, where and of the type that `like` is.
pub(super) fn per_class(values: &[f64], like: &Tensor<4>) -> Tensor<4> {
    constant(values.to_vec(), [1, 1, 1, values.len()], like)
}

/// A tensor of these values, where and of the type that `like` is, without gradient.
pub(super) fn constant<const D: usize, const L: usize>(
    values: Vec<f64>,
    shape: [usize; D],
    like: &Tensor<L>,
) -> Tensor<D> {
    let data = TensorData::new(values, shape).convert_dtype(like.dtype());
    Tensor::from_data(data, (&like.device(), like.dtype()))
}

/// The values of a tensor in main memory, in the order of its axes, without gradient.
pub(super) fn host_values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.detach().into_data().convert_dtype(DType::F32);
    data.try_into_vec().expect("it was just converted")
}

/// The same of labels.
pub(super) fn host_labels(labels: &Tensor<3, Int>) -> Vec<i64> {
    let data = labels.clone().into_data().convert_dtype(DType::I64);
    data.try_into_vec().expect("it was just converted")
}

/// `tensor` without `border` places at both ends of two axes.
///
/// # Panics
///
/// If nothing is left.
pub(super) fn cropped<const D: usize, K: burn::tensor::kind::Basic>(
    tensor: Tensor<D, K>,
    axes: [usize; 2],
    border: usize,
) -> Tensor<D, K> {
    axes.into_iter().fold(tensor, |tensor, axis| {
        let length = tensor.dims()[axis];
        assert!(2 * border < length, "a border of {border} leaves nothing of {length} pixels");
        tensor.narrow(axis, border, length - 2 * border)
    })
}
