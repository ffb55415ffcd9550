//! Models: from pixels to logits.
//!
//! A model is built in training mode; burn's `valid()` gives the copy that predicts, `train()` goes
//! back, and `freeze_group` keeps part of it as it is. Fields are named so that the path of a
//! tensor is its name in the state dictionary of PyTorch's `segmentation_models_pytorch`.

mod buffer;

mod path;

mod order;

mod initial;

mod features;

mod blocks;

mod encoders;

mod unet;

mod network;

mod config;

pub use blocks::{BatchNorm, Conv2d, conv_norm};
pub use buffer::{Buffer, Counter};
pub use config::{Architecture, Encoder, ModelConfig};
pub use encoders::{BasicBlock, ResNet};
pub use features::Features;
pub use initial::{Initial, initialise};
pub use network::{Network, Outputs, Segmenter};
pub use order::{from_pytorch_order, in_pytorch_order, to_pytorch_order};
pub use path::Path;
pub use unet::{DecoderBlock, Unet, UnetDecoder};
