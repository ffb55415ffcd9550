//! Statistics of the pixels that a model trains on.

use serde::{Deserialize, Serialize};

use super::{Pixels, histogram::Histogram};
use crate::error::{Error, Result};

/// Statistics of one band over the valid, labelled pixels, in the band's physical units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BandStatistics {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation of the population (divided by the number of pixels).
    pub std: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// 2nd percentile (nearest rank), to 1/65535 of `max - min`.
    pub p2: f64,
    /// 98th percentile (nearest rank), to 1/65535 of `max - min`.
    pub p98: f64,
    /// Number of pixels counted.
    pub n_pixels: u64,
}

/// Statistics of bands and classes over the valid, labelled pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// In the order of the raster's bands.
    pub bands: Vec<BandStatistics>,
    /// Number of pixels of each class, in the order of the class index.
    pub class_counts: Vec<u64>,
    /// Number of pixels counted: the sum of `class_counts`.
    pub n_labelled: u64,
}

impl Statistics {
    /// Measures the pixels of `chunks()`, which is walked through twice.
    ///
    /// A chunk holds pixels and the class index of each, `[row, col]`; an index of `n_classes` or
    /// more stands for no label. Counted are pixels that are valid and labelled, except in bands
    /// where they are missing. How the pixels are cut into chunks, and their order, changes the
    /// result by rounding only.
    ///
    /// # Errors
    ///
    /// Those of the chunks; [`Error::Data`] if a band has no pixel to count.
    ///
    /// # Panics
    ///
    /// If a chunk has another number of bands, or not one label a pixel.
    ///
    /// Source: the merge of moments is that of Chan, Golub and LeVeque 1979, eq. 2.1,
    /// <http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf>.
    pub fn measure<Chunks>(
        n_bands: usize,
        n_classes: usize,
        chunks: impl Fn() -> Chunks,
    ) -> Result<Self>
    where
        Chunks: Iterator<Item = Result<(Pixels, Vec<u8>)>>,
    {
        let mut moments = vec![Moments::default(); n_bands];
        let mut class_counts = vec![0_u64; n_classes];
        for chunk in chunks() {
            let (pixels, labels) = chunk?;
            let counted = counted(&pixels, &labels, n_bands, n_classes);
            for &pixel in &counted {
                class_counts[usize::from(labels[pixel])] += 1;
            }
            for (band, moments) in moments.iter_mut().enumerate() {
                moments.merge(&Moments::of(values(&pixels, &counted, band)));
            }
        }
        if let Some(band) = moments.iter().position(|moments| moments.n == 0) {
            let what = format!("pixels of band {} that are valid and labelled", band + 1);
            return Err(Error::data(what, "none", "at least one"));
        }
        let mut histograms: Vec<Histogram> =
            moments.iter().map(|moments| Histogram::new(moments.min, moments.max)).collect();
        for chunk in chunks() {
            let (pixels, labels) = chunk?;
            let counted = counted(&pixels, &labels, n_bands, n_classes);
            for (band, histogram) in histograms.iter_mut().enumerate() {
                values(&pixels, &counted, band).for_each(|value| histogram.add(value));
            }
        }
        let bands = moments.iter().zip(&histograms);
        Ok(Self {
            bands: bands.map(|(moments, histogram)| moments.statistics(histogram)).collect(),
            n_labelled: class_counts.iter().sum(),
            class_counts,
        })
    }
}

/// Indices of the pixels that are valid and labelled.
fn counted(pixels: &Pixels, labels: &[u8], n_bands: usize, n_classes: usize) -> Vec<usize> {
    assert_eq!(pixels.n_bands, n_bands, "bands of a chunk");
    assert_eq!(labels.len(), pixels.n_pixels(), "labels of a chunk");
    let is_counted = |&pixel: &usize| pixels.valid[pixel] && usize::from(labels[pixel]) < n_classes;
    (0..labels.len()).filter(is_counted).collect()
}

/// The values of a band that are not missing.
fn values(pixels: &Pixels, counted: &[usize], band: usize) -> impl Iterator<Item = f64> + Clone {
    let band = pixels.band(band);
    counted.iter().map(|&pixel| f64::from(band[pixel])).filter(|value| !value.is_nan())
}

