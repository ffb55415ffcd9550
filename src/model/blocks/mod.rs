//! Layers shared by the models. Each starts at neutral values; [`initialise`](super::initialise)
//! draws the weights.

mod conv;

mod batch_norm;

mod conv_norm;

pub use batch_norm::BatchNorm;
pub use conv::Conv2d;
pub use conv_norm::conv_norm;
