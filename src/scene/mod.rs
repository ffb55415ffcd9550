//! Scenes: image and label rasters on one grid.

mod config;

mod pattern;

mod role;

mod sample;

#[allow(clippy::module_inception)] // One concept per file, and the file has its name.
mod scene;

mod scenes;

mod shared_classes;

mod synthetic;

pub use config::{BandChoice, DataConfig, ImageList, SceneConfig};
pub use pattern::{SceneFiles, scene_files};
pub use role::Role;
pub use sample::Sample;
pub use scene::{Scene, read_padded};
pub use scenes::Scenes;
pub use synthetic::{BAND_NAMES, SyntheticScene, synthetic_classes, synthetic_scene};
