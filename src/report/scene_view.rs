//! A scene seen from afar.

use image::RgbImage;

use super::{DisplayBands, composite};
use crate::{
    chip::SceneSplit,
    error::Result,
    raster::{Pixels, Raster, Window},
    scene::{Role, Scene},
};

/// Most scenes that are drawn: of thousands of small ones, pictures would take gigabytes.
pub const MAX_SCENES: usize = 24;

/// Longer side of the picture of a scene, in pixels.
const OVERVIEW_PX: u32 = 640;

/// A scene seen from afar, with the blocks of the split.
#[derive(Clone, Debug)]
pub struct SceneView {
    /// Name of the scene.
    pub name: String,
    /// The whole scene at any size, as [`composite`] draws it.
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
    pub role: Role,
}

impl SceneView {
    /// Looks at a scene and its split; reads some rows of the image.
    ///
    /// # Errors
    ///
    /// Those of reading the image.
    pub fn of(scene: &Scene, split: &SceneSplit, display: &DisplayBands) -> Result<Self> {
        let grid = scene.grid();
        let blocks_of = |role| split.blocks(role).map(move |window| SplitBlock { window, role });
        let [width, height] = grid.pixel_size();
        let unit = grid.crs.unit_name();
        let size = if width == height { width.to_string() } else { format!("{width} × {height}") };
        Ok(Self {
            name: scene.name().to_owned(),
            overview: composite(&overview(scene.image())?, display),
            rows: grid.rows,
            cols: grid.cols,
            pixel_size: format!("{size} {unit}"),
            crs: grid.crs.name(),
            blocks: Role::ALL.into_iter().flat_map(blocks_of).collect(),
        })
    }
}

/// Every so many pixels of a raster, so that the longer side has at most [`OVERVIEW_PX`].
fn overview(raster: &Raster) -> Result<Pixels> {
    let grid = raster.grid();
    let step = grid.rows.max(grid.cols).div_ceil(OVERVIEW_PX) as usize;
    let (rows, cols) = ((grid.rows as usize).div_ceil(step), (grid.cols as usize).div_ceil(step));
    let n_bands = raster.bands().len();
    let mut all = Pixels::missing(n_bands, rows, cols);
    for row in 0..rows {
        let window = Window { row: (row * step) as u32, col: 0, rows: 1, cols: grid.cols };
        let line = raster.read(window)?;
        for col in 0..cols {
            let (to, from) = (row * cols + col, col * step);
            all.valid[to] = line.valid[from];
            for band in 0..n_bands {
                all.values[band * rows * cols + to] = line.band(band)[from];
            }
        }
    }
    Ok(all)
}