/// Number, mean, sum of squared differences from the mean, and range of values.
#[derive(Clone, Copy, Debug)]
struct Moments {
    n: u64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { n: 0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Moments {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let mut moments = Self::default();
        let mut sum = 0.0;
        for value in values.clone() {
            moments.n += 1;
            sum += value;
            moments.min = moments.min.min(value);
            moments.max = moments.max.max(value);
        }
        if 0 < moments.n {
            moments.mean = sum / moments.n as f64;
            moments.squares = values.map(|value| (value - moments.mean).powi(2)).sum();
        }
        moments
    }

    fn merge(&mut self, other: &Self) {
        let n = self.n + other.n;
        if n == 0 {
            return;
        }
        let (here, there, all) = (self.n as f64, other.n as f64, n as f64);
        let apart = other.mean - self.mean;
        self.squares += other.squares + apart * apart * here * there / all;
        self.mean += apart * there / all;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.n = n;
    }

    fn statistics(&self, histogram: &Histogram) -> BandStatistics {
        BandStatistics {
            mean: self.mean,
            std: (self.squares / self.n as f64).sqrt(),
            min: self.min,
            max: self.max,
            p2: histogram.percentile(0.02),
            p98: histogram.percentile(0.98),
            n_pixels: self.n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IGNORE: u8 = 255;

    /// One row of pixels of two bands: `value` and `-2 * value`.
    fn chunk(pixels: &[(f32, bool, u8)]) -> (Pixels, Vec<u8>) {
        let values = pixels.iter().map(|it| it.0).chain(pixels.iter().map(|it| -2.0 * it.0));
        let pixels_of = Pixels {
            n_bands: 2,
            rows: 1,
            cols: pixels.len(),
            values: values.collect(),
            valid: pixels.iter().map(|it| it.1).collect(),
        };
        (pixels_of, pixels.iter().map(|it| it.2).collect())
    }

    fn measure(pixels: &[(f32, bool, u8)], chunk_size: usize) -> Statistics {
        let chunks = || pixels.chunks(chunk_size).map(|pixels| Ok(chunk(pixels)));
        Statistics::measure(2, 3, chunks).unwrap()
    }

    // By hand: 1, 2, 6: mean 3, squared differences 4 + 1 + 9 = 14.
    #[test]
    fn mean_and_deviation_are_those_of_the_population() {
        let pixels =
            [(1.0, true, 0), (9.0, false, 0), (2.0, true, 2), (9.0, true, IGNORE), (6.0, true, 2)];
        let got = measure(&pixels, 2);
        assert_eq!((got.class_counts.as_slice(), got.n_labelled), ([1, 0, 2].as_slice(), 3));
        let band = &got.bands[1];
        assert_eq!((band.n_pixels, band.min, band.max), (3, -12.0, -2.0));
        assert!((got.bands[0].mean - 3.0).abs() < 1e-15);
        assert!((got.bands[0].std - (14.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((band.p2 + 12.0).abs() < 1e-3 && (band.p98 + 2.0).abs() < 1e-3);
    }

    #[test]
    fn no_pixel_to_count_is_an_error() {
        let chunks = || std::iter::once(Ok(chunk(&[(1.0, true, IGNORE), (1.0, false, 0)])));
        let message = Statistics::measure(2, 3, chunks).unwrap_err().to_string();
        assert!(message.contains("band 1") && message.contains("none"), "{message}");
    }

    proptest! {
        #[test]
        fn cutting_into_chunks_and_order_change_only_rounding(
            mut pixels in prop::collection::vec((-1e4_f32..1e4, any::<bool>(), 0_u8..4), 1..200),
            chunk_size in 1_usize..50,
        ) {
            pixels.push((5.0, true, 1));
            let whole = measure(&pixels, pixels.len());
            pixels.reverse();
            let parts = measure(&pixels, chunk_size);
            prop_assert_eq!(&whole.class_counts, &parts.class_counts);
            for (a, b) in whole.bands.iter().zip(&parts.bands) {
                for (a, b) in [(a.mean, b.mean), (a.std, b.std), (a.p2, b.p2), (a.p98, b.p98)] {
                    prop_assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}");
                }
                prop_assert_eq!((a.min, a.max, a.n_pixels), (b.min, b.max, b.n_pixels));
            }
        }

        #[test]
        fn values_under_the_mask_change_nothing(
            pixels in prop::collection::vec((-1e4_f32..1e4, any::<bool>(), 0_u8..4), 1..50),
            other in -1e9_f32..1e9,
        ) {
            let pixels: Vec<_> = pixels.into_iter().chain([(5.0, true, 1)]).collect();
            let change = |&(value, valid, label): &(f32, bool, u8)| {
                (if valid && label < 3 { value } else { other }, valid, label)
            };
            let changed: Vec<_> = pixels.iter().map(change).collect();
            prop_assert_eq!(measure(&pixels, 7), measure(&changed, 7));
        }
    }
}
