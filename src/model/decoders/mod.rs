//! Decoders: from the features of an encoder to features of a map.

pub(super) mod unet;

pub(super) mod unet_plus_plus;

mod aspp;

pub(super) mod deeplab_v3;

pub(super) mod deeplab_v3_plus;

pub(super) mod fpn;

pub(super) mod linknet;

pub(super) mod psp_net;

pub(super) mod pan;

pub(super) mod ma_net;

pub(super) mod uper_net;

mod decoder;

use super::Decoder;
pub use aspp::Aspp;
pub(super) use decoder::{
    ArchitectureSpec, Build, Channels, Decoded, Knob, Make, Pyramid, Sides, Smp,
};
pub use deeplab_v3::DeepLabV3;
pub use deeplab_v3_plus::DeepLabV3Plus;
pub use fpn::Fpn;
pub use linknet::Linknet;
pub use ma_net::MaNet;
pub use pan::Pan;
pub use psp_net::PspNet;
pub use unet::UnetDecoder;
pub use unet_plus_plus::UnetPlusPlus;
pub use uper_net::UperNet;
