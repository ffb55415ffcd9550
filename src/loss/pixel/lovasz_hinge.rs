//! Lovász hinge, for binary and multi-label targets.

use burn::tensor::Tensor;

use super::{PixelLoss, lovasz::jaccard_slopes};
use crate::{
    error::Result,
    loss::{
        Target, Weighted,
        channels::{channels_last, constant, host_values},
        sum_fixed,
        target::Reference,
    },
};

/// The convex extension of the Jaccard loss of a yes-or-no question, over hinge errors.
///
/// ```text
/// e_i  = 1 - z_i (2 y_i - 1), in falling order      loss = Σ_k max(e_k, 0) (J_k - J_{k-1})
/// ```
///
/// with J as in [`Lovasz`](super::Lovasz). Channels, and images if asked, are measured by themselves
/// and averaged. Without a positive the whole slope lies on the largest error.
///
/// Source: Berman et al. 2018, section 3.1, <https://arxiv.org/abs/1705.08790>.
/// segmentation_models.pytorch takes all channels of a multi-label target together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LovaszHinge {
    /// Whether every image is measured by itself.
    pub per_image: bool,
}

impl PixelLoss for LovaszHinge {
    fn ranks_pixels(&self) -> bool {
        true
    }

    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let reference = match target {
            Target::Labels { .. } => Reference::of(target, &logits),
            Target::Classes { .. } | Target::Soft { .. } | Target::Values { .. } => None,
        };
        let Some(Reference { shares, valid, .. }) = reference else {
            return Err(target.refused_by("lovasz-hinge"));
        };
        let z = channels_last(logits);
        let errors = -z * (shares.clone() * 2.0 - 1.0) + 1.0;
        let [batch, rows, cols, n_channels] = errors.dims();
        let n_groups = if self.per_image { batch } else { 1 };
        let n_pixels = batch / n_groups * rows * cols;
        let (all, is_class) = (host_values(errors.clone()), host_values(shares));
        let is_valid = host_values(valid);
        let mut factors = vec![0.0; all.len()];
        let mut n_measured = 0.0;
        for group in 0..n_groups {
            for channel in 0..n_channels {
                let at = |pixel: usize| (group * n_pixels + pixel) * n_channels + channel;
                let pixels: Vec<usize> =
                    (0..n_pixels).map(at).filter(|&it| 0.0 < is_valid[it]).collect();
                let errors: Vec<f32> = pixels.iter().map(|&it| all[it]).collect();
                let is_class: Vec<bool> = pixels.iter().map(|&it| 0.0 < is_class[it]).collect();
                if errors.is_empty() {
                    continue;
                }
                n_measured += 1.0;
                let slopes = jaccard_slopes(&errors, &is_class);
                for (at, slope) in
                    pixels.into_iter().zip(slopes.unwrap_or_else(|| largest(&errors)))
                {
                    factors[at] = slope;
                }
            }
        }
        let factors = constant(factors, errors.dims(), &errors);
        let weight = constant(vec![n_measured], [1], &errors);
        Ok(Weighted { sum: sum_fixed(errors.clamp_min(0.0) * factors), weight })
    }
}

/// Slope 1 for the first of the largest errors.
fn largest(errors: &[f32]) -> Vec<f64> {
    let mut slopes = vec![0.0; errors.len()];
    let largest =
        (0..errors.len()).reduce(|best, it| if errors[best] < errors[it] { it } else { best });
    if let Some(index) = largest {
        slopes[index] = 1.0;
    }
    slopes
}
