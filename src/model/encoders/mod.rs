//! Encoders: from an image to features at ever coarser resolution.

mod resnet;

pub use resnet::{BasicBlock, ResNet};
