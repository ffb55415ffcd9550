//! Sums of probabilities by class.

use rayon::prelude::*;

use super::{ClassIndex, per_pixel::class_of};

/// Pixels that are added in single precision before they enter the sum.
const ROW: usize = 64;

/// Pixels of a task; sums of tasks are added in their order.
const TASK: usize = 4096;

/// Sums over the pixels of one image whose label is not `ignore`: the probability of the label's class,
/// and all probabilities, by class, `[class]` each. `probabilities` are `[pixel, class]`.
///
/// # Panics
/// If there is not one label for each pixel, or a label is neither a class nor to be ignored.
pub fn class_sums<I: ClassIndex>(
    classes: usize,
    probabilities: &[f32],
    labels: &[I],
    ignore: i64,
) -> [Vec<f64>; 2] {
    assert_eq!(probabilities.len(), labels.len() * classes, "not one label for each pixel");
    let of_task = |(probabilities, labels): (&[f32], &[I])| {
        let mut sums = [vec![0.0_f64; classes], vec![0.0; classes]];
        let mut row = [vec![0.0_f32; classes], vec![0.0; classes]];
        for (probabilities, labels) in probabilities.chunks(ROW * classes).zip(labels.chunks(ROW)) {
            row.iter_mut().for_each(|sums| sums.fill(0.0));
            for (p, label) in probabilities.chunks_exact(classes).zip(labels) {
                if let Some(class) = class_of(*label, classes, ignore) {
                    row[0][class] += p[class];
                    row[1].iter_mut().zip(p).for_each(|(sum, p)| *sum += p);
                }
            }
            add(&mut sums, &row);
        }
        sums
    };
    let tasks = probabilities.par_chunks(TASK * classes).zip(labels.par_chunks(TASK));
    let sums: Vec<[Vec<f64>; 2]> = tasks.map(of_task).collect();
    let mut total = [vec![0.0; classes], vec![0.0; classes]];
    sums.iter().for_each(|sums| add(&mut total, sums));
    total
}

/// The gradient of the logits of one image, `[pixel, class]`, whose softmax are `probabilities`, from
/// those of the two [`class_sums`], `[class]` each.
///
/// # Panics
/// If a length differs.
pub fn class_sums_gradient<I: ClassIndex>(
    probabilities: &[f32],
    labels: &[I],
    ignore: i64,
    [of_label, of_all]: [&[f32]; 2],
    out: &mut [f32],
) {
    let classes = of_all.len();
    assert_eq!(of_label.len(), classes, "gradients of the two sums");
    assert_eq!(probabilities.len(), labels.len() * classes, "not one label for each pixel");
    assert_eq!(out.len(), probabilities.len(), "the output is not as long as the logits");
    let tasks = probabilities.par_chunks(TASK * classes).zip(labels.par_chunks(TASK));
    tasks.zip(out.par_chunks_mut(TASK * classes)).for_each(|((probabilities, labels), out)| {
        let pixels = probabilities.chunks_exact(classes).zip(labels);
        for ((p, label), out) in pixels.zip(out.chunks_exact_mut(classes)) {
            let Some(class) = class_of(*label, classes, ignore) else {
                out.fill(0.0);
                continue;
            };
            let dot = p.iter().zip(of_all).map(|(p, slope)| p * slope).sum::<f32>()
                + p[class] * of_label[class];
            for (out, (p, slope)) in out.iter_mut().zip(p.iter().zip(of_all)) {
                *out = p * (slope - dot);
            }
            out[class] += p[class] * of_label[class];
        }
    });
}

/// The gradient of logits, `[pixel, class]`, whose softmax are `probabilities`, from that of these.
///
/// # Panics
/// If a length differs.
pub fn softmax_gradient(classes: usize, probabilities: &[f32], gradient: &[f32], out: &mut [f32]) {
    assert_eq!(gradient.len(), probabilities.len(), "one gradient for each probability");
    assert_eq!(out.len(), probabilities.len(), "the output is not as long as the logits");
    let tasks = probabilities.par_chunks(TASK * classes).zip(gradient.par_chunks(TASK * classes));
    tasks.zip(out.par_chunks_mut(TASK * classes)).for_each(|((probabilities, gradient), out)| {
        let pixels = probabilities.chunks_exact(classes).zip(gradient.chunks_exact(classes));
        for ((p, slope), out) in pixels.zip(out.chunks_exact_mut(classes)) {
            let dot = p.iter().zip(slope).map(|(p, slope)| p * slope).sum::<f32>();
            for (out, (p, slope)) in out.iter_mut().zip(p.iter().zip(slope)) {
                *out = p * (slope - dot);
            }
        }
    });
}

fn add<T: Copy + Into<f64>>(sums: &mut [Vec<f64>; 2], more: &[Vec<T>; 2]) {
    for (sums, more) in sums.iter_mut().zip(more) {
        sums.iter_mut().zip(more).for_each(|(sum, &more)| *sum += more.into());
    }
}
