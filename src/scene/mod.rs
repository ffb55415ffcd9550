//! Scenes: image and label rasters on one grid.

mod role;

mod sample;

pub use role::Role;
pub use sample::Sample;
