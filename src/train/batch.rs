//! Chips as tensors.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::{chip::Chip, loss::Target};

/// Chips of one size, stacked.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Normalised values, 0 where masked; `[batch, band, row, col]`. In memory the bands of a pixel
    /// lie side by side, as models want them.
    pub images: Tensor<4>,
    /// Class index or [`IGNORE`](crate::label::IGNORE); `[batch, row, col]`.
    pub labels: Tensor<3, Int>,
    /// Signed distances to the border of each class, `[batch, class, row, col]`, if the loss wants
    /// them.
    pub distances: Option<Tensor<4>>,
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
        let values: Vec<f32> = chips.iter().flat_map(channels_last).collect();
        let labels: Vec<i32> =
            chips.iter().flat_map(|it| it.labels.iter().map(|&label| i32::from(label))).collect();
        let n = chips.len();
        let images = TensorData::new(values, [n, size, size, n_bands]);
        let labels = TensorData::new(labels, [n, size, size]);
        Self {
            images: Tensor::<4>::from_data(images, device).permute([0, 3, 1, 2]),
            labels: Tensor::from_data(labels, device),
            distances: distances(chips, device),
        }
    }

    /// The labels as losses take them.
    pub fn target(&self) -> Target {
        Target::Classes { labels: self.labels.clone(), distances: self.distances.clone() }
    }
}

/// Those of all chips, if they have any.
fn distances(chips: &[Chip], device: &Device) -> Option<Tensor<4>> {
    let of_chip = |chip: &Chip| chip.distances.as_deref().map(<[f32]>::to_vec);
    let all: Vec<Vec<f32>> = chips.iter().map(of_chip).collect::<Option<_>>()?;
    let size = chips[0].size_px;
    let n_classes = all[0].len() / (size * size);
    let data = TensorData::new(all.concat(), [chips.len(), n_classes, size, size]);
    Some(Tensor::from_data(data, device))
}

/// The values of `chip` in the order `[row, col, band]`.
fn channels_last(chip: &Chip) -> impl Iterator<Item = f32> + '_ {
    let n_pixels = chip.values.len() / chip.n_bands;
    let bands_of = move |pixel| (0..chip.n_bands).map(move |band| band * n_pixels + pixel);
    (0..n_pixels).flat_map(bands_of).map(|index| chip.values[index])
}
