//! Binary cross-entropy with logits.

use std::sync::Arc;

use burn::tensor::{Tensor, activation::log_sigmoid};
use swath_kernels::burn::per_pixel;

use super::{Count, PixelLoss};
use crate::{
    error::Result,
    label::IGNORE,
    loss::{
        Target, Weighted,
        channels::{channels_last, constant, host_labels, per_class},
        sum_fixed,
        target::Reference,
    },
};

/// Binary cross-entropy of every channel by itself.
///
/// ```text
/// l = (1 - y) z + (1 + (w - 1) y) softplus(-z)       softplus(-z) = ln(1 + e^-|z|) + max(-z, 0)
/// loss = Σ v l / Σ v
/// ```
///
/// with logit `z`, target `y`, positive weight `w` and weight `v` of the channel. Class indices are one channel
/// per class, of which one is 1; class probabilities are taken as they are.
///
/// Source: PyTorch's `binary_cross_entropy_with_logits`, which knows no ignored pixels. `smoothing`
/// and [`Count::All`] are those of segmentation_models.pytorch's `SoftBCEWithLogitsLoss`; its mean
/// counts ignored values, ours does not by default.
#[derive(Clone, Debug, PartialEq)]
pub struct BinaryCrossEntropy {
    /// What a 1 counts against a 0, by channel, 0 or more.
    pub positive_weights: Vec<f64>,
    /// Weight of each channel, 0 or more.
    pub class_weights: Vec<f64>,
    /// Share `s` that moves targets to the middle: `y (1 - s) + (1 - y) s`, in `[0, 1)`.
    pub smoothing: f64,
    /// What the mean is over.
    pub count: Count,
}

impl PixelLoss for BinaryCrossEntropy {
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        if let Some(found) = self.by_kernel(&logits, target) {
            return Ok(found);
        }
        let Some(Reference { shares, valid, .. }) = Reference::of(target, &logits) else {
            return Err(target.refused_by("bce"));
        };
        let z = channels_last(logits);
        let valid = valid.expand(z.dims());
        let targets = match self.smoothing {
            0.0 => shares,
            // 0 where nothing counts becomes the share; the mask takes it out below.
            share => shares * (1.0 - 2.0 * share) + share,
        };
        let weights = per_class(&self.positive_weights, &z).expand(z.dims());
        let factor = (weights - 1.0) * targets.clone() + 1.0;
        let losses = (-targets + 1.0) * z.clone() + factor * softplus_of_negative(z);
        let weights = per_class(&self.class_weights, &losses).expand(losses.dims());
        let counted = weights.clone() * valid;
        let weight = match self.count {
            Count::Valid => sum_fixed(counted.clone()),
            Count::All => sum_fixed(weights),
        };
        Ok(Weighted { sum: sum_fixed(losses * counted), weight })
    }
}

impl BinaryCrossEntropy {
    /// For class indices, in one pass over the logits, where there are kernels.
    fn by_kernel(&self, logits: &Tensor<4>, target: &Target) -> Option<Weighted> {
        let Target::Classes { labels, .. } = target else { return None };
        let narrow = |values: &[f64]| values.iter().map(|&it| it as f32).collect::<Vec<_>>();
        let (positive, weights) = (narrow(&self.positive_weights), narrow(&self.class_weights));
        let smoothing = self.smoothing as f32;
        let loss = move |logits: &[f32], label: usize, slopes: &mut [f32]| {
            let mut loss = 0.0;
            for (class, (&z, slope)) in logits.iter().zip(slopes).enumerate() {
                let target = if class == label { 1.0 - smoothing } else { smoothing };
                let factor = 1.0 + (positive[class] - 1.0) * target;
                let decay = (-z.abs()).exp();
                let softplus = decay.ln_1p() + (-z).max(0.0); // of -z
                let against = if z < 0.0 { 1.0 } else { decay } / (1.0 + decay); // σ(-z)
                loss += weights[class] * ((1.0 - target) * z + factor * softplus);
                *slope = weights[class] * (1.0 - target - factor * against);
            }
            loss
        };
        let z = channels_last(logits.clone());
        let losses = per_pixel(z, labels.clone(), i64::from(IGNORE), Arc::new(loss))?;
        let labels = host_labels(labels);
        let n_pixels = match self.count {
            Count::Valid => labels.iter().filter(|&&it| it != i64::from(IGNORE)).count(),
            Count::All => labels.len(),
        };
        let weight = n_pixels as f64 * self.class_weights.iter().sum::<f64>();
        Some(Weighted { sum: sum_fixed(losses), weight: constant(vec![weight], [1], logits) })
    }
}

/// `ln(1 + e^-z)` without overflow; its slope at 0 is right, too.
pub(super) fn softplus_of_negative(z: Tensor<4>) -> Tensor<4> {
    -log_sigmoid(z)
}
