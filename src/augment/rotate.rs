//! Quarter turns.

use crate::chip::Chip;

/// Turns by `quarter_turns` times 90 degrees counter-clockwise.
pub(super) fn rotate(chip: &mut Chip, quarter_turns: u8) {
    let size_px = chip.size_px;
    for _ in 0..quarter_turns % 4 {
        for plane in chip.values.chunks_exact_mut(size_px * size_px) {
            let turned = turned(plane, size_px);
            plane.copy_from_slice(&turned);
        }
        for plane in chip.missing.chunks_exact_mut(size_px * size_px) {
            let turned = turned(plane, size_px);
            plane.copy_from_slice(&turned);
        }
        chip.labels = turned(&chip.labels, size_px);
        chip.valid = turned(&chip.valid, size_px);
    }
}

/// One plane of `cols` columns a quarter turn counter-clockwise: its last column is the first row.
fn turned<T: Copy>(plane: &[T], cols: usize) -> Vec<T> {
    let rows = plane.len() / cols;
    (0..cols).rev().flat_map(|col| (0..rows).map(move |row| plane[row * cols + col])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::golden::{golden, plane};

    #[test]
    fn turns_as_numpy_and_albumentations_do() {
        let (mut mask, _, mut cols) = plane(&golden()["mask"]);
        for n_turns in 0..4 {
            let (wanted, _, wanted_cols) =
                plane(&golden()["rot90_factor_k_ccw"][n_turns.to_string()]);
            assert_eq!((&mask, cols), (&wanted, wanted_cols), "{n_turns} turns");
            cols = mask.len() / {
                mask = turned(&mask, cols);
                cols
            };
        }
    }
}
