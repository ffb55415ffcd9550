//! Losses that are means over pixels.

mod cross_entropy;

mod binary_cross_entropy;

mod focal;

mod one_vs_rest_focal;

mod hard_pixels;

mod lovasz;

mod lovasz_hinge;

mod distance;

mod boundary;

mod unified;

mod exponential_log;

mod log_likelihood;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use boundary::Boundary;
pub use cross_entropy::CrossEntropy;
pub use distance::{Distance, DistanceKind};
pub use exponential_log::LogPower;
pub use focal::Focal;
pub use hard_pixels::{HardPixels, Kept};
pub use lovasz::Lovasz;
pub use lovasz_hinge::LovaszHinge;
pub use one_vs_rest_focal::OneVsRestFocal;
pub use unified::{UnifiedDistribution, YeungFocal};

use std::fmt::Debug;

use burn::tensor::Tensor;

use super::{Target, Weighted};
use crate::error::Result;

/// A loss that is a mean over pixels.
pub trait PixelLoss: Debug + Send + Sync {
    /// Sum and weight of the loss of `logits`, `[batch, class, row, col]`: finite, with finite
    /// gradients, whatever the logits; both 0 where nothing counts.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if the loss has no meaning for such a target.
    fn sum(&self, logits: Tensor<4>, target: &Target) -> Result<Weighted>;

    /// Whether it looks at the distances of [`Target::Classes`], which take time to make.
    fn needs_distances(&self) -> bool {
        false
    }

    /// Whether what a pixel counts depends on the other pixels of the batch, so that the sums of
    /// batches do not add up to that of all their pixels.
    fn ranks_pixels(&self) -> bool {
        false
    }
}

/// How many values a mean is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// Those that count.
    #[default]
    Valid,
    /// All, also those whose loss is 0 because they do not count: batches with much that is ignored
    /// get less loss. segmentation_models.pytorch and nnU-Net.
    All,
}
