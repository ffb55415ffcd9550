//! The blocks that a split deals out: a lattice of squares over a raster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    chip::cover::cover, error::Result, label::count_labels, raster::Window, scene::Sample,
};

/// Blocks are read in squares of this side, so that memory does not grow with the block.
pub(super) const READ_PX: u32 = 512;

/// Upper-left pixel of a block; written `[row, col]` in run files.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(from = "[u32; 2]", into = "[u32; 2]")]
#[schemars(with = "[u32; 2]")]
pub struct BlockOrigin {
    /// Row, counted from the top.
    pub row: u32,
    /// Column, counted from the left.
    pub col: u32,
}

impl From<[u32; 2]> for BlockOrigin {
    fn from([row, col]: [u32; 2]) -> Self {
        Self { row, col }
    }
}

impl From<BlockOrigin> for [u32; 2] {
    fn from(origin: BlockOrigin) -> Self {
        [origin.row, origin.col]
    }
}

/// Squares of `block_px` from the upper-left corner of a raster, counted row by row.
///
/// The last block of each row and column ends at the raster's edge and may be smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockGrid {
    rows: u32,
    cols: u32,
    block_px: u32,
}

impl BlockGrid {
    /// Blocks of a raster of `rows` x `cols` pixels.
    ///
    /// # Panics
    ///
    /// If one of them is 0.
    pub fn new(rows: u32, cols: u32, block_px: u32) -> Self {
        assert!(0 < rows.min(cols).min(block_px), "blocks of {block_px} px on {rows} x {cols} px");
        Self { rows, cols, block_px }
    }

    /// Height of the raster, in pixels.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Width of the raster, in pixels.
    pub fn cols(&self) -> u32 {
        self.cols
    }

    /// Side of a block, in pixels.
    pub fn block_px(&self) -> u32 {
        self.block_px
    }

    /// Number of blocks from top to bottom.
    pub fn n_block_rows(&self) -> usize {
        self.rows.div_ceil(self.block_px) as usize
    }

    /// Number of blocks from left to right.
    pub fn n_block_cols(&self) -> usize {
        self.cols.div_ceil(self.block_px) as usize
    }

    /// Number of blocks.
    pub fn n_blocks(&self) -> usize {
        self.n_block_rows() * self.n_block_cols()
    }

    /// Pixels of block `index`.
    pub fn window(&self, index: usize) -> Window {
        let BlockOrigin { row, col } = self.origin(index);
        let rows = self.block_px.min(self.rows - row);
        Window { row, col, rows, cols: self.block_px.min(self.cols - col) }
    }

    /// Upper-left pixel of block `index`.
    pub fn origin(&self, index: usize) -> BlockOrigin {
        assert!(index < self.n_blocks(), "block {index} of {}", self.n_blocks());
        let (block_row, block_col) = (index / self.n_block_cols(), index % self.n_block_cols());
        // Both factors come from `u32` sides, so the products are below them.
        BlockOrigin { row: block_row as u32 * self.block_px, col: block_col as u32 * self.block_px }
    }

    /// Index of the block that holds pixel `row`, `col`.
    pub fn index_at(&self, row: u32, col: u32) -> usize {
        assert!(row < self.rows && col < self.cols, "pixel {row}, {col} is outside");
        (row / self.block_px) as usize * self.n_block_cols() + (col / self.block_px) as usize
    }

    /// Index of the block with this upper-left pixel, if there is one.
    pub fn index_of(&self, origin: BlockOrigin) -> Option<usize> {
        let BlockOrigin { row, col } = origin;
        let on_lattice = row.is_multiple_of(self.block_px) && col.is_multiple_of(self.block_px);
        (row < self.rows && col < self.cols && on_lattice).then(|| self.index_at(row, col))
    }

    /// Indices of the blocks that share a pixel with `window` after it has grown by `margin_px` on
    /// every side.
    pub fn near(&self, window: Window, margin_px: u32) -> impl Iterator<Item = usize> + use<> {
        let n_block_cols = self.n_block_cols();
        let rows = self.span(window.row, window.rows, margin_px, self.rows);
        let cols = self.span(window.col, window.cols, margin_px, self.cols);
        rows.flat_map(move |row| cols.clone().map(move |col| row * n_block_cols + col))
    }

