//! What the logits say of the label of each pixel.

use std::sync::Arc;

use burn::tensor::{Int, Tensor};
use swath_kernels::burn::per_pixel;

use crate::{
    error::Result,
    label::IGNORE,
    loss::{
        Target,
        channels::{channels_last, constant, log_probabilities},
    },
};

/// The label of every pixel as losses of class indices need it; all `[batch, row, col]`.
pub(super) struct LogLikelihood {
    /// Logarithm of the probability of the label; 0 where there is none.
    pub log_p: Tensor<3>,
    /// Weight of the label's class; 0 where there is none. Without gradient.
    pub weights: Tensor<3>,
    /// 1 where there is a label, else 0. Without gradient.
    pub valid: Tensor<3>,
}

impl LogLikelihood {
    /// Of `logits`, `[batch, class, row, col]`, by the softmax.
    ///
    /// # Errors
    ///
    /// A refusal by `loss` if the target is not class indices.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, or there is not one weight per class.
    pub fn new(
        logits: Tensor<4>,
        target: &Target,
        class_weights: &[f64],
        loss: &str,
    ) -> Result<Self> {
        let Target::Classes { labels, .. } = target else {
            return Err(target.refused_by(loss));
        };
        let [batch, n_classes, rows, cols] = logits.dims();
        assert_eq!(labels.dims(), [batch, rows, cols], "labels do not match logits");
        assert_eq!(n_classes, class_weights.len(), "logits do not match the class weights");
        let ignored = labels.clone().equal_elem(IGNORE);
        let given = labels;
        let labels: Tensor<3, Int> = labels.clone().mask_fill(ignored.clone(), 0);
        let dtype = logits.dtype();
        let table = constant(class_weights.to_vec(), [n_classes], &logits);
        let kernel = Arc::new(log_softmax_of_label);
        let z = channels_last(logits);
        let of_label = per_pixel(z.clone(), given.clone(), i64::from(IGNORE), kernel);
        let of_label = of_label.unwrap_or_else(|| {
            let places = labels.clone().unsqueeze_dim::<4>(3);
            let of_label: Tensor<3> =
                log_probabilities(z).gather(3, places).reshape([batch, rows, cols]);
            of_label.mask_fill(ignored.clone(), 0.0)
        });
        let n_pixels = batch * rows * cols;
        let weights: Tensor<3> =
            table.gather(0, labels.reshape([n_pixels])).reshape([batch, rows, cols]);
        Ok(Self {
            log_p: of_label,
            weights: weights.mask_fill(ignored.clone(), 0.0),
            valid: ignored.bool_not().float().cast(dtype),
        })
    }
}

/// Logarithm of the softmax of one pixel at its label, and the slopes.
fn log_softmax_of_label(logits: &[f32], label: usize, slopes: &mut [f32]) -> f32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (slope, logit) in slopes.iter_mut().zip(logits) {
        *slope = (logit - largest).exp();
        sum += *slope;
    }
    let scale = -1.0 / sum;
    slopes.iter_mut().for_each(|slope| *slope *= scale);
    slopes[label] += 1.0;
    logits[label] - largest - sum.ln()
}
