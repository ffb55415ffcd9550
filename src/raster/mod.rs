//! Rasters: grids, windows and pixels of GeoTIFF files, read by window and written as maps.

mod window;

mod pixels;

mod affine;

mod crs;

mod grid;

mod data_type;

mod xml;

mod sidecar;

mod blocks;

mod samples;

mod refusal;

mod directory;

mod position;

mod geotiff;

mod band;

mod choice;

mod stack;

mod statistics;

mod histogram;

mod atomic;

mod legend;

mod pam;

mod qml;

mod pyramid;

mod cog;

mod space;

mod map_tags;

mod map;

#[cfg(test)]
pub(crate) mod fixture;

pub use affine::Affine;
pub use atomic::{remove_orphans, write_atomically, write_atomically_with, write_together};
pub use band::Band;
pub use crs::Crs;
pub use data_type::DataType;
pub use grid::Grid;
pub use legend::LegendEntry;
pub use map::{MapLayout, MapSample, MapWriter};
pub use pixels::Pixels;
pub use stack::{NodataRule, Raster, RasterOptions};
pub use statistics::{BandStatistics, Statistics};
pub use window::Window;

pub(crate) use blocks::block_windows;
pub(crate) use geotiff::GeoTiff;
pub(crate) use sidecar::{BandNotes, Sidecar, path_beside as sidecar_path};
