//! Losses: how wrong logits are.

mod reduce;

mod cross_entropy;

mod config;

pub use config::{LossConfig, LossKind};
pub use cross_entropy::CrossEntropy;
pub use reduce::sum_fixed;

use burn::tensor::Tensor;

/// A loss before its division, so that batches can be added and then divided once.
///
/// The loss of several batches is the sum of their sums over the sum of their weights, whether they
/// come one after the other or from several machines.
#[derive(Clone, Debug)]
pub struct Weighted {
    /// Sum of the loss over the pixels, each times its weight; `[1]`.
    pub sum: Tensor<1>,
    /// Sum of the weights, 0 if no pixel counts; `[1]`, without gradient.
    pub weight: Tensor<1>,
}
