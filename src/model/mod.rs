//! Models: from pixels to logits.
//!
//! A model is built in training mode; burn's `valid()` gives the copy that predicts, `train()` goes
//! back, and [`freeze`] keeps part of it as it is. Fields are named so that the path of a
//! tensor is its name in the state dictionary of PyTorch's `segmentation_models_pytorch`.

#![expect(
    clippy::large_enum_variant,
    reason = "a network has a few hundred layers, its weights apart"
)]

mod buffer;

mod path;

mod order;

mod trace;

mod initial;

mod features;

mod blocks;

mod encoders;

mod decoders;

mod geodl_blocks;

mod geodl_unet;

mod side_head;

mod network;

mod architecture;

mod knobs;

mod config;

mod resolved;

mod batch_rules;

mod smp;

mod pattern;

mod freeze;

mod describe;

#[cfg(test)]
mod golden;

#[cfg(test)]
mod every_model;

pub use architecture::{Architecture, Attention, Decoder, Upsampling};
pub use blocks::{
    Act, ActivationKind, AttentionGate, BatchNorm, Conv2d, DoubleConv, DropKind, Dropout,
    GroupNorm, LayerNorm, Linear, NoNorm, Norm, NormKind, Pass, Scse, SqueezeExcite,
    TransposedConv2d, conv_norm,
};
pub use buffer::{Buffer, Counter};
pub use config::ModelConfig;
pub use decoders::{
    Aspp, DeepLabV3, DeepLabV3Plus, Fpn, Linknet, MaNet, Pan, PspNet, UnetDecoder, UnetPlusPlus,
    UperNet,
};
pub use describe::{Description, LayerRow};
pub(crate) use encoders::OtherNames;
pub use encoders::{
    BasicBlock, Bottleneck, ConvNeXt, EfficientNetLite, Encoder, EncoderNetwork, MobileNetV2,
    ResNet, SqueezeNet, Vgg,
};
pub use features::Features;
pub use freeze::{check_patterns, freeze, freeze_network};
pub use geodl_unet::GeodlUnet;
pub use initial::{Initial, initialise};
pub(crate) use network::MAIN_HEAD;
pub use network::{EncoderDecoder, Network, Outputs, Segmenter, SideOutput};
pub use order::{from_pytorch_order, in_pytorch_order, to_pytorch_order};
pub use path::Path;
pub use pattern::{check_pattern, matches};
pub(crate) use side_head::{GEODL_HEADS, is_of_side};
pub use side_head::{SIDE_HEADS, SideHead};
