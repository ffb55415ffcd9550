//! Convolution with all that follows it, for prediction.

use burn::{
    backend::{Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor},
    tensor::Tensor,
};
use burn_flex::FlexTensor;

use super::{
    composed::{activate, per_channel},
    conv::{Moves, composed, run},
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
    Tensor::from_dispatch(match residual {
        None => Dispatch::convolution_finished(images, weights, scale, shift, activation, moves),
        Some(residual) => {
            let residual = residual.into_dispatch();
            Dispatch::convolution_added(images, weights, scale, shift, residual, activation, moves)
        }
    })
}

/// Operations of prediction, without gradients.
#[backend_extension(Flex)]
trait FinishedOps: Backend {
    fn convolution_finished(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        activation: Activation,
        moves: Moves,
    ) -> FloatTensor<Self>;

    fn convolution_added(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        activation: Activation,
        moves: Moves,
    ) -> FloatTensor<Self>;
}

impl FinishedOps for Flex {
    fn convolution_finished(
        images: FlexTensor,
        weights: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        activation: Activation,
        moves: Moves,
    ) -> FlexTensor {
        let [scale, shift] = [scale, shift].map(in_order);
        let [scale, bias] = [&scale, &shift].map(|it| Some(values(it)));
        run(images, weights, Epilogue { scale, bias, residual: None, activation }, moves)
    }

    fn convolution_added(
        images: FlexTensor,
        weights: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        residual: FlexTensor,
        activation: Activation,
        moves: Moves,
    ) -> FlexTensor {
        let [scale, shift, residual] = [scale, shift, residual].map(in_order);
        let [scale, bias, residual] = [&scale, &shift, &residual].map(|it| Some(values(it)));
        run(images, weights, Epilogue { scale, bias, residual, activation }, moves)
    }
}
