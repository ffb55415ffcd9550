//! Where the upper-left pixel of a training window may lie.

use std::ops::Range;

use crate::{
    chip::{SceneSplit, scene_split::is_evaluated},
    raster::Window,
    scene::Role,
};

/// All allowed training windows of one size in one scene.
///
/// A window is allowed if it lies inside the raster, touches a training block, and, unless the
/// split hides pixels, keeps `buffer_px` away from every validation and test block. Blocks are
/// squares, so this is exact: integral images over the *blocks* answer it, and memory does not grow
/// with the pixels.
///
/// Origins with the same blocks below them form rectangles: `row_runs` x `col_runs`.
#[derive(Clone, Debug)]
pub struct Origins {
    size_px: u32,
    may_hide: bool,
    training: BlockSums,
    evaluated: BlockSums,
    row_runs: Vec<Run>,
    col_runs: Vec<Run>,
    /// Allowed origins in all row runs before this one; one entry more than there are runs.
    n_before: Vec<u64>,
}

impl Origins {
    /// Windows of `size_px` that `split` allows.
    pub fn new(split: &SceneSplit, size_px: u32) -> Self {
        let grid = split.grid();
        let sums = |counts: &dyn Fn(Option<Role>) -> bool| {
            BlockSums::new(grid.n_block_rows(), grid.n_block_cols(), |index| {
                counts(split.role(index))
            })
        };
        let runs = |length: u32| {
            runs(length, size_px, |start| Run {
                start,
                length: 1,
                touched: grid.span(start, size_px, 0, length),
                near: grid.span(start, size_px, split.buffer_px(), length),
            })
        };
        let mut origins = Self {
            size_px,
            may_hide: split.hides(),
            training: sums(&|role| role == Some(Role::Train)),
            evaluated: sums(&is_evaluated),
            row_runs: runs(grid.rows()),
            col_runs: runs(grid.cols()),
            n_before: vec![0],
        };
        let mut n_origins = 0;
        for rows in &origins.row_runs {
            n_origins += u64::from(rows.length) * origins.n_per_row(rows);
            origins.n_before.push(n_origins);
        }
        origins
    }

    /// How many windows are allowed.
    pub fn count(&self) -> u64 {
        self.n_before[self.row_runs.len()]
    }

    /// Allowed window number `index`, from 0; together all indices give each window once.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`Self::count`].
    pub fn pick(&self, index: u64) -> Window {
        assert!(index < self.count(), "origin {index} of {}", self.count());
        let run = self.n_before.partition_point(|&before| before <= index) - 1;
        let rows = &self.row_runs[run];
        let (index, n_per_row) = (index - self.n_before[run], self.n_per_row(rows));
        let row = rows.start + (index / n_per_row) as u32; // Below `rows.length`.
        let mut left = index % n_per_row;
        for cols in self.col_runs.iter().filter(|cols| self.allows(rows, cols)) {
            if left < u64::from(cols.length) {
                return Window::square(row, cols.start + left as u32, self.size_px);
            }
            left -= u64::from(cols.length);
        }
        unreachable!("a row of {n_per_row} origins has none for {left}")
    }

    /// Whether the window with its upper-left pixel at `row`, `col` is allowed.
    pub fn allow(&self, row: u32, col: u32) -> bool {
        let run = |runs: &[Run], at: u32| {
            let index = runs.partition_point(|run| run.start <= at).checked_sub(1)?;
            (at < runs[index].end()).then_some(index)
        };
        match (run(&self.row_runs, row), run(&self.col_runs, col)) {
            (Some(rows), Some(cols)) => self.allows(&self.row_runs[rows], &self.col_runs[cols]),
            _ => false,
        }
    }

    /// The allowed window whose upper-left pixel is nearest to `row`, `col`, the first of equals;
    /// none if no window is allowed.
    pub fn nearest(&self, row: u32, col: u32) -> Option<Window> {
        if self.allow(row, col) {
            return Some(Window::square(row, col, self.size_px));
        }
        let mut best: Option<(u64, Window)> = None;
        for rows in &self.row_runs {
            for cols in &self.col_runs {
                let window = Window::square(rows.nearest(row), cols.nearest(col), self.size_px);
                let square = |a: u32, b: u32| u64::from(a.abs_diff(b)).pow(2);
                let distance = square(window.row, row) + square(window.col, col);
                let is_nearer = best.is_none_or(|(nearest, _)| distance < nearest);
                if is_nearer && self.allows(rows, cols) {
                    best = Some((distance, window));
                }
            }
        }
        best.map(|(_, window)| window)
    }

    /// The pixels of all allowed windows together, as rectangles: squares whose origins fill a
    /// rectangle fill a rectangle themselves. Neighbours overlap.
    pub fn regions(&self) -> Vec<Window> {
        let mut regions: Vec<Window> = Vec::new();
        for rows in &self.row_runs {
            let n_before = regions.len();
            for cols in self.col_runs.iter().filter(|cols| self.allows(rows, cols)) {
                let part = Window {
                    row: rows.start,
                    col: cols.start,
                    rows: rows.length - 1 + self.size_px,
                    cols: cols.length - 1 + self.size_px,
                };
                match regions[n_before..].last_mut() {
                    // The origins go on where the last ones ended.
                    Some(last) if last.col_end() + 1 == part.col + self.size_px => {
                        last.cols += cols.length;
                    }
                    Some(_) | None => regions.push(part),
                }
            }
        }
        regions
    }

    fn n_per_row(&self, rows: &Run) -> u64 {
        let allowed = self.col_runs.iter().filter(|cols| self.allows(rows, cols));
        allowed.map(|cols| u64::from(cols.length)).sum()
    }

