//! Encoders: from an image to features at ever coarser resolution.

mod resnet;

mod mobilenet_v2;

mod efficientnet_lite;

mod squeezenet;

mod vgg;

mod convnext;

mod encoder;

pub use convnext::ConvNeXt;
pub use efficientnet_lite::EfficientNetLite;
pub(crate) use encoder::OtherNames;
pub use encoder::{Encoder, EncoderNetwork};
pub(super) use encoder::{EncoderSpec, plain_name};
pub use mobilenet_v2::MobileNetV2;
pub use resnet::{BasicBlock, Bottleneck, ResNet};
pub use squeezenet::SqueezeNet;
pub use vgg::Vgg;
