//! The architectures to choose from, and choices that some of them have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::encoders::plain_name;

/// How features become a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// U-Net.
    Unet,
    /// U-Net++.
    UnetPlusPlus,
    /// DeepLabV3.
    DeeplabV3,
    /// DeepLabV3+.
    DeeplabV3Plus,
    /// Feature pyramid network.
    Fpn,
    /// LinkNet.
    Linknet,
    /// PSPNet.
    #[serde(rename = "pspnet")]
    PspNet,
    /// Pyramid attention network.
    Pan,
    /// MA-Net.
    #[serde(rename = "manet")]
    MaNet,
    /// UPerNet.
    #[serde(rename = "upernet")]
    UperNet,
    /// The U-Net of geodl; needs `encoder = "own"`.
    GeodlUnet,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Unet,
        Self::UnetPlusPlus,
        Self::DeeplabV3,
        Self::DeeplabV3Plus,
        Self::Fpn,
        Self::Linknet,
        Self::PspNet,
        Self::Pan,
        Self::MaNet,
        Self::UperNet,
        Self::GeodlUnet,
    ];

    /// The name in a run file.
    pub fn name(self) -> String {
        plain_name(&self)
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        self.decoder().map_or("U-Net of geodl", |it| it.title)
    }

    /// Whether it takes an encoder.
    pub fn takes_encoder(self) -> bool {
        self.decoder().is_some()
    }
}

/// How coarse features are enlarged in a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Upsampling {
    /// Pixels are repeated.
    Nearest,
    /// Bilinear, by pixel centres.
    Bilinear,
    /// A transposed convolution of 2x2 that is trained.
    Transposed,
}

/// Attention in a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attention {
    /// To channels and pixels, before and behind the convolutions of a block.
    Scse,
    /// To pixels of a skip, by coarser features.
    Gate,
}
