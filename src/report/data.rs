//! What a report shows, as plain data.

use image::RgbImage;

use super::Panel;
use crate::{label::Classes, raster::Window, score::Metrics};

/// Everything that [`write`](super::write) draws. Empty lists leave their part of the page out.
#[derive(Clone, Debug)]
pub struct ReportData {
    /// Name of the run.
    pub title: String,
    /// A few facts for the head of the page: model, number of parameters, epochs, seed.
    pub summary: Vec<Fact>,
    /// The run file with every default, TOML.
    pub settings: String,
    /// Code version, host, threads, hashes, and what else the manifest says.
    pub environment: Vec<Fact>,
    /// The classes in the order of their index.
    pub classes: Classes,
    /// Figures by split, the one of the headline first.
    pub splits: Vec<SplitMetrics>,
    /// Unit of [`ClassMetrics::area`](crate::score::ClassMetrics::area), such as `m²`.
    pub area_unit: String,
    /// The scenes with their blocks.
    pub scenes: Vec<SceneView>,
    /// Labelled pixels of each class, by split.
    pub class_counts: Vec<ClassCounts>,
    /// Statistics of the training pixels, by band.
    pub bands: Vec<BandSummary>,
    /// What a reader must know: classes that a split lacks, pixels left out.
    pub notes: Vec<String>,
    /// One row per epoch, in order.
    pub epochs: Vec<EpochRow>,
    /// One row per optimizer step, in order.
    pub steps: Vec<StepRow>,
    /// Image, reference, map and errors of some test blocks.
    pub panels: Vec<Panel>,
    /// How long each part of the run took, in order.
    pub timings: Vec<Timing>,
}

/// A name and what is known under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value, with the unit.
    pub value: String,
}

impl Fact {
    /// A fact of two texts.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// Figures of one split.
#[derive(Clone, Debug)]
pub struct SplitMetrics {
    /// Name of the split, such as `test`.
    pub name: String,
    /// Its figures, with the classes of the report.
    pub metrics: Metrics,
}

/// A scene seen from afar, with the blocks of the split.
#[derive(Clone, Debug)]
pub struct SceneView {
    /// Name of the scene.
    pub name: String,
    /// The whole scene at any size, as [`composite`](super::composite) draws it.
    pub overview: RgbImage,
    /// Height of the scene, in pixels.
    pub rows: u32,
    /// Width of the scene, in pixels.
    pub cols: u32,
    /// Pixel size with its unit, such as `28.5 m`.
    pub pixel_size: String,
    /// Name of the coordinate reference system.
    pub crs: String,
    /// Blocks that belong to a split, in pixels of the scene.
    pub blocks: Vec<SplitBlock>,
}

/// A block of a scene and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitBlock {
    /// Pixels of the block.
    pub window: Window,
    /// What they are for.
    pub role: BlockRole,
}

/// What the pixels of a block are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockRole {
    /// Trained on.
    Train,
    /// Evaluated during training, to choose settings and the best epoch.
    Validation,
    /// Evaluated once, after training.
    Test,
}

/// Labelled pixels of each class in one split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassCounts {
    /// Name of the split.
    pub split: String,
    /// Pixels, in the order of the class index.
    pub counts: Vec<u64>,
}

/// Statistics of one band over valid, labelled training pixels, in the band's units.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // The names are the statistics.
pub struct BandSummary {
    pub name: String,
    pub mean: f64,
    pub std: f64,
    pub min: f64,
    pub p2: f64,
    pub p98: f64,
    pub max: f64,
}

/// What was measured at the end of an epoch. NaN is a value that was not measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochRow {
    /// Number of epochs finished, from 1.
    pub epoch: u32,
    /// Number of optimizer steps finished.
    pub step: u64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Mean training loss of the epoch.
    pub train_loss: f64,
    /// Validation loss after the epoch.
    pub val_loss: f64,
    /// Mean IoU on the validation split, in `[0, 1]`.
    pub val_mean_iou: f64,
    /// Overall accuracy on the validation split, in `[0, 1]`.
    pub val_overall_accuracy: f64,
    /// Duration of the epoch with its validation, in seconds.
    pub seconds: f64,
    /// Training pixels per second.
    pub pixels_per_s: f64,
}

/// One optimizer step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRow {
    /// Step, from 0.
    pub step: u64,
    /// Learning rate used.
    pub lr: f64,
    /// Training loss of the batch.
    pub loss: f64,
}

/// How long a part of the run took.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Name of the part, such as `training`.
    pub part: String,
    /// Duration, in seconds.
    pub seconds: f64,
}
