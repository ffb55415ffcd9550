//! Sums the class probabilities of overlapping windows, the same in whatever order they come.

use std::ops::Range;

/// One whole in fixed point: 24 bits, the precision of an `f32`.
const ONE: f32 = 16_777_216.0;

/// Blended class probabilities of some rows of a raster.
///
/// Sums are kept as integers, whose addition does not depend on order; `f32` sums would differ in
/// the last bit when windows arrive in another order.
#[derive(Clone, Debug)]
pub struct Strip {
    n_classes: usize,
    first_row: u32,
    rows: usize,
    cols: Range<u32>,
    sums: Vec<u32>,   // [row, class, col]
    valid: Vec<bool>, // [row, col]
}

/// One row of a raster, classified.
#[derive(Clone, Debug, PartialEq)]
pub struct BlendedRow {
    /// Row of the raster.
    pub row: u32,
    /// `[class, col]`, summing to 1 over the classes where valid.
    pub probabilities: Vec<f32>,
    /// `[col]`; false where the image has no data.
    pub valid: Vec<bool>,
}

impl Strip {
    /// A strip of `rows` rows below `first_row` over the columns `cols`, all probabilities 0.
    pub fn new(n_classes: usize, first_row: u32, rows: usize, cols: Range<u32>) -> Self {
        let sums = vec![0; rows * n_classes * cols.len()];
        let valid = vec![false; rows * cols.len()];
        Self { n_classes, first_row, rows, cols, sums, valid }
    }

    /// Row of the raster where the strip begins.
    pub fn first_row(&self) -> u32 {
        self.first_row
    }

    /// Adds a window whose upper-left pixel is `origin`: its `probabilities`, `[class, row, col]`
    /// in `[0, 1]`, weighted by `row_shares` and `col_shares`, and its `valid` pixels,
    /// `[row, col]`. Pixels outside the strip are left out.
    ///
    /// # Panics
    ///
    /// If the number of probabilities is not classes x row shares x col shares.
    pub fn add(
        &mut self,
        origin: [u32; 2],
        probabilities: &[f32],
        valid: &[bool],
        [row_shares, col_shares]: [&[f32]; 2],
    ) {
        let [n_rows, n_cols] = [row_shares.len(), col_shares.len()];
        assert_eq!(probabilities.len(), self.n_classes * n_rows * n_cols, "window size");
        assert_eq!(valid.len(), n_rows * n_cols, "mask size");
        let width = self.cols.len();
        let (first, end) = (
            origin[1].max(self.cols.start),
            (origin[1] + n_cols as u32).min(self.cols.end).max(self.cols.start),
        );
        if end <= first {
            return;
        }
        let source_cols = (first - origin[1]) as usize..(end - origin[1]) as usize;
        let target_cols = (first - self.cols.start) as usize..(end - self.cols.start) as usize;
        let strip_rows = self.first_row..self.first_row + self.rows as u32;
        for (row, row_share) in row_shares.iter().enumerate() {
            if !strip_rows.contains(&(origin[0] + row as u32)) {
                continue;
            }
            let strip_row = (origin[0] + row as u32 - self.first_row) as usize;
            let target = &mut self.valid[strip_row * width..][target_cols.clone()];
            for (to, from) in target.iter_mut().zip(&valid[row * n_cols..][source_cols.clone()]) {
                *to |= from;
            }
            for class in 0..self.n_classes {
                let from = &probabilities[(class * n_rows + row) * n_cols..][source_cols.clone()];
                let to = &mut self.sums[(strip_row * self.n_classes + class) * width..];
                let shares = &col_shares[source_cols.clone()];
                for ((to, p), share) in to[target_cols.clone()].iter_mut().zip(from).zip(shares) {
                    *to += (p * (row_share * share) * ONE + 0.5) as u32;
                }
            }
        }
    }

