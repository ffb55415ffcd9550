//! The pixel parts of the unified focal losses.

use burn::tensor::Tensor;

use super::{PixelLoss, focal::doubt, log_likelihood::LogLikelihood};
use crate::{
    error::Result,
    loss::{Target, Weighted, sum_fixed},
};

/// The distribution part of geodl's unified focal loss.
///
/// ```text
/// c = w_t (-ln p_t)      l = (1 - e^-c)^(1-γ) c      loss = Σ l / Σ w_t
/// ```
///
/// The factor looks at the weighted cross-entropy, as geodl does; γ = 1 is cross-entropy.
///
/// Source: geodl's `defineUnifiedFocalLoss`, after Yeung et al. 2022,
/// <https://arxiv.org/abs/2102.04525>.
#[derive(Clone, Debug, PartialEq)]
pub struct UnifiedDistribution {
    /// γ in `(0, 1]`; the smaller, the more hard pixels count.
    pub gamma: f64,
    /// Weight of each class, 0 or more.
    pub class_weights: Vec<f64>,
}

impl PixelLoss for UnifiedDistribution {
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let LogLikelihood { log_p, weights, .. } =
            LogLikelihood::new(logits, target, &self.class_weights, "unified-focal")?;
        let entropy = -log_p * weights.clone();
        let factor = doubt(-entropy.clone(), 1.0 - self.gamma);
        Ok(Weighted { sum: sum_fixed(factor * entropy), weight: sum_fixed(weights) })
    }
}

/// The pixel part of Yeung's unified focal losses: background is suppressed where it is right
/// already, other classes are not (asymmetric) or as well (symmetric).
///
/// ```text
/// l = (1 - δ) (1 - p_t)^γ (-ln p_t)             background
/// l = δ (-ln p_t)                               other classes, asymmetric
/// l = δ (1 - p_t)^γ (-ln p_t)                   other classes, symmetric
/// loss = mean(l) over labelled pixels
/// ```
///
/// Source: Yeung et al. 2022, eq. 5 and 9, <https://arxiv.org/abs/2102.04525>. Class 0 is the
/// background.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct YeungFocal {
    /// Share of the classes that are not background, in `[0, 1]`.
    pub delta: f64,
    /// γ, 0 or more.
    pub gamma: f64,
    /// Whether other classes keep all of their loss.
    pub is_asymmetric: bool,
}

impl PixelLoss for YeungFocal {
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let n_classes = logits.dims()[1];
        let mut shares = vec![self.delta; n_classes];
        shares[0] = 1.0 - self.delta;
        let name = if self.is_asymmetric { "asymmetric-focal" } else { "symmetric-focal" };
        let LogLikelihood { log_p, weights, valid } =
            LogLikelihood::new(logits, target, &shares, name)?;
        let mut factor = doubt(log_p.clone(), self.gamma);
        if self.is_asymmetric {
            let Target::Classes { labels, .. } = target else { unreachable!("checked above") };
            factor = factor.mask_fill(labels.clone().greater_elem(0), 1.0);
        }
        Ok(Weighted { sum: -sum_fixed(factor * log_p * weights), weight: sum_fixed(valid) })
    }
}
