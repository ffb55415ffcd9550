//! The windows that an epoch trains on.

mod config;

mod sampler;

mod way;

mod class_centred;

mod pool;

mod weighted;

mod epoch_list;

mod training_samples;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::raster::Window;

pub use class_centred::ClassCentred;
pub use config::{ChipOrder, ChipsConfig, Sampling, WindowWeight};
pub use pool::PoolSummary;
pub use sampler::Sampler;
pub use training_samples::training_samples;

/// A window of one of the scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChipRef {
    /// Index of the scene.
    pub scene: usize,
    /// Pixels of the chip.
    pub window: Window,
}
