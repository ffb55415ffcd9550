//! Classifies a raster window by window and hands out finished rows.

use rayon::prelude::*;

use super::{BlendedRow, Lattice, Strip};
use crate::{error::Result, raster::Window};

/// How a raster is cut for inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Side of a window, in pixels.
    pub size_px: u32,
    /// Pixels that neighbouring windows share, at most half of `size_px`.
    pub overlap_px: u32,
}

/// What a model says of one window.
#[derive(Clone, Debug)]
pub struct WindowScores {
    /// `[class, row, col]`, in `[0, 1]`.
    pub probabilities: Vec<f32>,
    /// `[row, col]`; false where the image has no data.
    pub valid: Vec<bool>,
}

/// Classifies the `region` of a raster of `rows` x `cols` pixels; `emit` gets its rows from top to
/// bottom, with the columns of the region.
///
/// `classify` is called with square windows of `tiling.size_px`, from several threads of the
/// current pool; a window may stick out of a raster that is smaller than it. `None` means that the
/// window holds no data. Memory grows with the width of the region, not with its height.
///
/// # Errors
///
/// The first error of `classify` or `emit`.
pub fn stream(
    [rows, cols]: [u32; 2],
    region: Window,
    tiling: Tiling,
    n_classes: usize,
    classify: impl Fn(Window) -> Result<Option<WindowScores>> + Sync,
    mut emit: impl FnMut(BlendedRow) -> Result<()>,
) -> Result<()> {
    let size = tiling.size_px;
    let row_lattice = Lattice::new(rows, size, tiling.overlap_px);
    let col_lattice = Lattice::new(cols, size, tiling.overlap_px);
    let across = col_lattice.touching(region.col, region.col_end());
    let col_shares: Vec<Vec<f32>> = across.clone().map(|index| col_lattice.shares(index)).collect();
    let starts = &col_lattice.starts()[across];

    let height = size.min(region.rows) as usize;
    let mut strip = Strip::new(n_classes, region.row, height, region.col..region.col_end());
    for index in row_lattice.touching(region.row, region.row_end()) {
        let row = row_lattice.starts()[index];
        let row_shares = row_lattice.shares(index);
        // A few windows at a time: their probabilities are the largest buffers here.
        for (starts, shares) in in_groups(starts).zip(in_groups(&col_shares)) {
            let scores: Vec<_> = starts
                .par_iter()
                .map(|&col| classify(Window::square(row, col, size)))
                .collect::<Result<_>>()?;
            for ((score, &col), shares) in scores.iter().zip(starts).zip(shares) {
                if let Some(WindowScores { probabilities, valid }) = score {
                    strip.add([row, col], probabilities, valid, [&row_shares, shares]);
                }
            }
        }
        let settled = row_lattice.settled(index).min(region.row_end());
        for row in strip.first_row()..settled {
            emit(strip.row(row))?;
        }
        strip.advance(settled.max(strip.first_row()));
    }
    Ok(())
}

fn in_groups<T>(items: &[T]) -> std::slice::Chunks<'_, T> {
    items.chunks(rayon::current_num_threads())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Scores that depend on the place within the window, so that a wrong share would show.
    fn classify(window: Window) -> Result<Option<WindowScores>> {
        let n = window.n_pixels();
        let first: Vec<f32> =
            (0..n).map(|it| ((it + window.row as usize * 3) % 11) as f32 / 11.0).collect();
        let probabilities = first.iter().copied().chain(first.iter().map(|p| 1.0 - p)).collect();
        Ok(Some(WindowScores { probabilities, valid: vec![true; n] }))
    }

    fn rows_of(raster: [u32; 2], region: Window, tiling: Tiling) -> Vec<BlendedRow> {
        let mut found = Vec::new();
        stream(raster, region, tiling, 2, classify, |row| {
            found.push(row);
            Ok(())
        })
        .unwrap();
        found
    }

    proptest! {
        #[test]
        fn a_part_equals_the_same_part_of_the_whole(
            rows in 1u32..40, cols in 1u32..40, size in 2u32..16, overlap in 0u32..8,
            cut in any::<[prop::sample::Index; 4]>(),
        ) {
            let tiling = Tiling { size_px: size, overlap_px: overlap.min(size / 2) };
            let whole = rows_of([rows, cols], Window { row: 0, col: 0, rows, cols }, tiling);
            prop_assert_eq!(whole.len(), rows as usize);
            let (row, col) = (cut[0].index(rows as usize), cut[1].index(cols as usize));
            let region = Window {
                row: row as u32,
                col: col as u32,
                rows: 1 + cut[2].index(rows as usize - row) as u32,
                cols: 1 + cut[3].index(cols as usize - col) as u32,
            };
            let part = rows_of([rows, cols], region, tiling);
            prop_assert_eq!(part.len(), region.rows as usize);
            for found in part {
                let full = &whole[found.row as usize];
                for class in 0..2 {
                    let wanted = &full.probabilities[class * cols as usize + col..];
                    let width = region.cols as usize;
                    prop_assert_eq!(&found.probabilities[class * width..][..width], &wanted[..width]);
                }
                prop_assert!(found.valid.iter().all(|&it| it));
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let region = Window { row: 3, col: 2, rows: 60, cols: 70 };
        let tiling = Tiling { size_px: 16, overlap_px: 5 };
        let with = |n| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| rows_of([80, 90], region, tiling))
        };
        let one = with(1);
        assert!(one == with(2) && one == with(7));
    }
}
