//! Chips as tensors.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::chip::Chip;

/// Chips of one size, stacked.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Normalised values, 0 where masked; `[batch, band, row, col]`.
    pub images: Tensor<4>,
    /// Class index or [`IGNORE`](crate::label::IGNORE); `[batch, row, col]`.
    pub labels: Tensor<3, Int>,
}

impl Batch {
    /// Stacks `chips` on `device`.
    ///
    /// # Panics
    ///
    /// If there is no chip, or they differ in bands or size.
    pub fn new(chips: &[Chip], device: &Device) -> Self {
        let (n_bands, size) = (chips[0].n_bands, chips[0].size_px);
        assert!(
            chips.iter().all(|it| it.n_bands == n_bands && it.size_px == size),
            "chips of a batch differ in bands or size"
        );
        let values: Vec<f32> = chips.iter().flat_map(|it| it.values.iter().copied()).collect();
        let labels: Vec<i32> =
            chips.iter().flat_map(|it| it.labels.iter().map(|&label| i32::from(label))).collect();
        let n = chips.len();
        let images = TensorData::new(values, [n, n_bands, size, size]);
        let labels = TensorData::new(labels, [n, size, size]);
        Self {
            images: Tensor::from_data(images, device),
            labels: Tensor::from_data(labels, device),
        }
    }
}
