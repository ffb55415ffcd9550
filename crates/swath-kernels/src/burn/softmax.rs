//! Probabilities of classes.

use burn::tensor::{Tensor, activation};
use burn_flex::FlexTensor;

use super::{
    buffer::filled,
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
    let probabilities = filled(shape, |out| crate::softmax(shape[3], values(&logits), out));
    Tensor::from_primitive::<burn::backend::Flex>(probabilities)
}

#[cfg(test)]
mod tests {
    use burn::{backend::DType, tensor::Device};

    use super::{
        super::agreement::{numbers, random},
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
    fn probabilities_with_a_gradient_give_it() {
        let logits = random([1, 3, 2, 4], DType::F32, &Device::flex().autodiff()).require_grad();
        let gradients = (softmax(logits.clone()).powi_scalar(2)).sum().backward();
        let found = logits.grad(&gradients).expect("it is wanted");
        assert!(numbers(found).iter().any(|it| 0.01 < it.abs()));
    }
}
