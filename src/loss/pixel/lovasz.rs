//! Lovász-softmax: the Jaccard loss itself, made smooth.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::PixelLoss;
use crate::{
    error::Result,
    loss::{
        Target, Weighted,
        channels::{channels_last, constant, host_values, probabilities},
        sum_fixed,
        target::Reference,
    },
};

/// The convex extension of the Jaccard loss, by class over all pixels of a batch.
///
/// ```text
/// e_i  = |y_i - p_i|, in falling order      J_k = 1 - (G - Σ_{i≤k} y_i) / (G + Σ_{i≤k} (1 - y_i))
/// l_c  = Σ_k e_k (J_k - J_{k-1})            G = Σ y
/// loss = Σ_c w_c l_c / Σ_c w_c              over the classes that the reference has
/// ```
///
/// Source: Berman et al. 2018, algorithm 1, <https://arxiv.org/abs/1705.08790>. Several batches have
/// no loss in common: the mean over them is one of their losses.
#[derive(Clone, Debug, PartialEq)]
pub struct Lovasz {
    /// Weight of each class, 0 or more.
    pub class_weights: Vec<f64>,
    /// Whether every image is measured by itself.
    pub per_image: bool,
}

impl PixelLoss for Lovasz {
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let reference = match target {
            Target::Classes { .. } => Reference::of(target, &logits),
            Target::Soft { .. } | Target::Labels { .. } | Target::Values { .. } => None,
        };
        let Some(Reference { shares, valid, .. }) = reference else {
            return Err(target.refused_by("lovasz"));
        };
        let [batch, rows, cols, n_classes] = shares.dims();
        let n_groups = if self.per_image { batch } else { 1 };
        let p = probabilities(channels_last(logits), true);
        let errors = (shares.clone() - p).abs() * valid.clone();
        let shape = [n_groups, batch / n_groups * rows * cols, n_classes];
        let (all, is_class) = (host_values(errors.clone()), host_values(shares));
        let is_valid = host_values(valid);

        // One after the other in the order of group and class; each has its place in the result.
        let slopes: Vec<Option<Vec<f64>>> = (0..n_groups * n_classes)
            .into_par_iter()
            .map(|index| {
                let (group, class) = (index / n_classes, index % n_classes);
                let at = |pixel: usize| (group * shape[1] + pixel) * n_classes + class;
                let counts = |&pixel: &usize| 0.0 < is_valid[group * shape[1] + pixel];
                let pixels: Vec<usize> = (0..shape[1]).filter(counts).collect();
                let errors: Vec<f32> = pixels.iter().map(|&it| all[at(it)]).collect();
                let is_class: Vec<bool> = pixels.iter().map(|&it| 0.0 < is_class[at(it)]).collect();
                let slopes = jaccard_slopes(&errors, &is_class)?;
                let mut spread = vec![0.0; shape[1]];
                for (pixel, slope) in pixels.into_iter().zip(slopes) {
                    spread[pixel] = slope;
                }
                Some(spread)
            })
            .collect();
        let (factors, n_present) = self.factors(&slopes, shape);
        let factors = constant(factors, errors.dims(), &errors);
        let weight = constant(vec![n_present], [1], &errors);
        Ok(Weighted { sum: sum_fixed(errors * factors), weight })
    }
}

impl Lovasz {
    /// What each error is multiplied with, `[group, pixel, class]`, and the number of groups with a
    /// class; slopes are by group and class.
    fn factors(
        &self,
        slopes: &[Option<Vec<f64>>],
        [n_groups, n_pixels, n_classes]: [usize; 3],
    ) -> (Vec<f64>, f64) {
        let mut factors = vec![0.0; n_groups * n_pixels * n_classes];
        let mut n_present = 0.0;
        for group in 0..n_groups {
            let slopes = &slopes[group * n_classes..][..n_classes];
            let present = slopes.iter().zip(&self.class_weights).filter(|(it, _)| it.is_some());
            let weight: f64 = present.map(|(_, weight)| weight).sum::<f64>();
            if weight <= 0.0 {
                continue;
            }
            n_present += 1.0;
            for (class, slopes) in slopes.iter().enumerate() {
                let share = self.class_weights[class] / weight;
                for (pixel, slope) in slopes.iter().flatten().enumerate() {
                    factors[(group * n_pixels + pixel) * n_classes + class] = share * slope;
                }
            }
        }
        (factors, n_present)
    }
}

/// A number that is larger for larger values.
pub(super) fn rank(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The slope of the Lovász extension for each error: the step of the Jaccard loss when its pixel is
/// added to the wrong ones. `None` without a pixel of the class.
pub(super) fn jaccard_slopes(errors: &[f32], is_class: &[bool]) -> Option<Vec<f64>> {
    let n_class = is_class.iter().filter(|&&it| it).count() as f64;
    if n_class == 0.0 {
        return None;
    }
    // Falling errors, and rising places among equals, as one number each: that sorts fastest.
    let key = |(place, error): (usize, &f32)| u64::from(!rank(*error)) << 32 | place as u64;
    let mut order: Vec<u64> = errors.iter().enumerate().map(key).collect();
    order.sort_unstable();
    let (mut n_hit, mut n_other, mut before) = (0.0, 0.0, 0.0);
    let mut slopes = vec![0.0; errors.len()];
    for key in order {
        let index = (key & u64::from(u32::MAX)) as usize;
        if is_class[index] {
            n_hit += 1.0;
        } else {
            n_other += 1.0;
        }
        let jaccard = 1.0 - (n_class - n_hit) / (n_class + n_other);
        slopes[index] = jaccard - before;
        before = jaccard;
    }
    Some(slopes)
}
