//! Layers shared by the models. Each starts at neutral values; [`initialise`](super::initialise)
//! draws the weights.

mod conv_op;

mod conv;

mod batch_norm;

mod upsample;

pub use batch_norm::BatchNorm;
pub use conv::Conv2d;
pub use upsample::upsample_to;
