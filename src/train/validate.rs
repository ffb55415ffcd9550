//! Loss and accuracy of the validation split while training.

use burn::tensor::Device;
use rayon::prelude::*;

use super::{Batch, Dataset, ValidationRow};
use crate::{
    chip::{Chip, SceneCover},
    error::Result,
    infer::top_class,
    loss::{Criterion, Parts},
    model::{Network, Segmenter},
    scene::Role,
    score::{Confusion, Metrics},
};

/// Windows whose results are kept at once.
const GROUP: usize = 64;

/// Figures of the validation split in `epoch`, counted from 0, every pixel counted once, or `None` if
/// it is empty.
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
    criterion: &Criterion,
    epoch: u32,
    device: &Device,
) -> Result<Option<ValidationRow>> {
    let covers: Vec<SceneCover> = data.evaluation_windows(Role::Validation);
    if covers.is_empty() {
        return Ok(None);
    }
    let n_classes = data.classes().len();
    let mut confusion = Confusion::new(n_classes);
    let mut joined: Option<Vec<Parts>> = None;
    for group in covers.chunks(GROUP) {
        let scores: Vec<Score> = group
            .par_iter()
            .map(|cover| {
                let mut chip = data.evaluation_chip(cover)?;
                if criterion.needs_distances() {
                    chip.measure_distances(n_classes);
                }
                score(&chip, network, criterion, device)
            })
            .collect::<Result<_>>()?;
        for Score { confusion: of_window, parts } in scores {
            confusion.merge(&of_window);
            joined = Some(match joined {
                None => parts,
                Some(before) => before.into_iter().zip(parts).map(|(a, b)| a.join(b)).collect(),
            });
        }
    }
    let parts = joined.expect("there is a window");
    let loss: f64 = criterion.value(&parts, epoch).total.into_scalar();
    let metrics = Metrics::new(&confusion, data.classes(), 1.0);
    let row = ValidationRow {
        loss: if 0 < confusion.n_pixels() { loss } else { f64::NAN },
        mean_iou: metrics.mean_iou,
        mean_f1: metrics.macro_f1_mean,
        kappa: metrics.kappa,
        overall_accuracy: metrics.overall_accuracy,
    };
    Ok(Some(row))
}

struct Score {
    confusion: Confusion,
    parts: Vec<Parts>,
}

fn score(chip: &Chip, network: &Network, criterion: &Criterion, device: &Device) -> Result<Score> {
    let batch = Batch::new(std::slice::from_ref(chip), device);
    let target = batch.target();
    let logits = network.forward(batch.images).main;
    let [_, n_classes, _, _] = logits.dims();
    let parts = criterion.parts(logits.clone(), &target)?;
    let logits: Vec<f32> = logits.into_data().iter().collect();
    let mut confusion = Confusion::new(n_classes);
    for ((class, _), &label) in top_class(&logits, n_classes).into_iter().zip(&chip.labels) {
        confusion.add(class, label);
    }
    Ok(Score { confusion, parts: parts.into_iter().map(Parts::in_main_memory).collect() })
}
