//! Rasters: grids, windows and pixels of GeoTIFF files.

mod pixels;

mod window;

pub use pixels::Pixels;
pub use window::Window;
