//! One batch forward and backward.

use burn::module::Module;

use super::Batch;
use crate::{error::Result, loss::Criterion, model::Segmenter, optim::Gradients};

/// What a batch says about a network.
#[derive(Clone, Debug)]
pub struct BatchGradient {
    /// The loss; 0 if no pixel counts.
    pub loss: f32,
    /// What the loss counts in a mean over batches: the sum of the weights of the pixels where it
    /// is a mean over them, else 1.
    pub weight: f32,
    /// The terms of the loss before their factors, where there are several.
    pub terms: Vec<f32>,
    /// Gradients of the loss; 0 if no pixel counts.
    pub gradients: Gradients,
}

/// Loss and gradients of `network`, which is in training mode, for `batch` in `epoch`, counted from
/// 0.
///
/// # Errors
///
/// [`Error::Config`](crate::Error::Config) if the loss has no meaning for the labels.
pub fn batch_gradient<M: Segmenter + Module>(
    network: &M,
    criterion: &Criterion,
    batch: Batch,
    epoch: u32,
) -> Result<BatchGradient> {
    let target = batch.target();
    let parts = criterion.parts(network.forward(batch.images).main, &target)?;
    let Some(value) = criterion.single_mean(&parts) else {
        let value = criterion.value(&parts, epoch);
        drop(parts);
        let terms = match value.terms.len() {
            1 => Vec::new(),
            _ => value.terms.into_iter().map(|it| it.into_scalar()).collect(),
        };
        let loss = value.total.clone().into_scalar();
        let gradients = Gradients::of(network, value.total);
        return Ok(BatchGradient { loss, weight: 1.0, terms, gradients });
    };
    // The division comes last: it is one factor of all gradients.
    let value = value.clone();
    drop(parts);
    let sum: f32 = value.sum.clone().into_scalar();
    let weight: f32 = value.weight.into_scalar();
    let mut gradients = Gradients::of(network, value.sum);
    if 0.0 < weight {
        gradients.scale(1.0 / f64::from(weight));
    }
    let loss = if 0.0 < weight { sum / weight } else { 0.0 };
    Ok(BatchGradient { loss, weight, terms: Vec::new(), gradients })
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use swath_kernels::burn::layout_copies;

    use super::*;
    use crate::{chip::Chip, label::ClassCounts, loss::LossConfig, model::ModelConfig};

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
            distances: None,
        };
        let loss = LossConfig::default().build(&ClassCounts::uniform(2)).unwrap();
        let before = layout_copies();
        let found =
            batch_gradient(&network, &loss, Batch::new(&[chip.clone(), chip], &device), 0).unwrap();
        assert!(0.0 < found.gradients.norm());
        assert_eq!(layout_copies(), before);
    }
}
