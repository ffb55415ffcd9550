//! Distances between real values: squared, absolute, Huber.

use burn::tensor::Tensor;

use super::PixelLoss;
use crate::{
    error::Result,
    loss::{Target, Weighted, channels::channels_last, sum_fixed, target::channels_last_mask},
};

/// The mean distance of the output from real-valued targets.
///
/// Source: PyTorch's `mse_loss`, `l1_loss` and `huber_loss`, without the values that do not count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// Of a difference.
    pub kind: DistanceKind,
}

/// The distance of a difference `d`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DistanceKind {
    /// `d²`
    Squared,
    /// `|d|`
    Absolute,
    /// `d²/2` up to this size of `d`, above 0; `δ (|d| - δ/2)` beyond.
    Huber(f64),
}

impl PixelLoss for Distance {
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let Target::Values { values, valid } = target else {
            return Err(target.refused_by(match self.kind {
                DistanceKind::Squared => "mse",
                DistanceKind::Absolute => "mae",
                DistanceKind::Huber(_) => "huber",
            }));
        };
        assert_eq!(values.dims(), logits.dims(), "targets do not match the output");
        let dtype = logits.dtype();
        let ignored = channels_last_mask(valid.clone()).bool_not();
        let difference = channels_last(logits - values.clone()).mask_fill(ignored.clone(), 0.0);
        let losses = match self.kind {
            DistanceKind::Squared => difference.clone() * difference,
            DistanceKind::Absolute => difference.abs(),
            DistanceKind::Huber(delta) => {
                let size = difference.abs();
                let near = size.clone().clamp_max(delta);
                near.clone() * near.clone() * 0.5 + (size - near) * delta
            }
        };
        let weight = sum_fixed(ignored.bool_not().float().cast(dtype));
        Ok(Weighted { sum: sum_fixed(losses), weight })
    }
}
