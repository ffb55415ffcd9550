//! A loss of every pixel by itself, with its slopes.

use rayon::prelude::*;

use super::ClassIndex;

/// Pixels of a task.
const TASK: usize = 4096;

/// Calls `loss(logits, label, slopes)` for every pixel of `logits`, `[pixel, class]`, that has a label
/// other than `ignore`: it returns the loss and fills in the slope of the loss by each logit. Elsewhere
/// both are 0.
///
/// # Shapes
/// - `losses` `[pixel]`
/// - `slopes` `[pixel, class]`
///
/// # Panics
/// If a length differs, or a label is neither a class nor to be ignored.
pub fn per_pixel<I: ClassIndex>(
    classes: usize,
    logits: &[f32],
    labels: &[I],
    ignore: i64,
    loss: &(impl Fn(&[f32], usize, &mut [f32]) -> f32 + Sync + ?Sized),
    losses: &mut [f32],
    slopes: &mut [f32],
) {
    assert_eq!(logits.len(), labels.len() * classes, "there is not one label for each pixel");
    assert_eq!(losses.len(), labels.len(), "there is not one loss for each pixel");
    assert_eq!(slopes.len(), logits.len(), "there is not one slope for each logit");
    let pixels = logits.par_chunks(TASK * classes).zip(labels.par_chunks(TASK));
    let outputs = losses.par_chunks_mut(TASK).zip(slopes.par_chunks_mut(TASK * classes));
    pixels.zip(outputs).for_each(|((logits, labels), (losses, slopes))| {
        let pixels = logits.chunks_exact(classes).zip(labels);
        let outputs = losses.iter_mut().zip(slopes.chunks_exact_mut(classes));
        for ((logits, label), (of_pixel, slopes)) in pixels.zip(outputs) {
            slopes.fill(0.0); // A loss need not write those that are 0.
            *of_pixel = match class_of(*label, classes, ignore) {
                Some(class) => loss(logits, class, slopes),
                None => 0.0,
            };
        }
    });
}

/// The class of a label; `None` for the one that is ignored.
pub(super) fn class_of<I: ClassIndex>(label: I, classes: usize, ignore: i64) -> Option<usize> {
    let label = label.number();
    if label == ignore {
        return None;
    }
    let class = usize::try_from(label).ok().filter(|&it| it < classes);
    Some(class.unwrap_or_else(|| panic!("label {label} is none of the {classes} classes")))
}
