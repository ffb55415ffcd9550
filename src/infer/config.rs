//! The `[predict]` table of a run file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tiling;
use crate::error::{Error, Result};

/// How a raster is cut for maps and final figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PredictConfig {
    /// Side of a window, in pixels; that of the chips by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_px: Option<u32>,
    /// Pixels that neighbouring windows share, at most half a window; a quarter of it by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap_px: Option<u32>,
}

impl PredictConfig {
    /// The cut of a run whose chips are `chip_px` wide.
    pub fn tiling(&self, chip_px: u32) -> Tiling {
        let size_px = self.size_px.unwrap_or(chip_px);
        Tiling { size_px, overlap_px: self.overlap_px.unwrap_or(size_px / 4) }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key that is out of range.
    pub fn check(&self, chip_px: u32) -> Result<()> {
        let Tiling { size_px, overlap_px } = self.tiling(chip_px);
        if !(1..=1 << 14).contains(&size_px) {
            return Err(Error::config("predict.size_px", size_px, "must lie in 1..=16384"));
        }
        if size_px / 2 < overlap_px {
            let rule = format!("must be at most half of the window, {}", size_px / 2);
            return Err(Error::config("predict.overlap_px", overlap_px, rule));
        }
        Ok(())
    }
}
