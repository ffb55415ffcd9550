//! One batch forward and backward.

use burn::{module::Module, tensor::Tensor};

use super::{
    Batch,
    slopes::{Branch, Slopes},
};
use crate::{
    error::Result,
    loss::{Criterion, Target},
    model::{Pass, Segmenter, SideOutput},
    optim::Gradients,
};

/// What a batch says about a network.
#[derive(Clone, Debug)]
pub struct BatchGradient {
    /// The loss, with those of side branches; 0 if no pixel counts.
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
/// 0, with the random draws of `pass`.
///
/// The losses of side branches are added, each times its weight.
///
/// # Errors
///
/// [`Error::Config`](crate::Error::Config) if the loss has no meaning for the labels.
pub fn batch_gradient<M: Segmenter + Module>(
    network: &M,
    criterion: &Criterion,
    batch: Batch,
    epoch: u32,
    pass: Pass,
) -> Result<BatchGradient> {
    let target = batch.target();
    let n_images = batch.images.dims()[0];
    let outputs = network.forward_in(batch.images, pass);
    if !criterion.is_single_mean() {
        let branches = Branch::of(outputs, criterion, &target)?;
        let copies = branches.iter().cloned().map(Branch::in_main_memory).collect();
        let slopes = Slopes::of(copies, criterion, epoch);
        let gradients = Gradients::of(network, slopes.along(branches, 0, n_images));
        let Slopes { loss, terms, .. } = slopes;
        return Ok(BatchGradient { loss: loss as f32, weight: 1.0, terms, gradients });
    }
    let parts = criterion.parts(outputs.main, &target)?;
    let sides = outputs.auxiliary;
    let value = criterion.single_mean(&parts).expect("it is a single mean").clone();
    // The division comes last: it is one factor of all gradients.
    drop(parts);
    let total = add_side_sums(value.sum, sides, criterion, &target)?;
    let sum: f32 = total.clone().into_scalar();
    let weight: f32 = value.weight.into_scalar();
    let mut gradients = Gradients::of(network, total);
    if 0.0 < weight {
        gradients.scale(1.0 / f64::from(weight));
    }
    let loss = if 0.0 < weight { sum / weight } else { 0.0 };
    Ok(BatchGradient { loss, weight, terms: Vec::new(), gradients })
}

/// `sum` with those of side branches, of a loss that is a single mean: the pixels are the same, and
/// so is what the sums are divided by.
pub(super) fn add_side_sums(
    mut sum: Tensor<1>,
    sides: Vec<SideOutput>,
    criterion: &Criterion,
    target: &Target,
) -> Result<Tensor<1>> {
    for SideOutput { weight, logits } in sides {
        let parts = criterion.parts(logits, target)?;
        let side = criterion.single_mean(&parts).expect("the main loss is a single mean");
        sum = sum + side.sum.clone() * weight;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use swath_kernels::burn::layout_copies;

    use super::*;
    use crate::{
        chip::Chip,
        label::ClassCounts,
        loss::{LossConfig, LossKind},
        model::{Encoder, ModelConfig},
    };

    fn pass() -> Pass {
        Pass::training(1, 0)
    }

    fn chip(n_bands: usize, size_px: usize) -> Chip {
        let n_pixels = size_px * size_px;
        Chip {
            n_bands,
            size_px,
            values: (0..n_bands * n_pixels).map(|k| (k as f32 * 0.3).sin()).collect(),
            labels: (0..n_pixels).map(|k| (k % 2) as u8).collect(),
            valid: vec![true; n_pixels],
            missing: Vec::new(),
            distances: None,
        }
    }

    /// The loss of each kind with `auxiliary` weights, without dropout.
    fn losses(auxiliary: &[f64]) -> [f32; 2] {
        let device = Device::flex().autodiff();
        let encoder = Encoder::Resnet18;
        let config =
            ModelConfig { encoder, width: 4, auxiliary: auxiliary.to_vec(), ..Default::default() };
        let network = config.build(2, 2, 0, &device);
        [LossKind::CrossEntropy, LossKind::Dice].map(|kind| {
            let loss = LossConfig { kind, ..LossConfig::default() };
            let loss = loss.build(&ClassCounts::uniform(2)).unwrap();
            let batch = Batch::new(&[chip(2, 40), chip(2, 40)], &device);
            let found = batch_gradient(&network, &loss, batch, 0, pass()).unwrap();
            let names = ["decoder.blocks.4.conv1.0.weight", "auxiliary_heads.0.weight"];
            let [_, side] = names.map(|name| found.gradients.find(name).is_some());
            assert_eq!(side, !auxiliary.is_empty());
            found.loss
        })
    }

    // The loss is linear in the weights.
    #[test]
    fn losses_of_side_branches_are_added_by_their_weights() {
        let [main, with, twice] = [&[][..], &[0.5, 0.25], &[1.0, 0.5]].map(losses);
        for k in 0..2 {
            assert!(0.1 < with[k] - main[k], "{main:?} {with:?}");
            let want = 2.0 * (with[k] - main[k]);
            assert!((twice[k] - main[k] - want).abs() < 1e-5, "{main:?} {with:?} {twice:?}");
        }
    }

    /// From the chips to the gradients no tensor is copied into another order.
    #[test]
    fn nothing_is_copied_between_layers() {
        let device = Device::flex().autodiff();
        let config = ModelConfig { width: 4, ..Default::default() };
        let network = config.build(3, 2, 0, &device);
        let chip = chip(3, 40);
        let loss = LossConfig::default().build(&ClassCounts::uniform(2)).unwrap();
        let before = layout_copies();
        let found =
            batch_gradient(&network, &loss, Batch::new(&[chip.clone(), chip], &device), 0, pass())
                .unwrap();
        assert!(0.0 < found.gradients.norm());
        assert_eq!(layout_copies(), before);
    }
}
