//! Sums over the pixels of an image by class, which region losses are functions of.

use burn::tensor::{Int, Tensor};
use swath_kernels::burn::class_sums;

use super::{
    Target,
    channels::{channels_last, constant, host_labels, probabilities},
    target::Reference,
};
use crate::{error::Result, label::IGNORE};

/// How many numbers are added in one go.
const ROW: usize = 256;

/// Sums over the pixels that count, for each image and class; all `[image, class]`.
#[derive(Clone, Debug)]
pub struct ClassSums {
    /// Of probability times share of the class: true positives.
    pub intersection: Tensor<2>,
    /// Of the probabilities: what the model says.
    pub predicted: Tensor<2>,
    /// Of the shares of the class in the target; without gradient.
    pub reference: Tensor<2>,
}

impl ClassSums {
    /// Those of `logits`, `[batch, class, row, col]`. The probabilities are their softmax where
    /// classes exclude each other, else their sigmoid.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config), naming `loss`, for real-valued targets.
    ///
    /// # Panics
    ///
    /// If target and logits differ in shape.
    pub fn new(logits: Tensor<4>, target: &Target, loss: &str) -> Result<Self> {
        if let Target::Classes { labels, .. } = target
            && let Some(sums) =
                class_sums(channels_last(logits.clone()), labels.clone(), i64::from(IGNORE))
        {
            let [_, batch, n_classes] = sums.dims();
            let of = |index| sums.clone().narrow(0, index, 1).reshape([batch, n_classes]);
            return Ok(Self {
                intersection: of(0),
                predicted: of(1),
                reference: count_classes(labels, n_classes, &logits),
            });
        }
        let Some(Reference { shares, valid, is_exclusive }) = Reference::of(target, &logits) else {
            return Err(target.refused_by(loss));
        };
        let p = probabilities(channels_last(logits), is_exclusive) * valid;
        Ok(Self {
            intersection: sum_pixels(p.clone() * shares.clone()),
            predicted: sum_pixels(p),
            reference: sum_pixels(shares),
        })
    }

    /// Sums over all images, `[1, class]`.
    pub fn pooled(&self) -> Self {
        self.map(|sums| {
            let [n_images, n_classes] = sums.dims();
            sum_rows(sums.reshape([1, n_images, n_classes]))
        })
    }

    /// Those of the images of both.
    pub fn join(self, other: Self) -> Self {
        let cat = |a, b| Tensor::cat(vec![a, b], 0);
        Self {
            intersection: cat(self.intersection, other.intersection),
            predicted: cat(self.predicted, other.predicted),
            reference: cat(self.reference, other.reference),
        }
    }

    /// Says of what is not there: probability without the class.
    pub fn false_positives(&self) -> Tensor<2> {
        self.predicted.clone() - self.intersection.clone()
    }

    /// Misses of what is there: share of the class without probability.
    pub fn false_negatives(&self) -> Tensor<2> {
        self.reference.clone() - self.intersection.clone()
    }

    /// 1 for classes that the target has, else 0; without gradient.
    pub fn presence(&self) -> Tensor<2> {
        self.reference.clone().greater_elem(0.0).float().cast(self.reference.dtype())
    }

    pub(super) fn map(&self, with: impl Fn(Tensor<2>) -> Tensor<2>) -> Self {
        Self {
            intersection: with(self.intersection.clone()),
            predicted: with(self.predicted.clone()),
            reference: with(self.reference.clone()),
        }
    }
}

/// Pixels of each class in each image, `[batch, class]`, of the type of `like`.
fn count_classes(labels: &Tensor<3, Int>, n_classes: usize, like: &Tensor<4>) -> Tensor<2> {
    let [batch, rows, cols] = labels.dims();
    let mut counts = vec![0.0; batch * n_classes];
    for (pixel, label) in host_labels(labels).into_iter().enumerate() {
        if label != i64::from(IGNORE) {
            counts[pixel / (rows * cols) * n_classes + label as usize] += 1.0;
        }
    }
    constant(counts, [batch, n_classes], like)
}

/// `[batch, row, col, class]` to `[batch, class]`.
fn sum_pixels(values: Tensor<4>) -> Tensor<2> {
    let [batch, rows, cols, n_classes] = values.dims();
    sum_rows(values.reshape([batch, rows * cols, n_classes]))
}

/// `[batch, n, class]` to `[batch, class]`, added in a fixed order, some at a time so that small
/// values are not lost in large sums.
fn sum_rows(mut values: Tensor<3>) -> Tensor<2> {
    loop {
        let [batch, n, n_classes] = values.dims();
        if n <= ROW {
            return values.sum_dim(1).reshape([batch, n_classes]);
        }
        let n_rows = n / ROW;
        let whole: Tensor<4> =
            values.clone().narrow(1, 0, n_rows * ROW).reshape([batch, n_rows, ROW, n_classes]);
        let mut sums: Tensor<3> = whole.sum_dim(2).reshape([batch, n_rows, n_classes]);
        if n_rows * ROW < n {
            let rest = values.narrow(1, n_rows * ROW, n % ROW).sum_dim(1);
            sums = Tensor::cat(vec![sums, rest], 1);
        }
        values = sums;
    }
}
