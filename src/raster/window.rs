//! A rectangle of pixels.

use serde::{Deserialize, Serialize};

/// A rectangle of pixels of a raster, rows counted from the top and columns from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Row of the upper-left pixel.
    pub row: u32,
    /// Column of the upper-left pixel.
    pub col: u32,
    /// Height, in pixels.
    pub rows: u32,
    /// Width, in pixels.
    pub cols: u32,
}

impl Window {
    /// The square window of `size_px` whose upper-left pixel is `(row, col)`.
    pub fn square(row: u32, col: u32, size_px: u32) -> Self {
        Self { row, col, rows: size_px, cols: size_px }
    }

    /// Row after the last one.
    pub fn row_end(self) -> u32 {
        self.row + self.rows
    }

    /// Column after the last one.
    pub fn col_end(self) -> u32 {
        self.col + self.cols
    }

    /// Number of pixels.
    pub fn n_pixels(self) -> usize {
        self.rows as usize * self.cols as usize
    }

    /// Pixels that both windows hold, or `None` if there are none.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let (row, col) = (self.row.max(other.row), self.col.max(other.col));
        let (row_end, col_end) =
            (self.row_end().min(other.row_end()), self.col_end().min(other.col_end()));
        (row < row_end && col < col_end).then(|| Self {
            row,
            col,
            rows: row_end - row,
            cols: col_end - col,
        })
    }

    /// Whether every pixel of `other` lies in this window.
    pub fn contains(self, other: Self) -> bool {
        self.row <= other.row
            && self.col <= other.col
            && other.row_end() <= self.row_end()
            && other.col_end() <= self.col_end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intersects_only_what_overlaps() {
        let a = Window { row: 2, col: 3, rows: 4, cols: 5 };
        let b = Window { row: 5, col: 0, rows: 9, cols: 4 };
        assert_eq!(a.intersection(b), Some(Window { row: 5, col: 3, rows: 1, cols: 1 }));
        assert_eq!(a.intersection(Window::square(6, 3, 2)), None);
        assert!(a.contains(Window::square(2, 3, 4)) && !a.contains(Window::square(2, 3, 5)));
    }
}
