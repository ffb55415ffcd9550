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

/// Windows as wide as the raster that together hold every pixel once, from top to bottom: whole
/// rows of blocks, of about `max_pixels` pixels each.
pub(crate) fn block_rows(
    rows: u32,
    cols: u32,
    block_rows: u32,
    max_pixels: u64,
) -> impl Iterator<Item = Window> {
    let block_pixels = (u64::from(block_rows) * u64::from(cols)).max(1);
    let step = u64::from(block_rows).saturating_mul((max_pixels / block_pixels).max(1));
    let step = step.clamp(1, u64::from(rows.max(1))) as u32;
    (0..rows).step_by(step as usize).map(move |row| Window {
        row,
        col: 0,
        rows: step.min(rows - row),
        cols,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_rows_hold_every_row_once() {
        let starts = |rows, block, pixels| -> Vec<(u32, u32)> {
            block_rows(rows, 10, block, pixels).map(|window| (window.row, window.rows)).collect()
        };
        assert_eq!(starts(10, 4, 1), [(0, 4), (4, 4), (8, 2)]);
        assert_eq!(starts(10, 4, 80), [(0, 8), (8, 2)]);
        assert_eq!(starts(10, 1000, 1), [(0, 10)]);
        assert_eq!(starts(0, 4, 1), []);
    }
}
