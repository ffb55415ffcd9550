//! Losses that are functions of sums over the pixels of a region.

mod overlap;

mod generalised_dice;

mod yeung_tversky;

pub use generalised_dice::GeneralisedDice;
pub use overlap::{AbsentClass, Averaging, Overlap, Shape};
pub use yeung_tversky::YeungTversky;

use std::fmt::Debug;

use burn::tensor::Tensor;

use super::ClassSums;

/// A loss that is a function of the sums by image and class.
pub trait RegionLoss: Debug + Send + Sync {
    /// The loss, `[1]`: finite, with finite gradients, whatever the sums, and 0 where no pixel
    /// counts.
    fn of(&self, sums: &ClassSums) -> Tensor<1>;
}
