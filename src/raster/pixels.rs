//! The pixels of a window in memory.

/// Pixel values of a window with their valid mask.
///
/// `values` are in the file's physical units (scale and offset applied), in the order
/// `band, row, col`; a value that the file marks as missing is NaN. `valid`, in the order
/// `row, col`, says which pixels hold data by the raster's nodata rule; the values of an invalid
/// pixel are all NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// Number of bands.
    pub n_bands: usize,
    /// Height, in pixels.
    pub rows: usize,
    /// Width, in pixels.
    pub cols: usize,
    /// `[band, row, col]`; NaN where missing.
    pub values: Vec<f32>,
    /// `[row, col]`
    pub valid: Vec<bool>,
}

impl Pixels {
    /// `rows` x `cols` pixels without data.
    pub fn missing(n_bands: usize, rows: usize, cols: usize) -> Self {
        let n_pixels = rows * cols;
        Self {
            n_bands,
            rows,
            cols,
            values: vec![f32::NAN; n_bands * n_pixels],
            valid: vec![false; n_pixels],
        }
    }

    /// Number of pixels of one band.
    pub fn n_pixels(&self) -> usize {
        self.rows * self.cols
    }

    /// Values of one band, row by row.
    pub fn band(&self, band: usize) -> &[f32] {
        let n_pixels = self.n_pixels();
        &self.values[band * n_pixels..][..n_pixels]
    }

    /// Takes the data of pixel `index` (counted row by row) away.
    pub fn hide(&mut self, index: usize) {
        self.valid[index] = false;
        for band in 0..self.n_bands {
            let n_pixels = self.n_pixels();
            self.values[band * n_pixels + index] = f32::NAN;
        }
    }
}