    /// Along one axis of `length` pixels: the blocks within `margin_px` of `size` pixels at
    /// `start`.
    pub(super) fn span(
        &self,
        start: u32,
        size: u32,
        margin_px: u32,
        length: u32,
    ) -> std::ops::Range<usize> {
        let first = start.saturating_sub(margin_px).min(length) / self.block_px;
        let end = start.saturating_add(size).saturating_add(margin_px).min(length);
        first as usize..end.div_ceil(self.block_px) as usize
    }
}

/// How many pixels of each class a block holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockCounts {
    /// Pixels with data and this class index.
    pub classes: Vec<u64>,
}

impl BlockCounts {
    /// Pixels with data and a label.
    pub fn n_pixels(&self) -> u64 {
        self.classes.iter().sum()
    }
}

/// Counts the labelled pixels of every block, reading each pixel once.
///
/// `read` gives the sample of a window inside the raster. Memory is bounded by a few hundred rows.
///
/// # Errors
///
/// Those of `read`.
///
/// # Panics
///
/// If a label is neither below `n_classes` nor [`IGNORE`](crate::label::IGNORE).
pub fn count_classes(
    grid: &BlockGrid,
    n_classes: usize,
    read: impl Fn(Window) -> Result<Sample>,
) -> Result<Vec<BlockCounts>> {
    let mut counts = vec![BlockCounts { classes: vec![0; n_classes] }; grid.n_blocks()];
    for (index, block) in counts.iter_mut().enumerate() {
        for part in cover(grid.window(index), grid.rows, grid.cols, READ_PX, 0) {
            count_labels(&read(part.core)?.labels, &mut block.classes);
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{label::IGNORE, raster::Pixels};

    // 5 x 7 px in blocks of 3: two rows and three columns of blocks, the last ones 2 and 1 px.
    #[test]
    fn the_last_blocks_end_at_the_edge() {
        let grid = BlockGrid::new(5, 7, 3);
        assert_eq!(grid.n_blocks(), 6);
        assert_eq!(grid.window(1), Window { row: 0, col: 3, rows: 3, cols: 3 });
        assert_eq!(grid.window(5), Window { row: 3, col: 6, rows: 2, cols: 1 });
        assert_eq!(grid.index_at(4, 5), 4);
        assert_eq!(grid.index_of(BlockOrigin { row: 3, col: 6 }), Some(5));
        assert_eq!(grid.index_of(BlockOrigin { row: 3, col: 5 }), None);
        assert_eq!(grid.index_of(BlockOrigin { row: 6, col: 0 }), None);
    }

    #[test]
    fn near_counts_the_margin() {
        let grid = BlockGrid::new(5, 7, 3);
        let near = |margin_px| {
            let window = Window { row: 0, col: 4, rows: 1, cols: 1 };
            grid.near(window, margin_px).collect::<Vec<_>>()
        };
        assert_eq!(near(0), [1]);
        assert_eq!(near(1), [1]);
        assert_eq!(near(2), [0, 1, 2]);
        assert_eq!(near(3), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn counts_each_pixel_once_in_its_block() {
        let grid = BlockGrid::new(5, 700, 600); // Larger than what is read at once.
        let label = |col: u32| if col < 10 { IGNORE } else { u8::from(col >= 650) };
        let counts = count_classes(&grid, 2, |window| {
            let n_pixels = window.n_pixels();
            let (rows, cols) = (window.rows as usize, window.cols as usize);
            let pixels = Pixels {
                n_bands: 1,
                rows,
                cols,
                values: vec![0.0; n_pixels],
                valid: vec![true; n_pixels],
            };
            let row: Vec<u8> = (window.col..window.col_end()).map(label).collect();
            Ok(Sample::new(pixels, row.repeat(rows)))
        });
        let wanted = [vec![5 * 590, 0], vec![5 * 50, 5 * 50]];
        assert_eq!(counts.unwrap(), wanted.map(|classes| BlockCounts { classes }));
    }
}
