//! A chip: normalised pixels with labels, as a model takes them.

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    label::IGNORE,
    raster::Statistics,
    scene::Sample,
};

/// What is subtracted from each band, and what the rest is divided by, in the image's units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Normalisation {
    mean: Vec<f64>,
    std: Vec<f64>,
}

/// A normalisation as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl TryFrom<Unchecked> for Normalisation {
    type Error = Error;

    fn try_from(Unchecked { mean, std }: Unchecked) -> Result<Self> {
        Self::new(mean, std)
    }
}

impl Normalisation {
    /// Normalises each band to mean 0 and standard deviation 1 of the training pixels.
    ///
    /// A band without any spread (`std` of 0) is only shifted to 0.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is not one deviation per mean, a number is not finite, or a
    /// deviation is negative.
    pub fn new(mean: Vec<f64>, std: Vec<f64>) -> Result<Self> {
        if mean.len() != std.len() {
            let wanted = format!("{}, one for each mean", mean.len());
            return Err(Error::data("standard deviations", std.len(), wanted));
        }
        for (band, (mean, std)) in mean.iter().zip(&std).enumerate() {
            if !mean.is_finite() || !std.is_finite() || *std < 0.0 {
                let found = format!("mean {mean} and standard deviation {std}");
                let wanted = "finite numbers, the deviation 0 or more";
                return Err(Error::data(format!("band {}", band + 1), found, wanted));
            }
        }
        let std = std.into_iter().map(|it| if it == 0.0 { 1.0 } else { it }).collect();
        Ok(Self { mean, std })
    }

    /// Mean and deviation of every band of `statistics`.
    ///
    /// # Errors
    ///
    /// Those of [`Self::new`].
    pub fn of(statistics: &Statistics) -> Result<Self> {
        let mean = statistics.bands.iter().map(|band| band.mean).collect();
        Self::new(mean, statistics.bands.iter().map(|band| band.std).collect())
    }

    /// Number of bands.
    pub fn n_bands(&self) -> usize {
        self.mean.len()
    }

    /// One mean per band, in the image's units.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// One standard deviation per band, in the image's units, above 0.
    pub fn std(&self) -> &[f64] {
        &self.std
    }
}

/// A square of normalised pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    /// Number of bands.
    pub n_bands: usize,
    /// Height and width, in pixels.
    pub size_px: usize,
    /// Normalised values, 0 where missing. `[band, row, col]`
    pub values: Vec<f32>,
    /// Class index, or [`IGNORE`](crate::label::IGNORE) without a label. `[row, col]`
    pub labels: Vec<u8>,
    /// Whether there is data. `[row, col]`
    pub valid: Vec<bool>,
    /// Whether the value of a pixel with data is missing in this band, as it may be with
    /// `nodata_rule = "all"`; empty if none is. `[band, row, col]`
    pub missing: Vec<bool>,
    /// Signed distance to the border of each class, in pixels, if it was measured. `[class, row, col]`
    pub distances: Option<Vec<f32>>,
}

impl Chip {
    /// `(value - mean) / std` of each band; 0 where the pixel is masked or the value missing.
    ///
    /// # Panics
    ///
    /// If the sample is not square or has other bands than `normalisation`.
    pub fn from_sample(sample: &Sample, normalisation: &Normalisation) -> Self {
        let Sample { pixels, labels } = sample;
        assert_eq!(pixels.rows, pixels.cols, "a chip is square");
        assert_eq!(pixels.n_bands, normalisation.n_bands(), "one mean per band");
        let mut values = Vec::with_capacity(pixels.values.len());
        let mut missing = Vec::new();
        for band in 0..pixels.n_bands {
            let (mean, std) = (normalisation.mean[band], normalisation.std[band]);
            for (&value, &valid) in pixels.band(band).iter().zip(&pixels.valid) {
                let known = valid && value.is_finite();
                if valid && !known {
                    missing.resize(pixels.values.len(), false);
                    missing[values.len()] = true;
                }
                values.push(if known { ((f64::from(value) - mean) / std) as f32 } else { 0.0 });
            }
        }
        Self {
            n_bands: pixels.n_bands,
            size_px: pixels.rows,
            values,
            labels: labels.clone(),
            valid: pixels.valid.clone(),
            missing,
            distances: None,
        }
    }

    /// Number of pixels that have a label.
    pub fn n_labelled(&self) -> usize {
        self.labels.iter().filter(|&&label| label != IGNORE).count()
    }

    /// Number of pixels of one band.
    pub fn n_pixels(&self) -> usize {
        self.size_px * self.size_px
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Pixels;

    fn sample(hidden: f32) -> Sample {
        let values = vec![1.0, 3.0, f32::NAN, hidden, 10.0, 30.0, 50.0, hidden];
        let valid = vec![true, true, true, false];
        let pixels = Pixels { n_bands: 2, rows: 2, cols: 2, values, valid };
        Sample::new(pixels, vec![0, 1, 2, 3])
    }

    // (1 - 2) / 0.5 = -2, (3 - 2) / 0.5 = 2; (10 - 30) / 10 = -2, 0, 2.
    #[test]
    fn masked_pixels_and_missing_values_become_0() {
        let normalisation = Normalisation::new(vec![2.0, 30.0], vec![0.5, 10.0]).unwrap();
        for hidden in [f32::NAN, 1e30, -7.0] {
            let chip = Chip::from_sample(&sample(hidden), &normalisation);
            assert_eq!(chip.values, [-2.0, 2.0, 0.0, 0.0, -2.0, 0.0, 2.0, 0.0]);
            assert_eq!(chip.labels, [0, 1, 2, IGNORE]);
            assert_eq!(chip.valid, [true, true, true, false]);
            let missing = [false, false, true, false, false, false, false, false];
            assert_eq!(chip.missing, missing);
        }
    }

    #[test]
    fn a_band_without_spread_is_shifted_only() {
        let normalisation = Normalisation::new(vec![2.0, 3.0], vec![0.0, 4.0]).unwrap();
        assert_eq!(normalisation.std, [1.0, 4.0]);
        assert!(Normalisation::new(vec![f64::NAN], vec![1.0]).is_err());
    }

    #[test]
    fn what_is_read_is_checked_like_what_is_measured() {
        let read = |text| serde_json::from_str::<Normalisation>(text);
        let good = read(r#"{"mean": [1.0, 2.0], "std": [3.0, 0.0]}"#).unwrap();
        assert_eq!(good, Normalisation::new(vec![1.0, 2.0], vec![3.0, 1.0]).unwrap());
        for bad in [
            r#"{"mean": [1.0, 2.0], "std": [3.0]}"#,
            r#"{"mean": [1.0], "std": [-3.0]}"#,
            r#"{"mean": [1.0], "std": [3.0], "median": [1.0]}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
