//! Normalisations as layers.

use burn::{module::Module, tensor::Device};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use swath_kernels::Activation;

use super::{Act, BatchNorm, GroupNorm, LayerNorm};
use crate::model::Features;

/// Most groups of a group norm.
const MOST_GROUPS: usize = 32;

/// Added to the variance in a layer norm, as in PyTorch.
const LAYER_EPSILON: f64 = 1e-5;

/// Which normalisation follows a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NormKind {
    /// Each channel over the batch; in prediction by running statistics.
    Batch,
    /// 32 groups of channels of each image, or the largest common divisor of 32 and the channels.
    Group,
    /// Each channel of each image.
    Instance,
    /// The channels of each pixel; a single channel as `instance`.
    Layer,
    /// None; convolutions have a bias instead.
    None,
}

/// A normalisation.
#[derive(Module, Debug)]
pub enum Norm {
    /// See [`BatchNorm`].
    Batch(BatchNorm),
    /// See [`GroupNorm`].
    Group(GroupNorm),
    /// See [`LayerNorm`].
    Layer(LayerNorm),
    /// Nothing.
    None(NoNorm),
}

/// The place of a normalisation that is not there.
#[derive(Module, Debug)]
pub struct NoNorm {
    channels: usize,
}

impl Norm {
    pub(in crate::model) fn new(
        kind: NormKind,
        channels: usize,
        epsilon: f64,
        device: &Device,
    ) -> Self {
        match kind {
            NormKind::Batch => Self::Batch(BatchNorm::new(channels, device).with_epsilon(epsilon)),
            NormKind::Group => {
                let n_groups = largest_common_divisor(MOST_GROUPS, channels);
                Self::Group(GroupNorm::new(channels, n_groups, device))
            }
            NormKind::Instance => Self::Group(GroupNorm::new(channels, channels, device)),
            // A single channel has no spread among channels.
            NormKind::Layer if channels == 1 => Self::Group(GroupNorm::new(1, 1, device)),
            NormKind::Layer => Self::Layer(LayerNorm::new(channels, LAYER_EPSILON, device)),
            NormKind::None => Self::None(NoNorm { channels }),
        }
    }

    /// `activation(norm(images) + residual)`
    ///
    /// # Panics
    ///
    /// As [`BatchNorm::forward`].
    pub fn forward(
        &self,
        images: Features,
        residual: Option<Features>,
        activation: &Act,
    ) -> Features {
        let images = match self {
            Self::Batch(norm) => {
                return activation.finish(norm.forward(images, residual, activation.in_kernel()));
            }
            Self::Group(norm) => norm.forward(images),
            Self::Layer(norm) => norm.forward(images),
            Self::None(_) => images,
        };
        activation.forward(residual.into_iter().fold(images, Features::plus))
    }

    /// The batch norm, if this is one that uses its running statistics.
    pub(super) fn running(&self) -> Option<&BatchNorm> {
        match self {
            Self::Batch(norm) if !norm.is_training() => Some(norm),
            Self::Batch(_) | Self::Group(_) | Self::Layer(_) | Self::None(_) => None,
        }
    }

    /// The norm alone.
    pub fn apply(&self, images: Features) -> Features {
        match self {
            Self::Batch(norm) => norm.forward(images, None, Activation::None),
            Self::Group(norm) => norm.forward(images),
            Self::Layer(norm) => norm.forward(images),
            Self::None(_) => images,
        }
    }
}

fn largest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { largest_common_divisor(b, a % b) }
}
