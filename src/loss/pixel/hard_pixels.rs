//! Cross-entropy of the hardest pixels: top-k and online hard example mining.

use burn::tensor::Tensor;

use super::{Count, PixelLoss, log_likelihood::LogLikelihood, lovasz::rank};
use crate::{
    error::Result,
    loss::{
        Target, Weighted,
        channels::{constant, host_values},
        sum_fixed,
    },
};

/// Cross-entropy of the pixels with the largest loss alone.
///
/// ```text
/// l_i = w_t (-ln p_t)      loss = Σ l_i / Σ w_t      over the kept pixels i
/// ```
///
/// Which pixels are kept is decided in each batch: several batches have no loss in common, and the
/// mean over them is one of their means. Of equals the first in the batch are kept.
///
/// Source: top-k: nnU-Net's `TopKLoss`; mining: Shrivastava et al. 2016,
/// <https://arxiv.org/abs/1604.03540>, in the form of a threshold that segmentation uses.
#[derive(Clone, Debug, PartialEq)]
pub struct HardPixels {
    /// Which pixels are kept.
    pub kept: Kept,
    /// Weight of each class, 0 or more.
    pub class_weights: Vec<f64>,
}

/// Which pixels are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kept {
    /// This many percent of the pixels, in `(0, 100]`, at least one. nnU-Net counts ignored pixels,
    /// too ([`Count::All`]), and divides by their number, not by their weight.
    TopPercent {
        /// In percent.
        percent: f64,
        /// Of which pixels.
        count: Count,
    },
    /// Those whose label has a probability below `probability`, but at least `least_percent` of
    /// the labelled pixels.
    Below {
        /// In `(0, 1]`.
        probability: f64,
        /// In percent, `[0, 100]`.
        least_percent: f64,
    },
}

impl PixelLoss for HardPixels {
    fn ranks_pixels(&self) -> bool {
        true
    }

    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let name = match self.kept {
            Kept::TopPercent { .. } => "top-k",
            Kept::Below { .. } => "ohem",
        };
        let LogLikelihood { log_p, weights, valid } =
            LogLikelihood::new(logits, target, &self.class_weights, name)?;
        let surprise = -log_p;
        let losses = surprise.clone() * weights.clone();
        // How hard a pixel is: what it costs, or how improbable its label is.
        let hardness = match self.kept {
            Kept::TopPercent { .. } => host_values(losses.clone()),
            Kept::Below { .. } => host_values(surprise),
        };
        let kept = self.kept_pixels(&hardness, &host_values(valid));
        let divides_by_number = matches!(self.kept, Kept::TopPercent { count: Count::All, .. });
        let mask: Vec<f64> = kept.iter().map(|&it| f64::from(u8::from(it))).collect();
        let mask = constant(mask, losses.dims(), &losses);
        let weight = if divides_by_number { mask.clone() } else { weights * mask.clone() };
        Ok(Weighted { sum: sum_fixed(losses * mask), weight: sum_fixed(weight) })
    }
}

impl HardPixels {
    /// Whether each pixel is kept, from how hard it is and whether it counts (1 or 0).
    fn kept_pixels(&self, losses: &[f32], valid: &[f32]) -> Vec<bool> {
        let n_valid = valid.iter().filter(|&&it| 0.0 < it).count();
        let share = |percent: f64, n: usize| (n as f64 * percent / 100.0).floor() as usize;
        let (n_kept, counts_all) = match self.kept {
            Kept::TopPercent { percent, count: Count::All } => {
                (share(percent, losses.len()).max(1), true)
            }
            Kept::TopPercent { percent, count: Count::Valid } => {
                (share(percent, n_valid).max(1), false)
            }
            Kept::Below { probability, least_percent } => {
                let limit = -probability.ln();
                let is_hard =
                    |(&loss, &valid): (&f32, &f32)| 0.0 < valid && limit < f64::from(loss);
                let n_hard = losses.iter().zip(valid).filter(|&it| is_hard(it)).count();
                (n_hard.max(share(least_percent, n_valid)).max(1), false)
            }
        };
        // Falling losses, and rising places among equals, as one number each.
        let key = |place: usize| u64::from(!rank(losses[place])) << 32 | place as u64;
        let places = (0..losses.len()).filter(|&place| counts_all || 0.0 < valid[place]);
        let mut order: Vec<u64> = places.map(key).collect();
        let n_kept = n_kept.min(order.len());
        let mut kept = vec![false; losses.len()];
        if n_kept == 0 {
            return kept;
        }
        order.select_nth_unstable(n_kept - 1);
        for key in &order[..n_kept] {
            kept[(key & u64::from(u32::MAX)) as usize] = true;
        }
        kept
    }
}
