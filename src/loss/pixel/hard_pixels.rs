//! Cross-entropy of the hardest pixels: top-k and online hard example mining.

use burn::tensor::Tensor;

use super::{Count, PixelLoss, log_likelihood::LogLikelihood};
use crate::{
    error::Result,
    loss::{Target, Weighted, channels::constant, sum_fixed},
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
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let name = match self.kept {
            Kept::TopPercent { .. } => "top-k",
            Kept::Below { .. } => "ohem",
        };
        let LogLikelihood { log_p, weights, valid } =
            LogLikelihood::new(logits, target, &self.class_weights, name)?;
        let losses = -log_p * weights.clone();
        let values =
            |tensor: &Tensor<3>| tensor.clone().detach().into_data().iter::<f64>().collect();
        let is_valid: Vec<f64> = values(&valid);
        let all: Vec<f64> = values(&losses);
        let kept = self.kept_pixels(&all, &is_valid);
        let divides_by_number = matches!(self.kept, Kept::TopPercent { count: Count::All, .. });
        let mask: Vec<f64> = kept.iter().map(|&it| f64::from(u8::from(it))).collect();
        let mask = constant(mask, losses.dims(), &losses);
        let weight = if divides_by_number { mask.clone() } else { weights * mask.clone() };
        Ok(Weighted { sum: sum_fixed(losses * mask), weight: sum_fixed(weight) })
    }
}

impl HardPixels {
    /// Whether each pixel is kept, from its loss and whether it counts (1 or 0).
    fn kept_pixels(&self, losses: &[f64], valid: &[f64]) -> Vec<bool> {
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
                let is_hard =
                    |(&loss, &valid): (&f64, &f64)| 0.0 < valid && -probability.ln() < loss;
                let n_hard = losses.iter().zip(valid).filter(|&it| is_hard(it)).count();
                (n_hard.max(share(least_percent, n_valid)).max(1), false)
            }
        };
        let mut order: Vec<usize> =
            (0..losses.len()).filter(|&index| counts_all || 0.0 < valid[index]).collect();
        let n_kept = n_kept.min(order.len());
        let mut kept = vec![false; losses.len()];
        if n_kept == 0 {
            return kept;
        }
        let by_loss = |a: &usize, b: &usize| losses[*b].total_cmp(&losses[*a]).then(a.cmp(b));
        order.select_nth_unstable_by(n_kept - 1, by_loss);
        for &index in &order[..n_kept] {
            kept[index] = true;
        }
        kept
    }
}
