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

/// Confusion of the blocks of `role`, predicted as a map is: by overlapping, blended windows that
/// may see image context around the blocks. Every labelled pixel of the blocks counts once, no
/// other does.
///
/// # Errors
///
/// Those of reading the scenes.
pub fn evaluate_split(
    data: &Dataset,
    predictor: &Predictor,
    tiling: Tiling,
    role: Role,
) -> Result<Confusion> {
    let mut confusion = Confusion::new(predictor.n_classes());
    for (scene, split) in data.scenes.iter().zip(&data.splits) {
        for block in split.blocks(role) {
            let map = class_map(scene, predictor, tiling, block)?;
            confusion.add_all(&map, &scene.read(block)?.labels);
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
    let image = scene.image();
    let grid = image.grid();
    let n_classes = predictor.n_classes();
    let mut map = Vec::with_capacity(region.n_pixels());
    let classify = |window| Ok(predictor.scores(read_padded(image, window)?));
    stream([grid.rows, grid.cols], region, tiling, n_classes, classify, |row| {
        let top = top_class(&row.probabilities, n_classes);
        let class = |((class, _), is_valid)| if is_valid { class } else { IGNORE };
        map.extend(top.into_iter().zip(row.valid).map(class));
        Ok(())
    })?;
    Ok(map)
}
