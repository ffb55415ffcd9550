//! The public side of batch normalisation.

use super::{columns::Columns, forward, statistics};
use crate::{Activation, parallel::SharedMut, shape::count};

/// Batch normalisation over the pixels of all images, with a residual and an activation.
///
/// ```text
/// y = activation((x - mean) / sqrt(variance + epsilon) * weight + bias + residual)
/// ```
///
/// with one mean, variance, weight and bias for each channel. Images are `[pixel, channel]`, where
/// `pixel` counts batch, row and col.
///
/// In training the statistics are those of the images ([`BatchNorm::statistics`]); in evaluation the
/// running ones. The gradient differs: [`BatchNorm::gradient`] goes through the statistics, and
/// [`BatchNorm::frozen_gradient`] does not.
///
/// Source: Ioffe & Szegedy 2015, algorithm 1, <https://arxiv.org/abs/1502.03167>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Pixels of all images together.
    pub pixels: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Added to the variance; 1e-5 in most networks.
    pub epsilon: f64,
    /// What follows the normalisation.
    pub activation: Activation,
}

/// Mean and variance of each channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Mean, `[channel]`.
    pub mean: Vec<f32>,
    /// Variance, `[channel]`: the mean of the squared distance from the mean ("biased"). Running
    /// variances are of `variance * pixels / (pixels - 1)` by convention.
    pub variance: Vec<f32>,
}

/// Images and what they are normalised with.
#[derive(Clone, Copy, Debug)]
pub struct Normed<'a> {
    /// Images, `[pixel, channel]`.
    pub images: &'a [f32],
    /// Mean and variance, of these images or running ones.
    pub statistics: &'a Statistics,
    /// Factors, `[channel]`.
    pub weight: &'a [f32],
    /// Summands, `[channel]`.
    pub bias: &'a [f32],
}

impl BatchNorm {
    /// Mean and variance of the channels of `images`, `[pixel, channel]`.
    ///
    /// # Panics
    /// If `images` have another shape, or no pixel.
    pub fn statistics(&self, images: &[f32]) -> Statistics {
        self.check("images", images);
        assert!(0 < self.pixels, "no pixel to take statistics of");
        statistics::statistics(&Columns::new(self.pixels, self.channels), images)
    }

    /// The output with given statistics. `residual` and `out` are shaped as the images.
    ///
    /// # Panics
    /// If a shape differs.
    pub fn forward(&self, of: &Normed<'_>, residual: Option<&[f32]>, out: &mut [f32]) {
        self.check_normed(of);
        self.check("out", out);
        if let Some(residual) = residual {
            self.check("residual", residual);
        }
        let columns = Columns::new(self.pixels, self.channels);
        forward::forward(self, &columns, of, residual, SharedMut::new(out));
    }

    /// `weight / sqrt(variance + epsilon)`, `[channel]`.
    pub(super) fn scale(&self, of: &Normed<'_>) -> Vec<f64> {
        let of = of.weight.iter().zip(&of.statistics.variance);
        of.map(|(&weight, &variance)| f64::from(weight) * self.inverse_deviation(variance))
            .collect()
    }

    /// `1 / sqrt(variance + epsilon)`
    pub(super) fn inverse_deviation(&self, variance: f32) -> f64 {
        1.0 / (f64::from(variance) + self.epsilon).sqrt()
    }

    pub(super) fn check_normed(&self, of: &Normed<'_>) {
        self.check("images", of.images);
        let Statistics { mean, variance } = of.statistics;
        for (what, values) in
            [("mean", &mean[..]), ("variance", variance), ("weight", of.weight), ("bias", of.bias)]
        {
            assert_eq!(values.len(), self.channels, "length of {what} is not the channels");
        }
    }

    pub(super) fn check(&self, what: &str, values: &[f32]) {
        let n_values = count([self.pixels, self.channels]);
        assert_eq!(values.len(), n_values, "length of {what} is not pixels times channels");
    }
}
