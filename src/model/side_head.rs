//! From the features of a side branch to its logits.

use burn::module::Module;

use super::{
    Conv2d, Features,
    blocks::{ConvNorm, Layers, run},
};

/// What the names of the tensors of side branches begin with.
pub const SIDE_HEADS: &str = "auxiliary_heads.";

/// The convolutions of geodl's U-Net that give logits: three of side branches, and the main one.
pub(crate) const GEODL_HEADS: [&str; 4] = ["c1", "c2", "c3", "c4"];

/// Whether the tensor called `name` is one of a side branch, which only training has.
pub(crate) fn is_of_side(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    name.starts_with(SIDE_HEADS) || GEODL_HEADS[..3].contains(&first)
}

/// The head of a side branch.
#[derive(Module, Debug)]
pub enum SideHead {
    /// One convolution, of features that a decoder has made.
    OfDecoder(Conv2d),
    /// A 3x3 convolution to a quarter of the channels, with norm and activation, before it: for
    /// features of the encoder, which also serve the main branch.
    ///
    /// Source: the auxiliary classifier of Zhao et al. 2017, <https://arxiv.org/abs/1612.01105>,
    /// section 3.3, as torchvision's `FCNHead` builds it, without its dropout.
    OfEncoder((ConvNorm, Conv2d)),
}

impl SideHead {
    /// For features of a decoder.
    pub(super) fn of_decoder(channels: usize, n_classes: usize, layers: &Layers<'_>) -> Self {
        Self::OfDecoder(Conv2d::new([channels, n_classes], 1, layers.device).with_bias())
    }

    /// For features of an encoder.
    pub(super) fn of_encoder(channels: usize, n_classes: usize, layers: &Layers<'_>) -> Self {
        let inner = (channels / 4).max(1);
        let logits = Conv2d::new([inner, n_classes], 1, layers.device).with_bias();
        Self::OfEncoder((layers.conv_norm([channels, inner], 3), logits))
    }

    /// Logits of the size of the features.
    pub(super) fn forward(&self, features: Features) -> Features {
        match self {
            Self::OfDecoder(logits) => logits.forward(features),
            Self::OfEncoder((inner, logits)) => logits.forward(run(inner, features)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_branches_are_known_by_name() {
        for name in ["auxiliary_heads.0.weight", "c1.weight", "c3.bias"] {
            assert!(is_of_side(name), "{name}");
        }
        for name in ["c4.weight", "c1x.weight", "e1.c1.weight", "segmentation_head.0.bias"] {
            assert!(!is_of_side(name), "{name}");
        }
    }
}
