//! Figures of an existing map.

use std::path::Path;

use crate::{
    error::{Error, Result},
    label::{ClassRaster, Classes},
    score::Confusion,
};

/// Rows that are compared at a time.
const ROWS: u32 = 256;

/// Confusion of the `map` with the `labels`, both class rasters on one grid, by the codes of
/// `classes`. Label codes in `ignore` do not count; a labelled pixel without a class in the map
/// counts as unmapped.
///
/// # Errors
///
/// [`Error::Mismatch`] if the grids differ, and those of reading the two.
pub fn evaluate_map(
    map: &Path,
    labels: &Path,
    classes: &Classes,
    ignore: &[i64],
) -> Result<Confusion> {
    let reference = ClassRaster::open(labels, classes, ignore)?;
    let predicted = ClassRaster::open(map, classes, ignore)?;
    let grid = reference.grid();
    if let Some((what, left_value, right_value)) = predicted.grid().difference(grid) {
        let (left, right) = (map.to_owned(), labels.to_owned());
        return Err(Error::Mismatch { left, right, what, left_value, right_value });
    }
    let mut confusion = Confusion::new(classes.len());
    let all = grid.full_window();
    for row in (0..all.rows).step_by(ROWS as usize) {
        let window = crate::raster::Window { row, rows: ROWS.min(all.rows - row), ..all };
        confusion.add_all(&predicted.read(window)?, &reference.read(window)?);
    }
    Ok(confusion)
}
