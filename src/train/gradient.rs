//! One batch forward and backward.

use burn::module::Module;

use super::Batch;
use crate::{loss::CrossEntropy, model::Segmenter, optim::Gradients};

/// What a batch says about a network.
#[derive(Clone, Debug)]
pub struct BatchGradient {
    /// Sum of the loss over the pixels.
    pub sum: f32,
    /// Sum of the weights of the pixels; 0 if none counts.
    pub weight: f32,
    /// Gradients of the mean loss; 0 if no pixel counts.
    pub gradients: Gradients,
}

impl BatchGradient {
    /// The mean loss; 0 if no pixel counts.
    pub fn mean_loss(&self) -> f32 {
        if 0.0 < self.weight { self.sum / self.weight } else { 0.0 }
    }
}

/// Loss and gradients of `network`, which is in training mode, for `batch`.
pub fn batch_gradient<M: Segmenter + Module>(
    network: &M,
    loss: &CrossEntropy,
    batch: Batch,
) -> BatchGradient {
    let value = loss.forward(network.forward(batch.images).main, batch.labels);
    let sum: f32 = value.sum.clone().into_scalar();
    let weight: f32 = value.weight.into_scalar();
    let mut gradients = Gradients::of(network, value.sum);
    if 0.0 < weight {
        gradients.scale(1.0 / f64::from(weight));
    }
    BatchGradient { sum, weight, gradients }
}
