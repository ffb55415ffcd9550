//! Loss and accuracy of the validation split while training.

use burn::tensor::Device;
use rayon::prelude::*;

use super::{Batch, Dataset, LossSum, ValidationRow};
use crate::{
    chip::{Chip, SceneCover},
    error::Result,
    infer::top_class,
    loss::CrossEntropy,
    model::{Network, Segmenter},
    scene::Role,
    score::{Confusion, Metrics},
};

/// Windows whose results are kept at once.
const GROUP: usize = 64;

/// What a check on the validation split finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Validation {
    /// Its figures.
    pub row: ValidationRow,
    /// The loss before its division.
    pub loss: LossSum,
}

/// Figures of the validation split, every pixel counted once, or `None` if it is empty.
///
/// Windows do not overlap here, which is fast; the final figures of a run come from blended
/// windows, as a map does, and differ a little. Each window is computed by itself, and results are
/// added in the order of the windows, so the number of threads changes no bit.
///
/// # Errors
///
/// Those of reading the chips.
pub fn validate(
    data: &Dataset,
    network: &Network,
    criterion: &CrossEntropy,
    device: &Device,
) -> Result<Option<Validation>> {
    let covers: Vec<SceneCover> = data.evaluation_windows(Role::Validation);
    if covers.is_empty() {
        return Ok(None);
    }
    let n_classes = data.classes().len();
    let mut confusion = Confusion::new(n_classes);
    let mut loss = LossSum::default();
    for group in covers.chunks(GROUP) {
        let scores: Vec<Score> = group
            .par_iter()
            .map(|cover| Ok(score(&data.evaluation_chip(cover)?, network, criterion, device)))
            .collect::<Result<_>>()?;
        for score in &scores {
            confusion.merge(&score.confusion);
            loss.sum += score.loss.sum;
            loss.weight += score.loss.weight;
        }
    }
    let metrics = Metrics::new(&confusion, data.classes(), 1.0);
    let row = ValidationRow {
        loss: if 0.0 < loss.weight { loss.per_weight() } else { f64::NAN },
        mean_iou: metrics.mean_iou,
        overall_accuracy: metrics.overall_accuracy,
    };
    Ok(Some(Validation { row, loss }))
}

struct Score {
    confusion: Confusion,
    loss: LossSum,
}

fn score(chip: &Chip, network: &Network, criterion: &CrossEntropy, device: &Device) -> Score {
    let batch = Batch::new(std::slice::from_ref(chip), device);
    let logits = network.forward(batch.images).main;
    let [_, n_classes, _, _] = logits.dims();
    let value = criterion.forward(logits.clone(), batch.labels);
    let logits: Vec<f32> = logits.into_data().iter().collect();
    let mut confusion = Confusion::new(n_classes);
    for ((class, _), &label) in top_class(&logits, n_classes).into_iter().zip(&chip.labels) {
        confusion.add(class, label);
    }
    let sum: f32 = value.sum.into_scalar();
    let weight: f32 = value.weight.into_scalar();
    Score { confusion, loss: LossSum { sum: sum.into(), weight: weight.into() } }
}
