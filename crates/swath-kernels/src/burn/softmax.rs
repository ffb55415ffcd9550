//! Probabilities of classes.

use burn::tensor::{Tensor, activation};
use burn_flex::FlexTensor;

use super::{
    buffer::fresh,
    tensors::{has_kernels, in_order, shape, to_flex, values},
};

/// Softmax over the classes of `logits`, `[batch, row, col, class]`; differentiates only where the
/// logits belong to automatic differentiation.
pub fn softmax(logits: Tensor<4>) -> Tensor<4> {
    if logits.is_autodiff() || !has_kernels(&logits) {
        return activation::softmax(logits, 3);
    }
    let logits: FlexTensor = in_order(to_flex(logits));
    let shape: [usize; 4] = shape(&logits);
    let mut probabilities = fresh(shape.iter().product());
    crate::softmax(shape[3], values(&logits), &mut probabilities);
    Tensor::from_primitive::<burn::backend::Flex>(probabilities.into_tensor(shape))
}
