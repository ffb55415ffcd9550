//! Rows for columns.

use crate::{
    parallel::{self, SharedMut},
    shape::count,
    simd::{Kernel, MAX_LANES, Vector, dispatch},
};

/// Transposes each of the matrices of `from`, `[matrix, row, col]`: `to`, `[matrix, col, row]`.
///
/// # Panics
/// If the lengths differ.
pub fn transpose([rows, cols]: [usize; 2], from: &[f32], to: &mut [f32]) {
    assert_eq!(from.len(), to.len(), "a matrix and its transposed one differ in length");
    let n_matrix = count([rows, cols]);
    let n_matrices = from.len() / n_matrix.max(1);
    assert_eq!(from.len(), n_matrices * n_matrix, "matrices of {rows} x {cols}");
    let n_blocks = cols.div_ceil(MAX_LANES);
    let to = SharedMut::new(to);
    parallel::tasks(n_matrices * n_blocks, |task| {
        let (matrix, col) = (task / n_blocks, task % n_blocks * MAX_LANES);
        let n_cols = MAX_LANES.min(cols - col);
        let from = &from[matrix * n_matrix..(matrix + 1) * n_matrix];
        // SAFETY: each task has its own columns, which are rows of the result.
        let to = unsafe { to.slice(matrix * n_matrix + col * rows, n_cols * rows) };
        dispatch(Columns { from, rows, cols, col, to });
    });
}

/// Up to [`MAX_LANES`] columns of a matrix.
struct Columns<'a> {
    from: &'a [f32],
    rows: usize,
    cols: usize,
    col: usize,
    to: &'a mut [f32],
}

impl Kernel for Columns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let Columns { from, rows, cols, col, to } = self;
        let n_cols = to.len() / rows;
        let whole = [rows, n_cols].map(|length| length / V::LANES * V::LANES);
        for row in (0..whole[0]).step_by(V::LANES) {
            for lane in (0..whole[1]).step_by(V::LANES) {
                let from = from[row * cols + col + lane..].as_ptr();
                let to = to[lane * rows + row..].as_mut_ptr();
                // SAFETY: the square is within both matrices.
                unsafe { V::transpose(from, cols, to, rows) };
            }
        }
        for lane in 0..n_cols {
            let first = if lane < whole[1] { whole[0] } else { 0 };
            for row in first..rows {
                to[lane * rows + row] = from[row * cols + col + lane];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::Random;

    #[test]
    fn rows_become_columns() {
        for [matrices, rows, cols] in
            [[1, 1, 1], [3, 16, 16], [2, 17, 33], [4, 5, 100], [1, 64, 48], [2, 100, 3], [0, 3, 4]]
        {
            let from = Random::new(1).values(matrices * rows * cols);
            let mut to = vec![f32::NAN; from.len()];
            transpose([rows, cols], &from, &mut to);
            for (index, &value) in from.iter().enumerate() {
                let (matrix, row, col) = (index / (rows * cols), index / cols % rows, index % cols);
                assert_eq!(to[(matrix * cols + col) * rows + row], value);
            }
        }
    }
}
