//! Layers and small groups of layers that all models are made of.

mod activation;

mod conv;

mod linear;

mod transposed_conv;

mod batch_norm;

mod group_norm;

mod layer_norm;

mod norm;

mod conv_norm;

mod layers;

mod dropout;

mod attention;

mod double_conv;

pub(in crate::model) use activation::Nonlinearity;
pub use activation::{Act, ActivationKind};
pub use attention::{AttentionGate, Scse, SqueezeExcite};
pub(in crate::model) use attention::{Squeeze, factors, squeeze};
pub use batch_norm::BatchNorm;
pub use conv::Conv2d;
pub(in crate::model) use conv::Padding;
pub use conv_norm::conv_norm;
pub(in crate::model) use conv_norm::{ConvNorm, run};
pub use double_conv::DoubleConv;
pub use dropout::{DropKind, Dropout, Pass};
pub use group_norm::GroupNorm;
pub use layer_norm::LayerNorm;
pub(in crate::model) use layers::Layers;
pub use linear::Linear;
pub use norm::{NoNorm, Norm, NormKind};
pub use transposed_conv::TransposedConv2d;
