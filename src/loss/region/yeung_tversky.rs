//! The region part of Yeung's unified focal losses.

use burn::tensor::Tensor;

use super::RegionLoss;
use crate::loss::{ClassSums, sum_fixed};

/// Smallest loss whose power is taken; Yeung's own constant.
const TINY: f64 = 1e-7;

/// Focal Tversky loss that enhances the foreground.
///
/// ```text
/// T_c = (TP_c + ε) / (TP_c + δ FN_c + (1 - δ) FP_c + ε)         of each image
/// l_c = (1 - T_c)^(1-γ)                                         foreground, and symmetric
/// l_0 = 1 - T_0                                                 background, asymmetric
/// loss = mean over images and classes
/// ```
///
/// A class that an image lacks is left out of the mean.
///
/// Source: Yeung et al. 2022, eq. 7 and 10, <https://arxiv.org/abs/2102.04525>, where absent classes
/// count. Class 0 is the background.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct YeungTversky {
    /// δ: what a false negative costs; a false positive costs the rest to 1. `[0, 1]`.
    pub delta: f64,
    /// γ in `[0, 1)` or 1.
    pub gamma: f64,
    /// Whether the background keeps its plain loss.
    pub is_asymmetric: bool,
}

impl RegionLoss for YeungTversky {
    fn of(&self, sums: &ClassSums) -> Tensor<1> {
        let hits = sums.intersection.clone() + TINY;
        let costs =
            sums.false_negatives() * self.delta + sums.false_positives() * (1.0 - self.delta);
        let plain = -(hits.clone() / (hits + costs)) + 1.0;
        let raised = plain.clone().clamp_min(TINY).powf_scalar(1.0 - self.gamma);
        let losses = if self.is_asymmetric {
            let n_others = plain.dims()[1] - 1;
            let others = raised.narrow(1, 1, n_others);
            Tensor::cat(vec![plain.narrow(1, 0, 1), others], 1)
        } else {
            raised
        };
        let presence = sums.presence();
        let n_present = sum_fixed(presence.clone()).clamp_min(1.0);
        sum_fixed(losses * presence) / n_present
    }
}
