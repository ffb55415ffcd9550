//! Chips: which windows are trained and scored on.

mod blocks;

mod split;

mod stratify;

mod scene_split;

mod fraction;

mod split_scenes;

mod summary;

mod origins;

mod sample;

mod cover;

mod statistics;

mod chips_summary;

mod audit;

#[allow(clippy::module_inception)] // One concept per file, and the file has its name.
mod chip;

mod distances;

pub use audit::{Audit, AuditScene, audit};
pub use blocks::{BlockCounts, BlockGrid, BlockOrigin, count_classes};
pub use chip::{Chip, Normalisation};
pub use chips_summary::ChipsSummary;
pub use cover::{Cover, SceneCover, cover, evaluation_windows};
pub use distances::signed_distances;
pub(crate) use distances::squared_distances;
pub use fraction::keep_fraction;
pub use origins::Origins;
pub use sample::{
    ChipOrder, ChipRef, ChipsConfig, ClassCentred, PoolSummary, Sampler, Sampling, WindowWeight,
    training_samples,
};
pub use scene_split::SceneSplit;
pub use split::{BlockChoice, SplitConfig, SplitMethod, SplitScene, split};
pub use split_scenes::split_scenes;
pub use statistics::training_statistics;
pub use summary::{RoleSummary, SplitSummary};
