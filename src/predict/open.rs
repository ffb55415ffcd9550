//! Opens a raster to predict it from top to bottom.

use std::path::PathBuf;

use crate::{
    bundle::Header,
    error::Result,
    raster::{Raster, RasterOptions},
};

/// Rows of tiles that a row of windows may touch beyond its own height, in pixels.
const TILE_ROWS_PX: u64 = 512;

/// Opens `paths` as the model of `header` wants them.
///
/// Decoded blocks are kept for one row of windows and no longer, up to the default limit: so the
/// memory of a prediction depends on the width of the raster, not on its height.
///
/// # Errors
///
/// As [`Raster::open`].
pub fn open_for_prediction(paths: &[PathBuf], header: &Header) -> Result<Raster> {
    let options = header.raster_options();
    let raster = Raster::open(paths, &options)?;
    let bytes_per_pixel = raster.bands().iter().map(|band| band.dtype.bytes()).sum::<u64>();
    let rows = u64::from(header.window_px) + TILE_ROWS_PX;
    let needed = rows * u64::from(raster.grid().cols) * bytes_per_pixel;
    let needed_mib = u32::try_from((needed >> 20) + 1).unwrap_or(u32::MAX);
    if options.cache_mib <= needed_mib {
        return Ok(raster);
    }
    Raster::open(paths, &RasterOptions { cache_mib: needed_mib, ..options })
}
