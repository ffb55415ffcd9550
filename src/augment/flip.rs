//! Mirroring.

use crate::chip::Chip;

/// Mirrors up-down: the last row becomes the first.
pub(super) fn flip_rows(chip: &mut Chip) {
    let size_px = chip.size_px;
    for plane in chip.values.chunks_exact_mut(size_px * size_px) {
        reverse_rows(plane, size_px);
    }
    for plane in chip.missing.chunks_exact_mut(size_px * size_px) {
        reverse_rows(plane, size_px);
    }
    reverse_rows(&mut chip.labels, size_px);
    reverse_rows(&mut chip.valid, size_px);
}

/// Mirrors left-right: the last column becomes the first.
pub(super) fn flip_cols(chip: &mut Chip) {
    let size_px = chip.size_px;
    reverse_cols(&mut chip.values, size_px);
    reverse_cols(&mut chip.missing, size_px);
    reverse_cols(&mut chip.labels, size_px);
    reverse_cols(&mut chip.valid, size_px);
}

/// Reverses the order of the rows of one plane of `cols` columns.
fn reverse_rows<T>(plane: &mut [T], cols: usize) {
    let rows = plane.len() / cols;
    for row in 0..rows / 2 {
        let (above, below) = plane.split_at_mut((rows - 1 - row) * cols);
        above[row * cols..][..cols].swap_with_slice(&mut below[..cols]);
    }
}

/// Reverses every row of planes of `cols` columns.
fn reverse_cols<T>(planes: &mut [T], cols: usize) {
    planes.chunks_exact_mut(cols).for_each(<[T]>::reverse);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::golden::{golden, plane};

    #[test]
    fn mirrors_as_albumentations_does() {
        for (case, flip) in
            [("hflip", reverse_cols as fn(&mut [u8], usize)), ("vflip", reverse_rows)]
        {
            let (mut mask, _, cols) = plane(&golden()["mask"]);
            flip(&mut mask, cols);
            assert_eq!(mask, plane(&golden()[case]["mask"]).0, "{case}");
        }
    }
}
