//! What a bundle says besides its weights.

use serde::{Deserialize, Serialize};

use crate::{
    chip::Normalisation,
    error::{Error, Result},
    infer::Tiling,
    label::Classes,
    model::ModelConfig,
    raster::{Band, NodataRule, Raster, RasterOptions},
};

/// Largest relative difference of pixel sizes that still count as equal.
pub const PIXEL_SIZE_TOLERANCE: f64 = 0.01;

/// Everything but the weights that prediction needs to know of a trained model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Name of the run that made it.
    pub name: String,
    /// Architecture.
    pub model: ModelConfig,
    /// Classes in the order of the logits.
    pub classes: Classes,
    /// Label codes that were not trained on.
    pub ignore: Vec<i64>,
    /// Bands in the order of the input.
    pub bands: Vec<Band>,
    /// Which bands of a file to take, as the run file says; all of them if missing.
    pub band_choice: Option<Vec<String>>,
    /// Missing value that the run file gives in place of the files'.
    pub nodata: Option<f64>,
    /// When a pixel counts as missing.
    pub nodata_rule: NodataRule,
    /// How values are normalised.
    pub normalisation: Normalisation,
    /// Side of the training chips, in pixels.
    pub chip_px: u32,
    /// Side of the windows of a prediction, in pixels.
    pub window_px: u32,
    /// Pixels that neighbouring windows share.
    pub overlap_px: u32,
    /// Width and height of a training pixel, in map units.
    pub pixel_size: [f64; 2],
    /// Coordinate reference systems of the training scenes, by name.
    pub crs: Vec<String>,
    /// SHA-256 of each training raster.
    pub inputs_sha256: Vec<String>,
}

impl Header {
    /// How windows are cut.
    pub fn tiling(&self) -> Tiling {
        Tiling { size_px: self.window_px, overlap_px: self.overlap_px }
    }

    /// How to open a raster that is to be predicted.
    pub fn raster_options(&self) -> RasterOptions {
        RasterOptions {
            bands: self.band_choice.clone(),
            nodata: self.nodata,
            nodata_rule: self.nodata_rule,
            ..RasterOptions::default()
        }
    }

    /// Checks that `raster` is of the kind that the model was trained on.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] that says what differs: number or names of bands, their number type, scale
    /// or offset, or, unless `any_pixel_size`, the pixel size by more than 1 %. A band without a
    /// name in either place fits any name.
    pub fn check(&self, raster: &Raster, any_pixel_size: bool) -> Result<()> {
        let path = raster.paths()[0].display();
        let bands = raster.bands();
        if bands.len() != self.bands.len() {
            let wanted = format!("{}, as in training ({})", self.bands.len(), names(&self.bands));
            return Err(Error::data(format!("bands of {path}"), bands.len(), wanted));
        }
        for (index, (found, wanted)) in bands.iter().zip(&self.bands).enumerate() {
            let what = format!("band {} of {path}", index + 1);
            // Files without band names are told apart by their order alone.
            let unnamed = format!("band_{}", index + 1);
            if found.name != wanted.name && found.name != unnamed && wanted.name != unnamed {
                return Err(Error::data(
                    what,
                    &found.name,
                    format!("{}, as in training", wanted.name),
                ));
            }
            if describe(found) != describe(wanted) {
                let wanted = format!("{}, as in training", describe(wanted));
                return Err(Error::data(what, describe(found), wanted));
            }
        }
        let size = raster.grid().pixel_size();
        let differs = |found: f64, wanted: f64| PIXEL_SIZE_TOLERANCE < (found / wanted - 1.0).abs();
        if !any_pixel_size && (0..2).any(|axis| differs(size[axis], self.pixel_size[axis])) {
            let [width, height] = self.pixel_size;
            return Err(Error::data(
                format!("pixel size of {path}"),
                format!("{} x {}", size[0], size[1]),
                format!("{width} x {height} within 1 %, as in training (--force predicts anyway)"),
            ));
        }
        Ok(())
    }
}

fn names(bands: &[Band]) -> String {
    bands.iter().map(|band| band.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn describe(band: &Band) -> String {
    format!("{} with scale {} and offset {}", band.dtype, band.scale, band.offset)
}
