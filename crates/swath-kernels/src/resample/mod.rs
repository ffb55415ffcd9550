//! Images of another size, each pixel a weighted sum of pixels.

mod taps;

mod separable;

mod upsample;

mod concat;

mod upsample_concat;

pub(crate) use concat::copy_channels;
pub use concat::{concatenate, split};
pub(crate) use separable::{Pixels, Separable};
pub(crate) use taps::Taps;
pub use upsample::{Interpolation, Upsample};
pub use upsample_concat::UpsampleConcat;
