//! Focal loss of every channel by itself.

use burn::tensor::Tensor;

use super::{PixelLoss, binary_cross_entropy::softplus_of_negative, focal::doubt};
use crate::{
    error::Result,
    loss::{
        Target, Weighted,
        channels::{channels_last, per_class},
        sum_fixed,
        target::Reference,
    },
};

/// The binary focal loss, of each class against all others where there are several.
///
/// ```text
/// b = BCE(z, y)      q = e^-b      l = w_c a (1 - q)^γ b      a = α y + (1 - α)(1 - y)
/// loss = Σ l / n
/// ```
///
/// Source: Lin et al. 2017, eq. 5, <https://arxiv.org/abs/1708.02002>; `normalised` and `threshold`
/// are those of segmentation_models.pytorch, whose `FocalLoss` in multiclass mode this is.
#[derive(Clone, Debug, PartialEq)]
pub struct OneVsRestFocal {
    /// γ, 0 or more.
    pub gamma: f64,
    /// α, the share of the positive side, in `[0, 1]`; none leaves it out.
    pub alpha: Option<f64>,
    /// Weight of each channel, 0 or more.
    pub class_weights: Vec<f64>,
    /// Divides by the sum of `(1 - q)^γ`, besides the mean.
    pub normalised: bool,
    /// Reduced focal loss: the factor is 1 where q is below this, `((1 - q) / threshold)^γ` elsewhere.
    pub threshold: Option<f64>,
}

impl PixelLoss for OneVsRestFocal {
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let Some(Reference { shares: y, valid, .. }) = Reference::of(target, &logits) else {
            return Err(target.refused_by("one-vs-rest-focal"));
        };
        let z = channels_last(logits);
        let valid = valid.expand(z.dims());
        let entropy = (-y.clone() + 1.0) * z.clone() + softplus_of_negative(z.clone());
        let factor = match self.threshold {
            None => doubt(-entropy.clone(), self.gamma),
            Some(threshold) => {
                let is_hard = (-entropy.clone()).exp().lower_elem(threshold);
                let scale = threshold.powf(-self.gamma);
                (doubt(-entropy.clone(), self.gamma) * scale).mask_fill(is_hard, 1.0)
            }
        } * valid.clone();
        let mut losses = factor.clone() * entropy;
        if let Some(alpha) = self.alpha {
            losses = losses * (y * (2.0 * alpha - 1.0) + (1.0 - alpha));
        }
        let weights = per_class(&self.class_weights, &z).expand(z.dims()) * valid;
        let mut sum = sum_fixed(losses * weights.clone());
        if self.normalised {
            sum = sum / sum_fixed(factor).clamp_min(1e-6);
        }
        Ok(Weighted { sum, weight: sum_fixed(weights) })
    }
}
