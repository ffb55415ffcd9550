//! A residual that may be there.

use burn::{
    backend::{Backend, Dispatch, ExtensionType, tensor::FloatTensor},
    tensor::Tensor,
};

/// What is added before the activation, shaped as the output.
#[derive(ExtensionType)]
pub(super) enum Residual<B: Backend> {
    None,
    Of(FloatTensor<B>),
}

impl Residual<Dispatch> {
    pub fn new(residual: Option<Tensor<4>>) -> Self {
        residual.map_or(Self::None, |it| Self::Of(it.into_dispatch()))
    }
}

impl<B: Backend> Residual<B> {
    pub fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::None => None,
            Self::Of(residual) => Some(residual),
        }
    }
}
