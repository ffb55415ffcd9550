//! Cross-entropy of a softmax, and its gradient.

use rayon::prelude::*;

use super::{
    ClassIndex,
    softmax::check,
    tile::{self, Tile},
};
use crate::{
    math::ln_from_one,
    parallel, scratch,
    simd::{Kernel, Vector, dispatch},
};

/// Most pixels of a tile.
const WIDTH: usize = 64;

/// Cross-entropy between logits, `[pixel, class]`, and one label for each pixel.
///
/// ```text
/// sum    = sum_i (1 - s) w[t_i] (-log p_i[t_i]) + s/C sum_c w[c] (-log p_i[c])       p = softmax(logits)
/// weight = sum_i w[t_i]
/// ```
///
/// over the pixels `i` whose label `t` is not to be ignored, with class weights `w`, smoothing `s` and
/// number of classes `C`.
///
/// Source: PyTorch's `cross_entropy`, whose mean is `sum / weight`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy<'a> {
    /// The weight of each class; their number is that of the classes.
    pub class_weights: &'a [f32],
    /// Share of the loss that is spread over all classes, in `[0, 1]`.
    pub label_smoothing: f64,
    /// The label of pixels that do not count.
    pub ignore: i64,
}

/// A loss before its division.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeightedLoss {
    /// Sum over the pixels.
    pub sum: f64,
    /// Sum of the weights; 0 if no pixel counts.
    pub weight: f64,
}

impl CrossEntropy<'_> {
    /// Sum and weight of the loss.
    ///
    /// # Panics
    /// If there is not one label for each pixel, or a label is neither a class nor to be ignored.
    pub fn forward<I: ClassIndex>(&self, logits: &[f32], labels: &[I]) -> WeightedLoss {
        let classes = self.check(logits, labels);
        let n_tasks = labels.len().div_ceil(tile::n_task(classes));
        let losses = (0..n_tasks).into_par_iter().with_max_len(1).map(|task| {
            let pixels = tile::pixels_of(task, classes, labels.len());
            let logits = &logits[pixels.start * classes..pixels.end * classes];
            let width = tile::n_pixels(classes);
            let values = &mut scratch::local(tile::n_values(classes));
            let tile = Tile { values, classes, width };
            dispatch(Loss { of: self, logits, labels: &labels[pixels], tile })
        });
        // Collected, and then added in the order of the pixels.
        let losses: Vec<WeightedLoss> = losses.collect();
        losses.into_iter().fold(WeightedLoss::default(), |total, it| WeightedLoss {
            sum: total.sum + it.sum,
            weight: total.weight + it.weight,
        })
    }

    /// `factor` times the gradient of the sum; 0 where a pixel is ignored.
    ///
    /// # Panics
    /// As [`CrossEntropy::forward`].
    pub fn gradient<I: ClassIndex>(
        &self,
        logits: &[f32],
        labels: &[I],
        factor: f64,
        out: &mut [f32],
    ) {
        let classes = self.check(logits, labels);
        assert_eq!(logits.len(), out.len(), "the output is not as long as the logits");
        parallel::parts(out, tile::n_task(classes) * classes, |task, out| {
            let pixels = tile::pixels_of(task, classes, labels.len());
            let logits = &logits[pixels.start * classes..pixels.end * classes];
            let width = tile::n_pixels(classes);
            let values = &mut scratch::local(tile::n_values(classes));
            let tile = Tile { values, classes, width };
            dispatch(Gradient { of: self, logits, labels: &labels[pixels], factor, tile, out });
        });
    }

    fn check<I>(&self, logits: &[f32], labels: &[I]) -> usize {
        let classes = self.class_weights.len();
        let pixels = check(classes, logits);
        assert_eq!(labels.len(), pixels, "there is not one label for each pixel");
        classes
    }

    /// The class of a label, unless it is to be ignored.
    #[inline(always)]
    fn class<I: ClassIndex>(&self, label: I) -> Option<usize> {
        let label = label.number();
        if label == self.ignore {
            return None;
        }
        let (classes, ignore) = (self.class_weights.len(), self.ignore);
        match usize::try_from(label) {
            Ok(class) if class < classes => Some(class),
            _ => panic!("label {label} is neither one of {classes} classes nor {ignore}"),
        }
    }

    fn sum_of_weights(&self) -> f64 {
        self.class_weights.iter().map(|&it| f64::from(it)).sum()
    }
}

struct Loss<'a, I> {
    of: &'a CrossEntropy<'a>,
    logits: &'a [f32],
    labels: &'a [I],
    tile: Tile<'a>,
}

