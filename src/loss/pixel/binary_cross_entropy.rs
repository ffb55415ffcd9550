//! Binary cross-entropy with logits.

use burn::tensor::{Tensor, activation::log_sigmoid};

use super::{Count, PixelLoss};
use crate::{
    error::Result,
    loss::{
        Target, Weighted,
        channels::{channels_last, per_class},
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

/// `ln(1 + e^-z)` without overflow; its slope at 0 is right, too.
pub(super) fn softplus_of_negative(z: Tensor<4>) -> Tensor<4> {
    -log_sigmoid(z)
}
