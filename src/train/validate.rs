//! Loss and accuracy of the validation split while training.

use burn::tensor::Device;
use rayon::prelude::*;

use super::{Batch, Dataset, ValidationRow};
use crate::{
    chip::{Chip, SceneCover},
    error::Result,
    infer::top_class,
    loss::CrossEntropy,
    model::{Network, Segmenter},
    scene::Role,
    score::{Confusion, Metrics},
};

/// Figures of the validation split, every pixel counted once, or `None` if it is empty.
///
/// Windows do not overlap here, which is fast; the final figures of a run come from blended
/// windows, as a map does, and differ a little. Each window is computed by itself, so neither the
/// number of threads nor that of windows changes a bit.
///
/// # Errors
///
/// Those of reading the chips.
pub fn validate(
    data: &Dataset,
    network: &Network,
    loss: &CrossEntropy,
    device: &Device,
) -> Result<Option<ValidationRow>> {
    let covers: Vec<SceneCover> = data.evaluation_windows(Role::Validation);
    if covers.is_empty() {
        return Ok(None);
    }
    let n_classes = data.classes().len();
    let scores: Vec<Score> = covers
        .par_iter()
        .map(|cover| Ok(score(&data.evaluation_chip(cover)?, network, loss, device, n_classes)))
        .collect::<Result<_>>()?;

    let mut confusion = Confusion::new(n_classes);
    let (mut sum, mut weight) = (0.0, 0.0);
    for score in &scores {
        confusion.merge(&score.confusion);
        sum += score.sum;
        weight += score.weight;
    }
    let metrics = Metrics::new(&confusion, data.classes(), 1.0);
    Ok(Some(ValidationRow {
        loss: if 0.0 < weight { sum / weight } else { f64::NAN },
        mean_iou: metrics.mean_iou,
        overall_accuracy: metrics.overall_accuracy,
    }))
}

struct Score {
    confusion: Confusion,
    sum: f64,
    weight: f64,
}

fn score(
    chip: &Chip,
    network: &Network,
    loss: &CrossEntropy,
    device: &Device,
    n_classes: usize,
) -> Score {
    let batch = Batch::new(std::slice::from_ref(chip), device);
    let logits = network.forward(batch.images).main;
    let value = loss.forward(logits.clone(), batch.labels);
    let logits: Vec<f32> = logits.into_data().iter().collect();
    let mut confusion = Confusion::new(n_classes);
    for ((class, _), &label) in top_class(&logits, n_classes).into_iter().zip(&chip.labels) {
        confusion.add(class, label);
    }
    let sum: f32 = value.sum.into_scalar();
    let weight: f32 = value.weight.into_scalar();
    Score { confusion, sum: f64::from(sum), weight: f64::from(weight) }
}