impl<I: ClassIndex> Kernel for Loss<'_, I> {
    type Output = WeightedLoss;

    #[inline(always)]
    fn run<V: Vector>(self) -> WeightedLoss {
        let Loss { of, logits, labels, mut tile } = self;
        let classes = tile.classes;
        let of_label = (1.0 - of.label_smoothing) as f32;
        let of_all = (of.label_smoothing / classes as f64) as f32;
        let mut total = WeightedLoss::default();
        for (logits, labels) in logits.chunks(tile.width * classes).zip(labels.chunks(tile.width)) {
            tile.fill::<V>(logits);
            // Weight and logit of the label; 1 where the pixel counts.
            let (mut weights, mut own) = ([0.0f32; WIDTH], [0.0f32; WIDTH]);
            let mut counts = [0.0f32; WIDTH];
            for (pixel, &label) in labels.iter().enumerate() {
                let Some(class) = of.class(label) else { continue };
                weights[pixel] = of.class_weights[class];
                own[pixel] = logits[pixel * classes + class];
                counts[pixel] = 1.0;
            }
            let mut sum = V::zero();
            for pixel in (0..tile.width).step_by(V::LANES) {
                let top = tile.largest::<V>(pixel);
                let ln = ln_from_one(tile.sum_of_exps(pixel, top));
                // SAFETY: the arrays are as long as the widest tile.
                let (weight, own, counts) = unsafe {
                    (
                        V::load(weights.as_ptr().add(pixel)),
                        V::load(own.as_ptr().add(pixel)),
                        V::load(counts.as_ptr().add(pixel)),
                    )
                };
                let loss = top.sub(own).add(ln).mul(weight);
                sum = loss.mul_add(V::splat(of_label), sum);
                if of_all != 0.0 {
                    let mut all = V::zero();
                    for (class, &weight) in of.class_weights.iter().enumerate() {
                        let distance = top.sub(tile.load(class, pixel));
                        all = distance.add(ln).mul_add(V::splat(weight), all);
                    }
                    sum = all.mul(counts).mul_add(V::splat(of_all), sum);
                }
            }
            total.sum += f64::from(sum.sum());
            total.weight += weights.iter().map(|&it| f64::from(it)).sum::<f64>();
        }
        total
    }
}

struct Gradient<'a, I> {
    of: &'a CrossEntropy<'a>,
    logits: &'a [f32],
    labels: &'a [I],
    factor: f64,
    tile: Tile<'a>,
    out: &'a mut [f32],
}

impl<I: ClassIndex> Kernel for Gradient<'_, I> {
    type Output = ();

    // The derivative for class c is ((1 - s) w[t] + s/C sum w) p[c] - (1 - s) w[t] [c = t] - s/C w[c].
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Gradient { of, logits, labels, factor, mut tile, out } = self;
        let classes = tile.classes;
        let of_label = factor * (1.0 - of.label_smoothing);
        let of_all = factor * of.label_smoothing / classes as f64;
        let of_sum = (of_all * of.sum_of_weights()) as f32;
        let (of_label, of_all) = (of_label as f32, of_all as f32);
        let n = tile.width * classes;
        let outs = out.chunks_mut(n);
        for ((logits, labels), out) in logits.chunks(n).zip(labels.chunks(tile.width)).zip(outs) {
            tile.fill::<V>(logits);
            // What multiplies the probabilities, and what comes off for each class weight.
            let (mut scale, mut off) = ([0.0f32; WIDTH], [0.0f32; WIDTH]);
            for (pixel, &label) in labels.iter().enumerate() {
                if let Some(class) = of.class(label) {
                    scale[pixel] = of_label * of.class_weights[class] + of_sum;
                    off[pixel] = of_all;
                }
            }
            for pixel in (0..tile.width).step_by(V::LANES) {
                let sum = tile.exponentiate::<V>(pixel);
                // SAFETY: the arrays are as long as the widest tile.
                let (scale, off) = unsafe {
                    (V::load(scale.as_ptr().add(pixel)), V::load(off.as_ptr().add(pixel)))
                };
                let scale = scale.div(sum);
                for (class, &weight) in of.class_weights.iter().enumerate() {
                    let share = tile.load::<V>(class, pixel).mul(scale);
                    tile.store(class, pixel, off.neg_mul_add(V::splat(weight), share));
                }
            }
            for (pixel, &label) in labels.iter().enumerate() {
                if let Some(class) = of.class(label) {
                    tile.values[class * tile.width + pixel] -= of_label * of.class_weights[class];
                }
            }
            tile.copy_to::<V>(out);
        }
    }
}
