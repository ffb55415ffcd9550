//! The pixel part of the exponential logarithmic loss.

use burn::tensor::Tensor;

use super::{PixelLoss, log_likelihood::LogLikelihood};
use crate::{
    error::Result,
    loss::{Target, Weighted, sum_fixed},
};

/// A power of the cross-entropy of each pixel.
///
/// ```text
/// l = w_t (-ln p_t)^γ      loss = Σ l / Σ w_t
/// ```
///
/// With γ below 1 the slope is steep where a pixel is nearly right; `-ln p` is kept at 1e-7 or more.
///
/// Source: Wong et al. 2018, eq. 4, <https://arxiv.org/abs/1809.00076>, there with the mean over
/// pixels and `w_c = (Σ f / f_c)^(1/2)`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPower {
    /// γ, above 0.
    pub gamma: f64,
    /// Weight of each class, 0 or more.
    pub class_weights: Vec<f64>,
}

impl PixelLoss for LogPower {
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let LogLikelihood { log_p, weights, .. } =
            LogLikelihood::new(logits, target, &self.class_weights, "exponential-log")?;
        let losses = match self.gamma {
            1.0 => -log_p,
            gamma => (-log_p).clamp_min(1e-7).powf_scalar(gamma),
        };
        Ok(Weighted { sum: sum_fixed(losses * weights.clone()), weight: sum_fixed(weights) })
    }
}
