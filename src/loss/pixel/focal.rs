//! Focal loss over the softmax.

use burn::tensor::Tensor;

use super::{PixelLoss, log_likelihood::LogLikelihood};
use crate::{
    error::Result,
    loss::{Target, Weighted, sum_fixed},
};

/// Cross-entropy in which pixels that are right already count little.
///
/// ```text
/// l = w_t (1 - p_t)^γ (-ln p_t)      loss = Σ l / Σ w_t      p = softmax(logits)
/// ```
///
/// with label `t` and class weight `w_t`. γ = 0 is cross-entropy.
///
/// Source: Lin et al. 2017, eq. 4 and 5, <https://arxiv.org/abs/1708.02002>, there for two classes
/// and divided by the number of objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Focal {
    /// γ, 0 or more.
    pub gamma: f64,
    /// Weight of each class, 0 or more.
    pub class_weights: Vec<f64>,
}

impl PixelLoss for Focal {
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let LogLikelihood { log_p, weights, .. } =
            LogLikelihood::new(logits, target, &self.class_weights, "focal")?;
        let factor = doubt(log_p.clone(), self.gamma);
        Ok(Weighted {
            sum: -sum_fixed(factor * log_p * weights.clone()),
            weight: sum_fixed(weights),
        })
    }
}

/// `(1 - e^log_p)^power`; kept away from 0, where a root has no slope.
pub(super) fn doubt<const D: usize>(log_p: Tensor<D>, power: f64) -> Tensor<D> {
    let doubt = -log_p.exp() + 1.0;
    match power {
        0.0 => doubt.ones_like(),
        1.0 => doubt,
        2.0 => doubt.clone() * doubt,
        power => doubt.clamp_min(1e-7).powf_scalar(power),
    }
}
