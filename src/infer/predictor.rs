//! A trained network, ready for windows of a raster.

use burn::tensor::{Device, Tensor, TensorData};

use super::WindowScores;
use crate::{
    chip::{Chip, Normalisation},
    error::{Error, Result},
    model::{Network, Segmenter},
    raster::Pixels,
    scene::Sample,
};

/// Gives class probabilities of windows.
#[derive(Debug)]
pub struct Predictor {
    name: String,
    network: Network,
    normalisation: Normalisation,
    n_classes: usize,
    device: Device,
}

impl Predictor {
    /// `network` must be in evaluation mode (burn's `valid()`) on `device`, and trained on values
    /// normalised by `normalisation`. `name` is what errors call the model.
    pub fn new(
        name: String,
        network: Network,
        normalisation: Normalisation,
        n_classes: usize,
        device: Device,
    ) -> Self {
        Self { name, network, normalisation, n_classes, device }
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Softmax probabilities of a square window, or `None` if it holds no data.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the model if a probability is not a number.
    pub fn scores(&self, pixels: Pixels) -> Result<Option<WindowScores>> {
        if !pixels.valid.contains(&true) {
            return Ok(None);
        }
        let labels = vec![crate::label::IGNORE; pixels.n_pixels()];
        let chip = Chip::from_sample(&Sample { pixels, labels }, &self.normalisation);
        let data = TensorData::new(chip.values, [1, chip.n_bands, chip.size_px, chip.size_px]);
        let images = Tensor::<4>::from_data(data, &self.device);
        let probabilities = self.network.forward(images).probabilities();
        let probabilities: Vec<f32> = probabilities.into_data().iter().collect();
        if let Some(found) = probabilities.iter().find(|it| !it.is_finite()) {
            let what = format!("probabilities of the model `{}`", self.name);
            let wanted = "numbers; its weights are broken, or the image has values far from those \
                          that it was trained on";
            return Err(Error::data(what, found, wanted));
        }
        Ok(Some(WindowScores { probabilities, valid: chip.valid }))
    }
}