    /// One row of the strip.
    ///
    /// # Panics
    ///
    /// If the strip does not hold `row`.
    pub fn row(&self, row: u32) -> BlendedRow {
        let width = self.cols.len();
        let strip_row = (row - self.first_row) as usize;
        let sums = &self.sums[strip_row * self.n_classes * width..][..self.n_classes * width];
        let mut totals = vec![0u32; width];
        for class in sums.chunks(width) {
            totals.iter_mut().zip(class).for_each(|(total, sum)| *total += sum);
        }
        let mut probabilities = vec![0.0; sums.len()];
        for (class, sums) in probabilities.chunks_mut(width).zip(sums.chunks(width)) {
            for ((p, &sum), &total) in class.iter_mut().zip(sums).zip(&totals) {
                *p = sum as f32 / total.max(1) as f32;
            }
        }
        BlendedRow { row, probabilities, valid: self.valid[strip_row * width..][..width].to_vec() }
    }

    /// Drops the rows before `row` and appends empty ones, keeping the number of rows.
    pub fn advance(&mut self, row: u32) {
        let n_done = ((row - self.first_row) as usize).min(self.rows) * self.cols.len();
        drop_front(&mut self.sums, n_done * self.n_classes, 0);
        drop_front(&mut self.valid, n_done, false);
        self.first_row = row;
    }
}

fn drop_front<T: Copy>(values: &mut [T], n: usize, empty: T) {
    values.copy_within(n.., 0);
    let kept = values.len() - n;
    values[kept..].fill(empty);
}

/// Class with the highest probability of each column, lowest index first on a tie, and that
/// probability; `probabilities` is `[class, col]`.
pub fn top_class(probabilities: &[f32], n_classes: usize) -> Vec<(u8, f32)> {
    let width = probabilities.len() / n_classes;
    let best_of = |col| {
        let mut best = (0u8, probabilities[col]);
        for class in 1..n_classes {
            let p = probabilities[class * width + col];
            if best.1 < p {
                best = (class as u8, p);
            }
        }
        best
    };
    (0..width).map(best_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::Lattice;
    use proptest::prelude::*;

    /// Windows of a 9 x 11 raster with made-up probabilities of two classes, added in `order`.
    fn blend(order: &[usize]) -> Vec<f32> {
        let (rows, cols, size) = (Lattice::new(9, 4, 2), Lattice::new(11, 4, 1), 4);
        let n_cols = cols.starts().len();
        let mut strip = Strip::new(2, 0, 9, 0..11);
        for &index in order {
            let (row, col) = (index / n_cols, index % n_cols);
            let first: Vec<f32> =
                (0..size * size).map(|it| (1 + (index * 31 + it * 7) % 97) as f32 / 99.0).collect();
            let both: Vec<f32> =
                first.iter().copied().chain(first.iter().map(|p| 1.0 - p)).collect();
            let origin = [rows.starts()[row], cols.starts()[col]];
            let shares = [&*rows.shares(row), &*cols.shares(col)];
            strip.add(origin, &both, &[true; 16], shares);
        }
        (0..9).flat_map(|row| strip.row(row).probabilities).collect()
    }

    proptest! {
        #[test]
        fn the_order_of_windows_changes_no_bit(order in Just((0..16usize).collect::<Vec<_>>()).prop_shuffle()) {
            let sorted: Vec<usize> = (0..16).collect();
            prop_assert_eq!(blend(&order), blend(&sorted));
        }
    }

    #[test]
    fn probabilities_sum_to_one_and_are_all_there() {
        let blended = blend(&(0..16).collect::<Vec<_>>());
        for row in blended.chunks(22) {
            for col in 0..11 {
                assert!((row[col] + row[11 + col] - 1.0).abs() < 1e-6);
                assert!(0.0 < row[col] && row[col] < 1.0);
            }
        }
    }

    #[test]
    fn advancing_keeps_the_rows_that_are_not_done() {
        let mut strip = Strip::new(1, 0, 3, 0..2);
        strip.add([0, 0], &[1.0, 1.0, 0.5, 0.5, 0.25, 0.25], &[true; 6], [&[1.0; 3], &[1.0; 2]]);
        let before = strip.sums.clone();
        strip.advance(2);
        assert_eq!(strip.sums[..2], before[4..]);
        assert_eq!(strip.sums[2..], [0; 4]);
        assert_eq!(strip.valid, [true, true, false, false, false, false]);
        assert_eq!(strip.first_row(), 2);
    }

    #[test]
    fn a_tie_goes_to_the_first_class() {
        assert_eq!(top_class(&[0.5, 0.1, 0.5, 0.9], 2), [(0, 0.5), (1, 0.9)]);
    }
}
