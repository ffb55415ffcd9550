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

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use swath_kernels::burn::layout_copies;

    use super::*;
    use crate::{chip::Chip, loss::LossConfig, model::ModelConfig};

    /// From the chips to the gradients no tensor is copied into another order.
    #[test]
    fn nothing_is_copied_between_layers() {
        let device = Device::flex().autodiff();
        let config = ModelConfig { width: 4, ..Default::default() };
        let network = config.build(3, 2, 0, &device);
        let size_px = 40;
        let n_pixels = size_px * size_px;
        let chip = Chip {
            n_bands: 3,
            size_px,
            values: (0..3 * n_pixels).map(|k| (k as f32 * 0.3).sin()).collect(),
            labels: (0..n_pixels).map(|k| (k % 2) as u8).collect(),
            valid: vec![true; n_pixels],
            missing: Vec::new(),
        };
        let loss = LossConfig::default().build(2).unwrap();
        let before = layout_copies();
        let found = batch_gradient(&network, &loss, Batch::new(&[chip.clone(), chip], &device));
        assert!(0.0 < found.gradients.norm());
        assert_eq!(layout_copies(), before);
    }
}
