//! Focal loss of every channel by itself.

use std::sync::Arc;

use burn::tensor::Tensor;
use swath_kernels::burn::per_pixel;

use super::{PixelLoss, binary_cross_entropy::softplus_of_negative, focal::doubt};
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
        if let Some(found) = self.by_kernel(&logits, target) {
            return Ok(found);
        }
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

impl OneVsRestFocal {
    /// For class indices, in one pass over the logits, where there are kernels. The variants that
    /// are for comparison with others have none.
    fn by_kernel(&self, logits: &Tensor<4>, target: &Target) -> Option<Weighted> {
        let Target::Classes { labels, .. } = target else { return None };
        if self.normalised || self.threshold.is_some() {
            return None;
        }
        let weights: Vec<f32> = self.class_weights.iter().map(|&it| it as f32).collect();
        let shares = self.alpha.map_or([1.0; 2], |alpha| [1.0 - alpha as f32, alpha as f32]);
        let gamma = self.gamma as f32;
        let loss = move |logits: &[f32], label: usize, slopes: &mut [f32]| {
            let mut loss = 0.0;
            for (class, (&z, slope)) in logits.iter().zip(slopes).enumerate() {
                let sign = if class == label { 1.0 } else { -1.0 };
                let z = sign * z;
                let decay = (-z.abs()).exp();
                let entropy = decay.ln_1p() + (-z).max(0.0); // b
                let right = if z < 0.0 { decay } else { 1.0 } / (1.0 + decay); // q
                let doubt = if z < 0.0 { 1.0 } else { decay } / (1.0 + decay); // 1 - q
                let (factor, steepness) = power(doubt, gamma);
                let share = weights[class] * shares[usize::from(class == label)];
                loss += share * factor * entropy;
                // dl/db = f + b f'(1 - q) q and db/dz = -(1 - q).
                *slope = -sign * share * doubt * (factor + entropy * steepness * right);
            }
            loss
        };
        let z = channels_last(logits.clone());
        let losses = per_pixel(z, labels.clone(), i64::from(IGNORE), Arc::new(loss))?;
        let n_valid = host_labels(labels).iter().filter(|&&it| it != i64::from(IGNORE)).count();
        let weight = n_valid as f64 * self.class_weights.iter().sum::<f64>();
        Some(Weighted { sum: sum_fixed(losses), weight: constant(vec![weight], [1], logits) })
    }
}

/// `x^gamma` and its slope; next to 0 as at 1e-7, where a root has one.
fn power(x: f32, gamma: f32) -> (f32, f32) {
    if gamma == 2.0 {
        return (x * x, 2.0 * x);
    }
    if gamma == 0.0 {
        return (1.0, 0.0);
    }
    let x = x.max(1e-7);
    let below = x.powf(gamma - 1.0);
    (below * x, gamma * below)
}
