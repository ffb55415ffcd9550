//! Pixels with their labels.

use crate::{
    label::IGNORE,
    raster::{Pixels, Window},
};

/// Pixel values of a window with the class index of each pixel.
///
/// `labels`, in the order `row, col`, is [`IGNORE`] where there is no label and wherever the image
/// has no data, so a pixel counts exactly if its label is a class.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Values and valid mask.
    pub pixels: Pixels,
    /// Class index or [`IGNORE`]. `[row, col]`
    pub labels: Vec<u8>,
}

impl Sample {
    /// Joins values and labels; labels of pixels without data are taken away.
    ///
    /// # Panics
    ///
    /// If there is not one label per pixel.
    pub fn new(pixels: Pixels, mut labels: Vec<u8>) -> Self {
        assert_eq!(pixels.n_pixels(), labels.len(), "one label per pixel");
        for (label, valid) in labels.iter_mut().zip(&pixels.valid) {
            if !valid {
                *label = IGNORE;
            }
        }
        Self { pixels, labels }
    }

    /// `rows` x `cols` pixels without data and labels.
    pub fn missing(n_bands: usize, rows: usize, cols: usize) -> Self {
        let pixels = Pixels::missing(n_bands, rows, cols);
        Self { pixels, labels: vec![IGNORE; rows * cols] }
    }

    /// Whether at least one pixel has a label.
    pub fn is_labelled(&self) -> bool {
        self.labels.iter().any(|&label| label != IGNORE)
    }

    /// Takes values and labels of `part` away; rows and columns count from this sample's corner.
    pub fn hide(&mut self, part: Window) {
        for index in self.indices(part) {
            self.pixels.hide(index);
            self.labels[index] = IGNORE;
        }
    }

    /// Takes the labels of `part` away and keeps the values.
    pub fn unlabel(&mut self, part: Window) {
        for index in self.indices(part) {
            self.labels[index] = IGNORE;
        }
    }

    /// Indices of the pixels of `part`, row by row.
    fn indices(&self, part: Window) -> impl Iterator<Item = usize> + use<> {
        let cols = self.pixels.cols;
        assert!(
            part.row_end() as usize <= self.pixels.rows && part.col_end() as usize <= cols,
            "{part:?} leaves a sample of {} x {cols} px",
            self.pixels.rows
        );
        (part.row..part.row_end()).flat_map(move |row| {
            (part.col..part.col_end()).map(move |col| row as usize * cols + col as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Sample {
        let pixels =
            Pixels { n_bands: 1, rows: 2, cols: 3, values: vec![1.0; 6], valid: vec![true; 6] };
        Sample { pixels, labels: vec![0; 6] }
    }

    #[test]
    fn labels_without_data_are_taken_away() {
        let mut pixels = sample().pixels;
        pixels.hide(4);
        assert_eq!(Sample::new(pixels, vec![7; 6]).labels, [7, 7, 7, 7, IGNORE, 7]);
    }

    #[test]
    fn hides_and_unlabels_only_the_part() {
        let mut sample = sample();
        sample.hide(Window { row: 0, col: 1, rows: 2, cols: 1 });
        sample.unlabel(Window { row: 1, col: 2, rows: 1, cols: 1 });
        assert_eq!(sample.pixels.valid, [true, false, true, true, false, true]);
        assert_eq!(sample.labels, [0, IGNORE, 0, 0, IGNORE, IGNORE]);
        assert!(sample.pixels.values[1].is_nan() && sample.pixels.values[5] == 1.0);
    }
}
