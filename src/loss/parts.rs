//! What a batch contributes to a loss.

use burn::tensor::{DType, Device, Tensor};

use super::ClassSums;

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

impl Weighted {
    /// The sum over the weight, 0 if that is 0; `[1]`.
    pub fn per_weight(&self) -> Tensor<1> {
        let is_empty = self.weight.clone().lower_equal_elem(0.0);
        let weight = self.weight.clone().mask_fill(is_empty.clone(), 1.0);
        (self.sum.clone() / weight).mask_fill(is_empty, 0.0)
    }
}

/// What a batch contributes to a loss: enough to compute the loss of several batches together.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are a few of them per batch")]
pub enum Parts {
    /// Of a loss that is a mean over pixels.
    Pixels(Weighted),
    /// Of a loss that is a function of sums by image and class.
    Regions(ClassSums),
}

impl Parts {
    /// The same in double precision in main memory, where many can be added without loss.
    pub fn in_main_memory(self) -> Self {
        match self {
            Self::Pixels(Weighted { sum, weight }) => {
                Self::Pixels(Weighted { sum: in_main_memory(sum), weight: in_main_memory(weight) })
            }
            Self::Regions(sums) => Self::Regions(sums.map(in_main_memory)),
        }
    }

    /// Those of two batches together.
    ///
    /// # Panics
    ///
    /// If they are of losses of different kinds.
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Pixels(a), Self::Pixels(b)) => {
                Self::Pixels(Weighted { sum: a.sum + b.sum, weight: a.weight + b.weight })
            }
            (Self::Regions(a), Self::Regions(b)) => Self::Regions(a.join(b)),
            (Self::Pixels(_), Self::Regions(_)) | (Self::Regions(_), Self::Pixels(_)) => {
                panic!("parts of a pixel loss and of a region loss do not add up")
            }
        }
    }
}

fn in_main_memory<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    Tensor::from_data(tensor.into_data().convert_dtype(DType::F64), (&Device::flex(), DType::F64))
}
