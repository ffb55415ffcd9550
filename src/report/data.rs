//! What a report shows, as plain data.

use super::{Panel, SceneView, text::thousands};
use crate::{
    chip::RoleSummary,
    label::Classes,
    raster::BandStatistics,
    score::Metrics,
    train::{EpochRow, StepRow},
};

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
    /// The first scenes with their blocks, at most [`MAX_SCENES`](super::MAX_SCENES).
    pub scenes: Vec<SceneView>,
    /// How many scenes there are.
    pub n_scenes: usize,
    /// Labelled pixels of each class, by role.
    pub roles: Vec<RoleSummary>,
    /// Statistics of the training pixels, by band.
    pub bands: Vec<BandView>,
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

    /// A fact that is a number of things.
    pub fn count(name: impl Into<String>, n: u64) -> Self {
        Self::new(name, thousands(n))
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

/// A band and its training pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct BandView {
    /// Name of the band.
    pub name: String,
    /// Statistics over valid, labelled training pixels, in the band's units.
    pub statistics: BandStatistics,
}

/// How long a part of the run took.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Name of the part, such as `training`.
    pub part: String,
    /// Duration, in seconds.
    pub seconds: f64,
}
