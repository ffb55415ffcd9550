//! Lovász-softmax: the Jaccard loss itself, made smooth.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::PixelLoss;
use crate::{
    error::Result,
    label::IGNORE,
    loss::{
        Target, Weighted,
        channels::{channels_last, constant, host_labels, host_values, probabilities},
        sum_fixed,
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
    fn ranks_pixels(&self) -> bool {
        true
    }

    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted> {
        let Target::Classes { labels, .. } = target else {
            return Err(target.refused_by("lovasz"));
        };
        let p = probabilities(channels_last(logits), true);
        let [batch, rows, cols, n_classes] = p.dims();
        let n_groups = if self.per_image { batch } else { 1 };
        let n_pixels = batch / n_groups * rows * cols;
        let (labels, all) = (host_labels(labels), host_values(p.clone()));
        let ranked: Vec<Option<Ranked>> = (0..n_groups * n_classes)
            .into_par_iter()
            .map(|index| {
                let (group, class) = (index / n_classes, index % n_classes);
                let labels = &labels[group * n_pixels..][..n_pixels];
                let p = all[group * n_pixels * n_classes..][..n_pixels * n_classes].iter();
                rank_class(labels, class, p.skip(class).step_by(n_classes))
            })
            .collect();

        // The order of the errors decides the slopes. With them, e = p or 1 - p makes the loss linear
        // in p: Σ slope · p + constant.
        let shares: Vec<Vec<f64>> = ranked.chunks(n_classes).map(|it| self.shares(it)).collect();
        let n_measured = shares.iter().filter(|it| it.iter().any(|&share| 0.0 < share)).count();
        let weighted = shares.iter().flatten().zip(&ranked);
        let offset: f64 = weighted
            .filter_map(|(share, ranked)| Some(share * ranked.as_ref()?.offset))
            .sum::<f64>();
        let mut slopes = vec![0.0; all.len()];
        slopes.par_chunks_mut(n_classes * cols).enumerate().for_each(|(row, slopes)| {
            let (group, first) = (row * cols / n_pixels, row * cols % n_pixels);
            for (class, share) in shares[group].iter().enumerate() {
                let Some(ranked) = &ranked[group * n_classes + class] else { continue };
                let of_class = slopes.iter_mut().skip(class).step_by(n_classes);
                for (slope, own) in of_class.zip(&ranked.slopes[first..]) {
                    *slope = share * own;
                }
            }
        });
        let slopes = constant(slopes, p.dims(), &p);
        let [offset, weight] = [offset, n_measured as f64].map(|it| constant(vec![it], [1], &p));
        Ok(Weighted { sum: sum_fixed(p * slopes) + offset, weight })
    }
}

impl Lovasz {
    /// Share of each class in the loss of a group; 0 where it does not occur.
    fn shares(&self, ranked: &[Option<Ranked>]) -> Vec<f64> {
        let weight = |(it, weight): (&Option<_>, &f64)| if it.is_some() { *weight } else { 0.0 };
        let weights: Vec<f64> = ranked.iter().zip(&self.class_weights).map(weight).collect();
        let sum = weights.iter().sum::<f64>();
        weights.into_iter().map(|it| if 0.0 < sum { it / sum } else { 0.0 }).collect()
    }
}

/// The loss of a class as a function of its probabilities: `Σ slope · p + offset`.
struct Ranked {
    /// By pixel; 0 where it does not count.
    slopes: Vec<f64>,
    offset: f64,
}

/// Ranks the errors of `class` at the pixels of a group; none where the class does not occur.
fn rank_class<'a>(
    labels: &[i64],
    class: usize,
    p: impl Iterator<Item = &'a f32>,
) -> Option<Ranked> {
    let is_class = |label: i64| label == class as i64;
    // The pixel, and whether it is of the class, below the error: see `jaccard_slopes`.
    let mut order: Vec<u64> = Vec::with_capacity(labels.len());
    for (pixel, (&label, &p)) in labels.iter().zip(p).enumerate() {
        if label != i64::from(IGNORE) {
            let error = if is_class(label) { 1.0 - p } else { p };
            order.push(u64::from(!rank(error)) << 32 | pixel as u64);
        }
    }
    order.sort_unstable();
    let n_class = labels.iter().filter(|&&it| is_class(it)).count();
    let mut walk = (0 < n_class).then(|| Walk::new(n_class))?;
    let mut ranked = Ranked { slopes: vec![0.0; labels.len()], offset: 0.0 };
    for key in order {
        let pixel = (key & u64::from(u32::MAX)) as usize;
        let slope = walk.step(is_class(labels[pixel]));
        if is_class(labels[pixel]) {
            ranked.slopes[pixel] = -slope;
            ranked.offset += slope;
        } else {
            ranked.slopes[pixel] = slope;
        }
    }
    Some(ranked)
}

/// The Jaccard loss while wrong pixels are added one by one.
struct Walk {
    n_class: f64,
    n_hit: f64,
    n_other: f64,
    before: f64,
}

impl Walk {
    fn new(n_class: usize) -> Self {
        Self { n_class: n_class as f64, n_hit: 0.0, n_other: 0.0, before: 0.0 }
    }

    /// Adds a pixel of the class, or another one; gives the step of the loss.
    fn step(&mut self, is_class: bool) -> f64 {
        if is_class {
            self.n_hit += 1.0;
        } else {
            self.n_other += 1.0;
        }
        let jaccard = 1.0 - (self.n_class - self.n_hit) / (self.n_class + self.n_other);
        let slope = jaccard - self.before;
        self.before = jaccard;
        slope
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
    let n_class = is_class.iter().filter(|&&it| it).count();
    if n_class == 0 {
        return None;
    }
    // Falling errors, and rising places among equals, as one number each: that sorts fastest.
    let key = |(place, error): (usize, &f32)| u64::from(!rank(*error)) << 32 | place as u64;
    let mut order: Vec<u64> = errors.iter().enumerate().map(key).collect();
    order.sort_unstable();
    let mut walk = Walk::new(n_class);
    let mut slopes = vec![0.0; errors.len()];
    for key in order {
        let index = (key & u64::from(u32::MAX)) as usize;
        slopes[index] = walk.step(is_class[index]);
    }
    Some(slopes)
}
