//! A trained network, ready for windows of a raster.

use burn::tensor::{Device, Tensor, TensorData, activation::softmax};

use super::WindowScores;
use crate::{
    chip::{Chip, Normalisation},
    model::{Network, Segmenter},
    raster::Pixels,
    scene::Sample,
};

/// Gives class probabilities of windows.
#[derive(Debug)]
pub struct Predictor {
    network: Network,
    normalisation: Normalisation,
    n_classes: usize,
    device: Device,
}

impl Predictor {
    /// `network` must be in evaluation mode (burn's `valid()`) on `device`, and trained on values
    /// normalised by `normalisation`.
    pub fn new(
        network: Network,
        normalisation: Normalisation,
        n_classes: usize,
        device: Device,
    ) -> Self {
        Self { network, normalisation, n_classes, device }
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Softmax probabilities of a square window, or `None` if it holds no data.
    pub fn scores(&self, pixels: Pixels) -> Option<WindowScores> {
        if !pixels.valid.contains(&true) {
            return None;
        }
        let labels = vec![crate::label::IGNORE; pixels.n_pixels()];
        let chip = Chip::from_sample(&Sample { pixels, labels }, &self.normalisation);
        let data = TensorData::new(chip.values, [1, chip.n_bands, chip.size_px, chip.size_px]);
        let images = Tensor::<4>::from_data(data, &self.device);
        let probabilities = softmax(self.network.forward(images).main, 1);
        let probabilities: Vec<f32> = probabilities.into_data().iter().collect();
        Some(WindowScores { probabilities, valid: chip.valid })
    }
}
