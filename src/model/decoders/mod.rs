//! Decoders: from the features of an encoder to features of a map.

mod unet;

mod unet_plus_plus;

mod aspp;

mod deeplab_v3;

mod deeplab_v3_plus;

mod fpn;

mod linknet;

mod psp_net;

mod pan;

mod ma_net;

mod uper_net;

mod decoder;

pub use aspp::Aspp;
pub use decoder::Decoder;
pub(super) use decoder::{Decoded, DecoderSpec, Knob, Pyramid, Sides, Smp};
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
