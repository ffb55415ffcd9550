//! Cross-entropy.

use burn::tensor::{Int, Tensor, TensorData};
use swath_kernels::burn::{CrossEntropyOptions, cross_entropy};

use super::{Count, PixelLoss};
use crate::{
    error::Result,
    label::IGNORE,
    loss::{
        Target, Weighted,
        channels::{channels_last, log_probabilities, per_class},
        sum_fixed,
        target::Reference,
    },
};

/// Cross-entropy between logits and class indices or class probabilities.
///
/// ```text
/// loss = sum_i l_i / sum_i w[t_i]                                  over labelled pixels i
/// l_i  = (1 - s) w[t_i] (-log p_i[t_i]) + s/C sum_c w[c] (-log p_i[c])     p = softmax(logits)
/// ```
///
/// with label `t`, class weights `w`, smoothing `s` and number of classes `C`. For probabilities
/// `y`, sums `sum_c y_c w[c] ...` stand for the terms of `t`.
///
/// Source: PyTorch's `cross_entropy`, `reduction="mean"`. We return numerator and denominator;
/// where no pixel is labelled both are 0, where PyTorch's mean is NaN. For probabilities PyTorch
/// divides by the number of pixels; ours is the same for weights of 1. [`Count::All`] is the mean of
/// segmentation_models.pytorch's `SoftCrossEntropyLoss`, over all pixels, labelled or not.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropy {
    /// Weight of each class, 0 or more.
    pub class_weights: Vec<f64>,
    /// Share of every label that is spread evenly over all classes, in `[0, 1)`.
    pub label_smoothing: f64,
    /// What the mean is over.
    pub count: Count,
}

impl PixelLoss for CrossEntropy {
    /// # Panics
    ///
    /// If batch, row or col differ, the number of classes is not that of the weights, or a label is
    /// neither [`IGNORE`] nor a class.
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let [batch, n_classes, rows, cols] = logits.dims();
        assert_eq!(n_classes, self.class_weights.len(), "logits do not match the class weights");
        let found = match target {
            Target::Classes { labels, .. } => {
                assert_eq!(labels.dims(), [batch, rows, cols], "labels do not match logits");
                match self.by_kernel(&logits, labels) {
                    Some(found) => found,
                    None => self.composed(logits.clone(), labels.clone()),
                }
            }
            Target::Soft { probabilities, valid } => {
                let valid = valid.clone().unsqueeze_dim::<4>(3).float().cast(logits.dtype());
                self.of_shares(
                    logits.clone(),
                    channels_last(probabilities.clone()) * valid.clone(),
                    valid,
                )
            }
            Target::Labels { .. } | Target::Values { .. } => {
                return Err(target.refused_by("cross-entropy"));
            }
        };
        Ok(match self.count {
            Count::Valid => found,
            Count::All => {
                let n_pixels = (batch * rows * cols) as f64;
                Weighted { weight: found.weight.zeros_like() + n_pixels, ..found }
            }
        })
    }
}

impl CrossEntropy {
    /// For class indices, of burn's operations.
    fn composed(&self, logits: Tensor<4>, labels: Tensor<3, Int>) -> Weighted {
        let target = Target::classes(labels);
        let reference = Reference::of(&target, &logits).expect("class indices have shares");
        self.of_shares(logits, reference.shares, reference.valid)
    }

    /// For shares of the classes, 0 where `valid` is 0; channels last.
    fn of_shares(&self, logits: Tensor<4>, shares: Tensor<4>, valid: Tensor<4>) -> Weighted {
        let n_classes = self.class_weights.len();
        let log_p = log_probabilities(channels_last(logits));
        let class_weights = per_class(&self.class_weights, &log_p).expand(log_p.dims());
        let weighted = shares * class_weights.clone();
        let mut sum = -sum_fixed(log_p.clone() * weighted.clone()) * (1.0 - self.label_smoothing);
        if 0.0 < self.label_smoothing {
            let of_all = (log_p * class_weights).sum_dim(3) * valid;
            sum = sum - sum_fixed(of_all) * (self.label_smoothing / n_classes as f64);
        }
        Weighted { sum, weight: sum_fixed(weighted) }
    }

    /// In one pass over the logits, where there is a kernel for them.
    fn by_kernel(&self, logits: &Tensor<4>, labels: &Tensor<3, Int>) -> Option<Weighted> {
        let options = CrossEntropyOptions {
            class_weights: self.class_weights.iter().map(|&weight| weight as f32).collect(),
            label_smoothing: self.label_smoothing,
            ignore: i64::from(IGNORE),
        };
        let (sum, weight) = cross_entropy(channels_last(logits.clone()), labels.clone(), options)?;
        let weight = TensorData::new(vec![weight as f32], [1]);
        Some(Weighted { sum, weight: Tensor::from_data(weight, &logits.device()) })
    }
}
