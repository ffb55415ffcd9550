//! Cross-entropy.

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};

use super::{Weighted, sum_fixed};
use crate::label::IGNORE;

/// Cross-entropy between logits and class indices.
///
/// ```text
/// loss = sum_i l_i / sum_i w[t_i]                                  over labelled pixels i
/// l_i  = (1 - s) w[t_i] (-log p_i[t_i]) + s/C sum_c w[c] (-log p_i[c])     p = softmax(logits)
/// ```
///
/// with label `t`, class weights `w`, smoothing `s` and number of classes `C`.
///
/// Source: PyTorch's `cross_entropy`, `reduction="mean"`. We return numerator and denominator; where
/// no pixel is labelled both are 0, where PyTorch's mean is NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropy {
    pub(super) class_weights: Vec<f64>,
    pub(super) label_smoothing: f64,
}

impl CrossEntropy {
    /// Sum and weight of the loss.
    ///
    /// # Shapes
    ///
    /// - `logits`: `[batch, class, row, col]`
    /// - `labels`: `[batch, row, col]`, class index, or [`IGNORE`] where there is no label
    ///
    /// # Panics
    ///
    /// If batch, row or col differ, the number of classes is not that of the weights, or a label is
    /// neither [`IGNORE`] nor a class.
    pub fn forward(&self, logits: Tensor<4>, labels: Tensor<3, Int>) -> Weighted {
        let [batch, n_classes, rows, cols] = logits.dims();
        assert_eq!(labels.dims(), [batch, rows, cols], "labels do not match logits");
        assert_eq!(n_classes, self.class_weights.len(), "logits do not match the class weights");

        let ignored = labels.clone().equal_elem(IGNORE);
        let labels: Tensor<4, Int> = labels.mask_fill(ignored.clone(), 0).unsqueeze_dim(1);
        let ignored = ignored.unsqueeze_dim(1); // [batch, 1, row, col]
        let class_weights = self.class_weights(&logits);

        let weight = class_weights.clone().repeat(&[batch, 1, rows, cols]);
        let weight = weight.gather(1, labels.clone()).mask_fill(ignored.clone(), 0.0);
        let log_p = log_softmax(logits, 1);

        let of_label = log_p.clone().gather(1, labels) * weight.clone(); // [batch, 1, row, col]
        let mut sum = -sum_fixed(of_label) * (1.0 - self.label_smoothing);
        if 0.0 < self.label_smoothing {
            let of_all = (log_p * class_weights).sum_dim(1).mask_fill(ignored, 0.0);
            sum = sum - sum_fixed(of_all) * (self.label_smoothing / n_classes as f64);
        }
        Weighted { sum, weight: sum_fixed(weight) }
    }

    /// `[1, class, 1, 1]`, where and of the type that `logits` are, without gradient.
    fn class_weights(&self, logits: &Tensor<4>) -> Tensor<4> {
        let n_classes = self.class_weights.len();
        let data = TensorData::new(self.class_weights.clone(), [1, n_classes, 1, 1]);
        Tensor::from_data(data.convert_dtype(logits.dtype()), &logits.device())
    }
}
