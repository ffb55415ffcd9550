//! Convolution with all that follows it, for prediction.

use burn::{
    backend::{Backend, Dispatch, ExtensionType, Flex, backend_extension, tensor::FloatTensor},
    tensor::Tensor,
};
use burn_flex::FlexTensor;

use super::{
    Moves,
    composed::{activate, per_channel},
    conv::{composed, run},
    residual::Residual,
    tensors::{has_kernels, in_order, values},
};
use crate::{Activation, Epilogue};

/// What follows a convolution in prediction: `activation(conv * scale + shift + residual)`.
#[derive(Clone, Debug)]
pub struct Finish {
    /// `[channel]`
    pub scale: Tensor<1>,
    /// `[channel]`
    pub shift: Tensor<1>,
    /// Shaped as the output.
    pub residual: Option<Tensor<4>>,
    /// Applied last.
    pub activation: Activation,
}

/// [`convolve`](super::convolve) with its [`Finish`] in one pass over the output. Nothing of it differentiates.
///
/// # Panics
/// If a tensor belongs to automatic differentiation.
pub fn convolve_finished(
    images: Tensor<4>,
    weights: Tensor<4>,
    finish: Finish,
    moves: Moves,
) -> Tensor<4> {
    assert!(!images.is_autodiff(), "the images of a finished convolution want a gradient");
    let Finish { scale, shift, residual, activation } = finish;
    if !has_kernels(&images) {
        let output = composed(images, weights, moves) * per_channel(scale) + per_channel(shift);
        return activate(residual.into_iter().fold(output, |sum, it| sum + it), activation);
    }
    let (images, weights) = (images.into_dispatch(), weights.into_dispatch());
    let (scale, shift) = (scale.into_dispatch(), shift.into_dispatch());
    let inputs = Inputs { images, weights, scale, shift, residual: Residual::new(residual) };
    Tensor::from_dispatch(Dispatch::convolution_finished(inputs, activation, moves))
}

#[derive(ExtensionType)]
struct Inputs<B: Backend> {
    images: FloatTensor<B>,
    weights: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
    #[extension_type]
    residual: Residual<B>,
}

/// Operations of prediction, without gradients.
#[backend_extension(Flex)]
trait FinishedOps: Backend {
    fn convolution_finished(
        #[extension_type] inputs: Inputs<Self>,
        activation: Activation,
        moves: Moves,
    ) -> FloatTensor<Self>;
}

impl FinishedOps for Flex {
    fn convolution_finished(
        inputs: Inputs<Self>,
        activation: Activation,
        moves: Moves,
    ) -> FlexTensor {
        let Inputs { images, weights, scale, shift, residual } = inputs;
        let [scale, shift] = [scale, shift].map(in_order);
        let [scale, bias] = [&scale, &shift].map(|it| Some(values(it)));
        let residual = residual.into_option().map(in_order);
        let residual = residual.as_ref().map(values);
        run(images, weights, Epilogue { scale, bias, residual, activation }, moves)
    }
}

#[cfg(test)]
mod tests {
    use burn::{backend::DType, tensor::Device};

    use super::{
        super::agreement::{channels, numbers, random},
        *,
    };
    use crate::expected::{ACTIVATIONS, assert_close};

    fn run(dtype: DType, moves: Moves, has_residual: bool, activation: Activation) -> Tensor<4> {
        let device = Device::flex();
        let of = |shape| random(shape, dtype, &device);
        let (images, weights) = (of([2, 7, 9, 6]), of([3, 3, 6 / moves.groups, 12]));
        let [scale, shift] = [0.5, -0.5].map(|more| channels(of([1, 1, 1, 12]) + more));
        let residual = has_residual.then(|| of([2, 4, 5, 12]));
        convolve_finished(images, weights, Finish { scale, shift, residual, activation }, moves)
    }

    #[test]
    fn all_steps_at_once_are_those_of_burn() {
        for groups in [1, 6, 2] {
            let moves = Moves::centred(3, 2).grouped(groups);
            for (activation, has_residual) in
                ACTIVATIONS.into_iter().flat_map(|it| [(it, false), (it, true)])
            {
                let [got, want] = [DType::F32, DType::F64]
                    .map(|dtype| numbers(run(dtype, moves, has_residual, activation)));
                let got: Vec<f32> = got.into_iter().map(|it| it as f32).collect();
                let what = format!("{groups} groups, {activation:?}, residual: {has_residual}");
                assert_close(&what, &got, &want, 1e-5);
            }
        }
    }

    #[test]
    #[should_panic(expected = "the images of a finished convolution want a gradient")]
    fn images_with_a_gradient_are_refused() {
        let device = Device::flex().autodiff();
        let ones = |shape: [usize; 4]| Tensor::<4>::ones(shape, &device);
        let [scale, shift] = [ones([1; 4]), ones([1; 4])].map(channels);
        let finish = Finish { scale, shift, residual: None, activation: Activation::None };
        convolve_finished(ones([1; 4]), ones([1; 4]), finish, Moves::centred(1, 1));
    }
}
