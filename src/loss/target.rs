//! What a loss compares logits with.

use std::fmt;

use burn::tensor::{Bool, Int, Tensor, TensorData};

use super::channels::channels_last;
use crate::{error::Error, label::IGNORE};

/// What is known of a batch, with what counts of it.
#[derive(Clone, Debug)]
pub enum Target {
    /// One class per pixel.
    Classes {
        /// Class index, or [`IGNORE`] where there is no label; `[batch, row, col]`.
        labels: Tensor<3, Int>,
        /// Signed distance of each pixel to the border of each class, in pixels, positive outside;
        /// `[batch, class, row, col]`. Only boundary losses look at it.
        distances: Option<Tensor<4>>,
    },
    /// A probability for each class of a pixel.
    Soft {
        /// In `[0, 1]`, with sum 1 over the classes; `[batch, class, row, col]`.
        probabilities: Tensor<4>,
        /// Which pixels count; `[batch, row, col]`.
        valid: Tensor<3, Bool>,
    },
    /// Yes or no for every channel by itself: binary with one channel, multi-label with several.
    Labels {
        /// 0 or 1; `[batch, channel, row, col]`.
        labels: Tensor<4>,
        /// Which of them count; `[batch, channel, row, col]`.
        valid: Tensor<4, Bool>,
    },
    /// Real values.
    Values {
        /// `[batch, channel, row, col]`.
        values: Tensor<4>,
        /// Which of them count; `[batch, channel, row, col]`.
        valid: Tensor<4, Bool>,
    },
}

impl Target {
    /// One class index per pixel, `[batch, row, col]`, [`IGNORE`] where there is none.
    pub fn classes(labels: Tensor<3, Int>) -> Self {
        Self::Classes { labels, distances: None }
    }

    /// The refusal of a loss that has no meaning for this target.
    pub fn refused_by(&self, loss: &str) -> Error {
        Error::config("loss.kind", loss, format!("has no meaning for {self}"))
    }

    /// The same target without `border_px` pixels on every side.
    pub(super) fn cropped(self, border_px: usize) -> Self {
        fn cut<const D: usize, K: burn::tensor::kind::Basic>(
            tensor: Tensor<D, K>,
            border_px: usize,
        ) -> Tensor<D, K> {
            super::channels::cropped(tensor, [D - 2, D - 1], border_px)
        }
        match self {
            Self::Classes { labels, distances } => Self::Classes {
                labels: cut(labels, border_px),
                distances: distances.map(|it| cut(it, border_px)),
            },
            Self::Soft { probabilities, valid } => Self::Soft {
                probabilities: cut(probabilities, border_px),
                valid: cut(valid, border_px),
            },
            Self::Labels { labels, valid } => {
                Self::Labels { labels: cut(labels, border_px), valid: cut(valid, border_px) }
            }
            Self::Values { values, valid } => {
                Self::Values { values: cut(values, border_px), valid: cut(valid, border_px) }
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classes { .. } => "class indices",
            Self::Soft { .. } => "class probabilities",
            Self::Labels { .. } => "binary or multi-label targets",
            Self::Values { .. } => "real values",
        })
    }
}

/// A target as numbers beside the logits, channels last, without gradient.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// Share of each class, in `[0, 1]`, 0 where nothing counts; `[batch, row, col, class]`.
    pub shares: Tensor<4>,
    /// 1 where it counts, else 0; `[batch, row, col, 1]`, or one for every channel.
    pub valid: Tensor<4>,
    /// Whether the classes of a pixel exclude each other: softmax, not sigmoid, makes probabilities.
    pub is_exclusive: bool,
}

impl Reference {
    /// The target of `logits`, `[batch, class, row, col]`; `None` for real values.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit.
    pub fn of(target: &Target, logits: &Tensor<4>) -> Option<Self> {
        let [batch, n_classes, rows, cols] = logits.dims();
        let float = |mask: Tensor<4, Bool>| mask.float().cast(logits.dtype());
        match target {
            Target::Classes { labels, .. } => {
                assert_eq!(labels.dims(), [batch, rows, cols], "labels do not match logits");
                let labels = labels.clone().unsqueeze_dim::<4>(3);
                let valid = float(labels.clone().equal_elem(IGNORE).bool_not());
                let indices: Vec<i32> = (0..n_classes as i32).collect();
                let indices =
                    TensorData::new(indices, [1, 1, 1, n_classes]).convert_dtype(labels.dtype());
                let indices = Tensor::<4, Int>::from_data(indices, &labels.device());
                let shape = [batch, rows, cols, n_classes];
                let shares = float(labels.expand(shape).equal(indices.expand(shape)));
                Some(Self { shares, valid, is_exclusive: true })
            }
            Target::Soft { probabilities, valid } => {
                assert_eq!(probabilities.dims(), logits.dims(), "targets do not match logits");
                let valid = float(valid.clone().unsqueeze_dim(3));
                let shares = channels_last(probabilities.clone()) * valid.clone();
                Some(Self { shares, valid, is_exclusive: true })
            }
            Target::Labels { labels, valid } => {
                assert_eq!(labels.dims(), logits.dims(), "targets do not match logits");
                let valid = float(channels_last_mask(valid.clone()));
                let shares = channels_last(labels.clone()) * valid.clone();
                Some(Self { shares, valid, is_exclusive: false })
            }
            Target::Values { .. } => None,
        }
    }
}

pub(super) fn channels_last_mask(mask: Tensor<4, Bool>) -> Tensor<4, Bool> {
    mask.permute([0, 2, 3, 1])
}
