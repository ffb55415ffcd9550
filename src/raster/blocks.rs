//! How the blocks (tiles or strips) of a file lie.

use tiff_reader::{Ifd, RasterLayout, constants as tag};

use super::Window;

/// The blocks of one image, all of one size except where a strip or the image ends.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) rows: u32,
    pub(super) cols: u32,
    pub(super) across: u64,
    down: u64,
    /// Samples of a pixel that lie in one block: all, or one where each band has its own blocks.
    samples: u64,
    /// Number of sets of blocks: one, or one a band.
    planes: u64,
    bytes_per_sample: u64,
    offsets: Vec<u64>,
    counts: Vec<u64>,
}

impl Blocks {
    /// The blocks of an image, or which rule of TIFF it breaks.
    pub(super) fn of(ifd: &Ifd, layout: &RasterLayout) -> Result<Self, String> {
        let (rows, cols, offsets, counts) = if ifd.is_tiled() {
            let size = (ifd.tile_height().unwrap_or(0), ifd.tile_width().unwrap_or(0));
            (size.0, size.1, tag::TAG_TILE_OFFSETS, tag::TAG_TILE_BYTE_COUNTS)
        } else {
            let rows = ifd.rows_per_strip().min(ifd.height());
            (rows, ifd.width(), tag::TAG_STRIP_OFFSETS, tag::TAG_STRIP_BYTE_COUNTS)
        };
        if rows == 0 || cols == 0 {
            return Err(format!("its blocks have {rows} rows and {cols} columns"));
        }
        let table = |code| {
            let values = ifd.tag(code).and_then(|tag| tag.value.as_u64_vec());
            values.ok_or_else(|| format!("tag {code} (where its blocks are) is missing"))
        };
        let planes = if layout.planar_configuration == 2 { layout.samples_per_pixel } else { 1 };
        let blocks = Self {
            rows,
            cols,
            across: u64::from(ifd.width().div_ceil(cols)),
            down: u64::from(ifd.height().div_ceil(rows)),
            samples: (layout.samples_per_pixel / planes) as u64,
            planes: planes as u64,
            bytes_per_sample: layout.bytes_per_sample as u64,
            offsets: table(offsets)?,
            counts: table(counts)?,
        };
        let wanted = u128::from(blocks.across) * u128::from(blocks.down) * planes as u128;
        if blocks.offsets.len() as u128 != wanted || blocks.counts.len() as u128 != wanted {
            let (offsets, counts) = (blocks.offsets.len(), blocks.counts.len());
            return Err(format!(
                "it lists {offsets} block positions and {counts} block sizes for {wanted} blocks"
            ));
        }
        Ok(blocks)
    }

    /// Size of a decoded block, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        let pixels = u64::from(self.rows) * u64::from(self.cols);
        pixels.saturating_mul(self.samples).saturating_mul(self.bytes_per_sample)
    }

    /// Index of the first block that ends after `file_bytes`: the file was cut off.
    pub(super) fn first_beyond(&self, file_bytes: u64) -> Option<usize> {
        let ends = self.offsets.iter().zip(&self.counts);
        ends.map(|(offset, count)| offset.saturating_add(*count)).position(|end| end > file_bytes)
    }

    /// Whether a block was never written.
    pub(super) fn any_unwritten(&self) -> bool {
        self.offsets.contains(&0) || self.counts.contains(&0)
    }

    /// The parts of `window` in blocks of a band that were never written.
    pub(super) fn unwritten(&self, window: Window, band: usize) -> Vec<Window> {
        let plane = if self.planes > 1 { band as u64 } else { 0 };
        let mut parts = Vec::new();
        for down in window.row / self.rows..window.row_end().div_ceil(self.rows) {
            for across in window.col / self.cols..window.col_end().div_ceil(self.cols) {
                let index = (plane * self.down + u64::from(down)) * self.across + u64::from(across);
                let index = index as usize;
                if self.offsets[index] != 0 && self.counts[index] != 0 {
                    continue;
                }
                let (row, col) = (down * self.rows, across * self.cols);
                let rows = self.rows.min(u32::MAX - row);
                let cols = self.cols.min(u32::MAX - col);
                parts.extend(window.intersection(Window { row, col, rows, cols }));
            }
        }
        parts
    }
}

/// Windows that together hold every pixel of a raster once, row by row: whole blocks, as many as
/// about `max_pixels` allow and at least one. Rasters and blocks are `[rows, cols]`, at least 1.
pub(crate) fn block_windows(raster: [u32; 2], block: [u32; 2], max_pixels: u64) -> Vec<Window> {
    let [rows, cols] = raster;
    let [block_rows, block_cols] = [block[0].min(rows), block[1].min(cols)];
    let fit = |pixels: u64, size: u32| (max_pixels / pixels).clamp(1, u64::from(size)) as u32;
    let block_pixels = u64::from(block_rows) * u64::from(block_cols);
    let width = block_cols.saturating_mul(fit(block_pixels, cols.div_ceil(block_cols))).min(cols);
    let row_pixels = u64::from(block_rows) * u64::from(width);
    let height = block_rows.saturating_mul(fit(row_pixels, rows.div_ceil(block_rows))).min(rows);
    let mut windows = Vec::new();
    for row in (0..rows).step_by(height as usize) {
        for col in (0..cols).step_by(width as usize) {
            let (rows, cols) = (height.min(rows - row), width.min(cols - col));
            windows.push(Window { row, col, rows, cols });
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    #[test]
    fn windows_are_whole_blocks_as_large_as_allowed() {
        let size = |raster, block, pixels| {
            let windows = block_windows(raster, block, pixels);
            (windows[0].rows, windows[0].cols, windows.len())
        };
        assert_eq!(size([10, 10], [4, 10], 1), (4, 10, 3));
        assert_eq!(size([10, 10], [4, 10], 80), (8, 10, 2));
        assert_eq!(size([10, 10], [4, 4], 32), (4, 8, 6));
        assert_eq!(size([10, 10], [1000, 1000], 1), (10, 10, 1));
        assert_eq!(size([20_000, 20_000], [256, 256], 1 << 20), (256, 4096, 79 * 5));
    }

    proptest! {
        #[test]
        fn windows_hold_every_pixel_once(
            raster in [1_u32..40, 1_u32..40], block in [1_u32..50, 1_u32..50], pixels in 0_u64..500,
        ) {
            let mut n_times = vec![0; (raster[0] * raster[1]) as usize];
            for window in block_windows(raster, block, pixels) {
                for row in window.row..window.row_end() {
                    for col in window.col..window.col_end() {
                        n_times[(row * raster[1] + col) as usize] += 1;
                    }
                }
            }
            prop_assert!(n_times.iter().all(|n| *n == 1));
        }
    }
}
