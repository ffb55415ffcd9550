//! Windows on a lattice, with what they hold.

use serde::Serialize;

use super::{ChipRef, ChipsConfig};
use crate::{
    chip::{Origins, SceneSplit},
    error::{Error, Result},
    label::{ClassCounts, IGNORE, count_labels},
    raster::Window,
    scene::Sample,
};

/// The allowed windows on a lattice of `chips.stride_px` from the upper-left corner of each scene
/// that hold enough labelled training pixels.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pub windows: Vec<ChipRef>,
    pub counts: ClassCounts,
}

/// What a pool holds, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolSummary {
    /// Windows in it.
    pub n_windows: u64,
    /// How many of them are background, with `sampling = "resampled"`.
    pub n_background: Option<u64>,
    /// Windows of a list, with `sampling = "resampled"` and `"repeated"`.
    pub n_listed: Option<u64>,
}

impl Pool {
    /// Reads every window of the lattices once and counts its classes.
    ///
    /// # Errors
    ///
    /// Those of `read`; [`Error::Config`] if no window is left.
    pub(super) fn measure(
        splits: &[SceneSplit],
        origins: &[Origins],
        config: &ChipsConfig,
        n_classes: usize,
        read: impl Fn(usize, Window) -> Result<Sample>,
    ) -> Result<Self> {
        let (size_px, stride_px) = (config.size_px, config.stride_px());
        let mut windows = Vec::new();
        let mut counts = Vec::new();
        for (scene, (split, origins)) in splits.iter().zip(origins).enumerate() {
            for (row, col) in lattice(split, stride_px) {
                if !origins.allow(row, col) {
                    continue;
                }
                let window = Window::square(row, col, size_px);
                let mut sample = read(scene, window)?;
                split.keep_training(&mut sample, window);
                if config.is_labelled_enough(&sample) {
                    windows.push(ChipRef { scene, window });
                    let mut of_window = vec![0; n_classes];
                    count_labels(&sample.labels, &mut of_window);
                    counts.push(of_window);
                }
            }
        }
        if windows.is_empty() {
            let rule = "no window of this lattice is allowed and labelled enough; make \
                        `chips.stride_px`, `chips.size_px` or `chips.min_labelled` smaller";
            return Err(Error::config("chips.stride_px", stride_px, rule));
        }
        Ok(Self { windows, counts: ClassCounts::new(n_classes, counts) })
    }
}

impl ChipsConfig {
    /// Whether a sample fit for training has the labelled pixels that it needs.
    pub(super) fn is_labelled_enough(&self, sample: &Sample) -> bool {
        let n_labelled = sample.labels.iter().filter(|&&label| label != IGNORE).count();
        0 < n_labelled && self.min_labelled * sample.labels.len() as f64 <= n_labelled as f64
    }
}

/// Origins of the lattice of a scene.
fn lattice(split: &SceneSplit, stride_px: u32) -> impl Iterator<Item = (u32, u32)> {
    let starts = move |length: u32| (0..length).step_by(stride_px as usize);
    let (rows, cols) = (split.grid().rows(), split.grid().cols());
    starts(rows).flat_map(move |row| starts(cols).map(move |col| (row, col)))
}
