//! Probabilities of classes.

use burn::{
    backend::{
        Autodiff, Backend, Dispatch, Flex, autodiff::checkpoint::strategy::CheckpointStrategy,
        backend_extension, tensor::FloatTensor,
    },
    tensor::{Tensor, activation},
};
use burn_flex::FlexTensor;

use super::{
    buffer::filled,
    differentiable::differentiable,
    tensors::{has_kernels, in_order, shape, values},
};

/// Softmax over the classes of `logits`, `[batch, row, col, class]`; differentiates.
pub fn softmax(logits: Tensor<4>) -> Tensor<4> {
    if !has_kernels(&logits) {
        return activation::softmax(logits, 3);
    }
    Tensor::from_dispatch(Dispatch::softmax_of_classes(logits.into_dispatch()))
}

#[backend_extension(Flex, Autodiff)]
trait SoftmaxOps: Backend {
    fn softmax_of_classes(logits: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl SoftmaxOps for Flex {
    fn softmax_of_classes(logits: FlexTensor) -> FlexTensor {
        let logits = in_order(logits);
        let shape: [usize; 4] = shape(&logits);
        filled(shape, |out| crate::softmax(shape[3], values(&logits), out))
    }
}

impl<C: CheckpointStrategy> SoftmaxOps for Autodiff<Flex, C> {
    fn softmax_of_classes(logits: FloatTensor<Self>) -> FloatTensor<Self> {
        differentiable::<C, _, 1>(
            [logits],
            |[logits]| {
                let probabilities = Flex::softmax_of_classes(logits);
                (probabilities.clone(), probabilities)
            },
            |probabilities, gradient, [_]| {
                let shape: [usize; 4] = shape(&probabilities);
                let of_logits = filled(shape, |out| {
                    let (p, gradient) = (values(&probabilities), values(&gradient));
                    crate::softmax_gradient(shape[3], p, gradient, out);
                });
                [Some(of_logits)]
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use burn::{backend::DType, tensor::Device};

    use super::{
        super::agreement::{assert_agree, numbers, random},
        *,
    };
    use crate::expected::assert_close;

    #[test]
    fn probabilities_are_those_of_burn() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            for shape in [[2, 5, 7, 6], [1, 3, 3, 1], [1, 9, 8, 40]] {
                let [got, want] = [DType::F32, DType::F64].map(|dtype| {
                    let logits = random(shape, dtype, &device) * 5.0;
                    // Channels first in memory, as models give them.
                    let permuted = logits.permute([0, 3, 1, 2]).into_data();
                    let logits: Tensor<4> = Tensor::from_data(permuted, (&device, dtype));
                    numbers(softmax(logits.permute([0, 2, 3, 1])))
                });
                let got: Vec<f32> = got.into_iter().map(|it| it as f32).collect();
                assert_close(&format!("{shape:?}"), &got, &want, 1e-6);
            }
        }
    }

    #[test]
    fn output_and_gradient_are_those_of_burn() {
        for shape in [[2, 5, 7, 6], [1, 3, 3, 2], [1, 9, 8, 40]] {
            assert_agree("softmax", [shape], |[logits]| softmax(logits));
        }
    }
}
