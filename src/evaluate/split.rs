//! Figures of one split of a run.

use crate::{
    error::Result,
    infer::{Predictor, Tiling, stream, top_class},
    label::IGNORE,
    raster::Window,
    scene::{Role, Scene, read_padded},
    score::Confusion,
    train::Dataset,
};

/// Rows that are compared at a time: blocks may be as large as a scene.
const STRIP_ROWS: u32 = 64;

/// Confusion of the blocks of `role`, predicted as a map is: by overlapping, blended windows that
/// may see image context around the blocks. Every labelled pixel of the blocks counts once, no
/// other does. `progress` gets the number of pixels that are done.
///
/// # Errors
///
/// Those of reading the scenes, and what `progress` returns.
pub fn evaluate_split(
    data: &Dataset,
    predictor: &Predictor,
    tiling: Tiling,
    role: Role,
    mut progress: impl FnMut(u64) -> Result<()>,
) -> Result<Confusion> {
    let mut n_done = 0;
    let mut confusion = Confusion::new(predictor.n_classes());
    for (scene, split) in data.scenes.iter().zip(&data.splits) {
        for block in split.blocks(role) {
            let mut strip = Vec::new();
            each_row(scene, predictor, tiling, block, |row, map| {
                strip.extend(map);
                n_done += u64::from(block.cols);
                progress(n_done)?;
                let n_rows = (strip.len() / block.cols as usize) as u32;
                if n_rows == STRIP_ROWS || row + 1 == block.row_end() {
                    let part = Window { row: row + 1 - n_rows, rows: n_rows, ..block };
                    confusion.add_all(&strip, &scene.read(part)?.labels);
                    strip.clear();
                }
                Ok(())
            })?;
        }
    }
    Ok(confusion)
}

/// Class indices of a part of a scene, `[row, col]`; [`IGNORE`] where the image has no data.
///
/// # Errors
///
/// Those of reading the scene.
pub fn class_map(
    scene: &Scene,
    predictor: &Predictor,
    tiling: Tiling,
    region: Window,
) -> Result<Vec<u8>> {
    let mut map = Vec::with_capacity(region.n_pixels());
    each_row(scene, predictor, tiling, region, |_, row| {
        map.extend(row);
        Ok(())
    })?;
    Ok(map)
}

/// Calls `emit` with each row of the region, from top to bottom, and its class indices.
fn each_row(
    scene: &Scene,
    predictor: &Predictor,
    tiling: Tiling,
    region: Window,
    mut emit: impl FnMut(u32, Vec<u8>) -> Result<()>,
) -> Result<()> {
    let image = scene.image();
    let grid = image.grid();
    let n_classes = predictor.n_classes();
    let classify = |window| predictor.scores(read_padded(image, window)?);
    stream([grid.rows, grid.cols], region, tiling, n_classes, classify, |row| {
        let top = top_class(&row.probabilities, n_classes);
        let class = |((class, _), is_valid)| if is_valid { class } else { IGNORE };
        emit(row.row, top.into_iter().zip(row.valid).map(class).collect())
    })
}