    fn allows(&self, rows: &Run, cols: &Run) -> bool {
        self.training.any(&rows.touched, &cols.touched)
            && (self.may_hide || !self.evaluated.any(&rows.near, &cols.near))
    }
}

/// Neighbouring starts of a window along one axis, all with the same blocks below the window.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    start: u32,
    length: u32,
    /// Blocks that share a pixel with the window.
    touched: Range<usize>,
    /// Blocks within the buffer of it.
    near: Range<usize>,
}

impl Run {
    fn end(&self) -> u32 {
        self.start + self.length
    }

    fn nearest(&self, at: u32) -> u32 {
        at.clamp(self.start, self.end() - 1)
    }
}

/// All starts of `size_px` pixels inside `0..length`, joined where `run` gives the same blocks.
fn runs(length: u32, size_px: u32, run: impl Fn(u32) -> Run) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let n_starts = (length + 1).saturating_sub(size_px);
    for next in (0..n_starts).map(run) {
        match runs.last_mut() {
            Some(last) if last.touched == next.touched && last.near == next.near => {
                last.length += 1;
            }
            _ => runs.push(next),
        }
    }
    runs
}

/// Integral image over blocks: how many of a rectangle of blocks have a property.
#[derive(Clone, Debug)]
struct BlockSums {
    n_cols: usize,
    /// Blocks above and to the left; one row and column more than there are blocks.
    sums: Vec<u32>,
}

impl BlockSums {
    fn new(n_block_rows: usize, n_block_cols: usize, counts: impl Fn(usize) -> bool) -> Self {
        let n_cols = n_block_cols + 1;
        let mut sums = vec![0; (n_block_rows + 1) * n_cols];
        for row in 0..n_block_rows {
            let mut in_row = 0;
            for col in 0..n_block_cols {
                in_row += u32::from(counts(row * n_block_cols + col));
                sums[(row + 1) * n_cols + col + 1] = sums[row * n_cols + col + 1] + in_row;
            }
        }
        Self { n_cols, sums }
    }

    fn any(&self, rows: &Range<usize>, cols: &Range<usize>) -> bool {
        let sum = |row: usize, col: usize| self.sums[row * self.n_cols + col];
        let outer = sum(rows.end, cols.end) + sum(rows.start, cols.start);
        outer > sum(rows.start, cols.end) + sum(rows.end, cols.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::scene_split::tests::splits;
    use proptest::prelude::*;

    /// All allowed windows, found with an integral image over hidden pixels and a search.
    fn by_pixels(split: &SceneSplit, size_px: u32) -> Vec<Window> {
        let (rows, cols) = (split.grid().rows(), split.grid().cols());
        let stride = cols as usize + 1;
        let mut sums = vec![[0u32; 2]; (rows as usize + 1) * stride];
        for row in 0..rows {
            for col in 0..cols {
                let pixel = [
                    u32::from(split.is_hidden(row, col)),
                    u32::from(split.role_at(row, col) == Some(Role::Train)),
                ];
                let at = row as usize * stride + col as usize;
                for k in 0..2 {
                    sums[at + stride + 1][k] =
                        pixel[k] + sums[at + stride][k] + sums[at + 1][k] - sums[at][k];
                }
            }
        }
        let mut windows = Vec::new();
        for row in 0..(rows + 1).saturating_sub(size_px) {
            for col in 0..(cols + 1).saturating_sub(size_px) {
                let at = |row: u32, col: u32| sums[row as usize * stride + col as usize];
                let (row_end, col_end) = (row + size_px, col + size_px);
                let [n_hidden, n_training] = std::array::from_fn(|k| {
                    at(row_end, col_end)[k] + at(row, col)[k]
                        - at(row, col_end)[k]
                        - at(row_end, col)[k]
                });
                if n_training > 0 && (split.hides() || n_hidden == 0) {
                    windows.push(Window::square(row, col, size_px));
                }
            }
        }
        windows
    }

    proptest! {
        #[test]
        fn nearest_and_allowed_windows_are_those_found_by_search(
            split in splits(), size_px in 1u32..16, row in 0u32..40, col in 0u32..40,
        ) {
            let origins = Origins::new(&split, size_px);
            let all = by_pixels(&split, size_px);
            let is_there = all.iter().any(|it| (it.row, it.col) == (row, col));
            prop_assert_eq!(origins.allow(row, col), is_there);
            let distance = |it: &Window| it.row.abs_diff(row).pow(2) + it.col.abs_diff(col).pow(2);
            let nearest = origins.nearest(row, col);
            prop_assert_eq!(nearest.as_ref().map(distance), all.iter().map(distance).min());
            prop_assert!(nearest.is_none_or(|it| all.contains(&it)));
        }

        #[test]
        fn origins_are_those_found_pixel_by_pixel(split in splits(), size_px in 1u32..16) {
            let origins = Origins::new(&split, size_px);
            let mut picked: Vec<_> = (0..origins.count()).map(|it| origins.pick(it)).collect();
            picked.sort();
            prop_assert_eq!(picked, by_pixels(&split, size_px));
        }

        #[test]
        fn regions_hold_the_pixels_of_the_windows_and_no_other(
            split in splits(),
            size_px in 1u32..16,
        ) {
            let pixels = |windows: &[Window]| -> std::collections::BTreeSet<[u32; 2]> {
                let rows = windows.iter().flat_map(|it| (it.row..it.row_end()).map(move |row| (it, row)));
                rows.flat_map(|(it, row)| (it.col..it.col_end()).map(move |col| [row, col])).collect()
            };
            let (windows, regions) =
                (by_pixels(&split, size_px), Origins::new(&split, size_px).regions());
            prop_assert_eq!(pixels(&windows), pixels(&regions));
            for window in windows {
                prop_assert!(regions.iter().any(|region| region.contains(window)), "{:?}", window);
            }
        }
    }
}
