//! What all models have in common.

use burn::{module::Module, tensor::Tensor};
use swath_kernels::burn::softmax;

use super::Unet;

/// What a model says about a batch.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// Logits, `[batch, class, row, col]`, of the size of the images.
    pub main: Tensor<4>,
    /// Logits of side branches, used in training only; may be coarser than the images.
    pub auxiliary: Vec<Tensor<4>>,
}

impl Outputs {
    /// Softmax of the main logits over the classes: `[batch, class, row, col]`, in `[0, 1]`.
    pub fn probabilities(self) -> Tensor<4> {
        softmax(self.main.permute([0, 2, 3, 1])).permute([0, 3, 1, 2])
    }
}

/// A model that gives every pixel a logit per class.
pub trait Segmenter: Module {
    /// Logits of `images`, normalised values of shape `[batch, band, row, col]`.
    fn forward(&self, images: Tensor<4>) -> Outputs;
}

/// A model of any architecture, as [`ModelConfig::build`](super::ModelConfig::build) makes it.
#[derive(Module, Debug)]
pub enum Network {
    /// See [`Unet`].
    Unet(Unet),
}

impl Segmenter for Network {
    fn forward(&self, images: Tensor<4>) -> Outputs {
        match self {
            Self::Unet(unet) => unet.forward(images),
        }
    }
}
