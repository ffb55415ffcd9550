//! Batch normalisation in f64.

use crate::Activation;

/// Inputs of batch normalisation: images and residual `[pixel, channel]`, weight and bias `[channel]`.
pub struct Norm {
    pub activation: Activation,
    pub images: Vec<f64>,
    pub weight: Vec<f64>,
    pub bias: Vec<f64>,
    pub residual: Vec<f64>,
    /// Mean and variance; those of the images if there are none.
    pub statistics: Option<[Vec<f64>; 2]>,
}

pub const EPSILON: f64 = 1e-5;

impl Norm {
    pub fn statistics(&self) -> [Vec<f64>; 2] {
        if let Some(statistics) = &self.statistics {
            return statistics.clone();
        }
        let channels = self.weight.len();
        let pixels = self.images.len() / channels;
        let of = |channel: usize, value: &dyn Fn(f64) -> f64| {
            let values = self.images.iter().skip(channel).step_by(channels);
            values.map(|&it| value(it)).sum::<f64>() / pixels as f64
        };
        let mean: Vec<f64> = (0..channels).map(|channel| of(channel, &|it| it)).collect();
        let variance = (0..channels).map(|channel| of(channel, &|it| (it - mean[channel]).powi(2)));
        let variance = variance.collect();
        [mean, variance]
    }

    /// The normalised images without weight and bias, and what goes into the activation.
    fn before(&self) -> (Vec<f64>, Vec<f64>) {
        let channels = self.weight.len();
        let [mean, variance] = self.statistics();
        let normed = self.images.iter().enumerate().map(|(index, value)| {
            let channel = index % channels;
            (value - mean[channel]) / (variance[channel] + EPSILON).sqrt()
        });
        let normed: Vec<f64> = normed.collect();
        let before =
            normed.iter().zip(&self.residual).enumerate().map(|(index, (it, residual))| {
                it * self.weight[index % channels] + self.bias[index % channels] + residual
            });
        let before = before.collect();
        (normed, before)
    }

    pub fn forward(&self) -> Vec<f64> {
        self.before().1.into_iter().map(|it| self.activation.of(it)).collect()
    }

    /// The gradients of images, weight, bias and residual.
    pub fn gradient(&self, gradient: &[f32]) -> [Vec<f64>; 4] {
        let channels = self.weight.len();
        let pixels = (self.images.len() / channels) as f64;
        let (normed, before) = self.before();
        let masked = gradient.iter().zip(&before);
        let masked: Vec<f64> =
            masked.map(|(&it, &before)| f64::from(it) * self.activation.slope(before)).collect();
        let (mut weight, mut bias) = (vec![0.0; channels], vec![0.0; channels]);
        for (index, (gradient, normed)) in masked.iter().zip(&normed).enumerate() {
            weight[index % channels] += gradient * normed;
            bias[index % channels] += gradient;
        }
        let variance = &self.statistics()[1];
        let through = if self.statistics.is_some() { 0.0 } else { 1.0 / pixels };
        let images = masked.iter().zip(&normed).enumerate().map(|(index, (gradient, normed))| {
            let channel = index % channels;
            let mean = through * (bias[channel] + normed * weight[channel]);
            self.weight[channel] / (variance[channel] + EPSILON).sqrt() * (gradient - mean)
        });
        [images.collect(), weight, bias, masked]
    }
}
