//! Generalised Dice.

use burn::tensor::Tensor;

use super::RegionLoss;
use crate::loss::{ClassSums, sum_fixed};

/// Dice with all classes in one ratio, each weighed by one over its squared size.
///
/// ```text
/// w_c  = 1 / (Σ y_c)²                                 0 for a class that the image lacks
/// loss = 1 - 2 (Σ_c w_c TP_c + s) / (Σ_c w_c (Σ p_c + Σ y_c) + s)
/// ```
///
/// Known to collapse with many classes (Ma et al. 2021, table 3): a class of few pixels decides.
///
/// Source: Sudre et al. 2017, eq. 1, <https://arxiv.org/abs/1707.03237>. There an absent class gets
/// an enormous weight; we give it none. Where no pixel counts the loss is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneralisedDice {
    /// Added to numerator and denominator, 0 or more.
    pub smooth: f64,
    /// Whether weights and ratio are of every image by itself, and then averaged.
    pub per_image: bool,
}

impl RegionLoss for GeneralisedDice {
    fn of(&self, sums: &ClassSums) -> Tensor<1> {
        let sums = if self.per_image { sums.clone() } else { sums.pooled() };
        let presence = sums.presence();
        // Sizes relative to the largest: squares of pixel counts leave little of f32.
        let scale = sums.reference.clone().max_dim(1).clamp_min(1e-7);
        let size = sums.reference.clone() / scale.clone().expand(sums.reference.dims());
        let is_absent = presence.clone().lower_elem(0.5);
        let weights = size.mask_fill(is_absent, 1.0).powf_scalar(-2.0) * presence.clone();
        let smooth = scale.clone().powf_scalar(2.0) * self.smooth; // The weights are scale² too large.
        let hits = (weights.clone() * sums.intersection.clone()).sum_dim(1) + smooth.clone();
        let sizes =
            (weights * (sums.predicted.clone() + sums.reference.clone())).sum_dim(1) + smooth;
        // [image, 1]
        let counts = presence.sum_dim(1).greater_elem(0.0).float().cast(hits.dtype());
        let losses = (-(hits * 2.0) / sizes.clamp_min(1e-7) + 1.0) * counts.clone();
        let n_images = sum_fixed(counts);
        sum_fixed(losses) / n_images.clamp_min(1.0)
    }
}
