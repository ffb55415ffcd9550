//! Dropout.

use burn::{
    module::Module,
    tensor::{Tensor, TensorData},
};
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    model::{Features, features::Layer},
    random::{Purpose, generator},
};

/// What a forward pass is for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pass {
    /// The main logits alone.
    #[default]
    Prediction,
    /// A step of training: with side branches, and random draws of this seed and step.
    Training {
        /// That of the run.
        seed: u64,
        /// Steps before this one.
        step: u64,
        /// Batches of this step before this one.
        part: u64,
        /// Multiplies the probability of dropout, `[0, 1]`.
        drop_factor: f64,
    },
}

impl Pass {
    /// The first batch of a step, with dropout as the model has it.
    pub const fn training(seed: u64, step: u64) -> Self {
        Self::Training { seed, step, part: 0, drop_factor: 1.0 }
    }
}

/// What dropout drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DropKind {
    /// Each value by itself.
    Element,
    /// Whole channels of an image.
    Spatial,
}

/// Dropout: in training some values become 0, and the others larger, so that the mean stays.
///
/// ```text
/// y = x / (1 - drop_prob) with probability 1 - drop_prob, else 0
/// ```
///
/// What is dropped is a function of the pass alone, not of what was drawn before.
///
/// Source: Srivastava et al. 2014, <https://jmlr.org/papers/v15/srivastava14a.html>; spatial:
/// Tompson et al. 2015, <https://arxiv.org/abs/1411.4280>.
#[derive(Module, Debug)]
pub struct Dropout {
    drop_prob: f64,
    #[module(skip)]
    kind: DropKind,
}

impl Dropout {
    /// Drops with a probability in `[0, 1)`. A network has one such layer: another one would drop the
    /// same.
    pub fn new(drop_prob: f64, kind: DropKind) -> Self {
        Self { drop_prob, kind }
    }

    /// Features of the same shape; the same ones in prediction.
    pub fn forward(&self, images: Features, pass: Pass) -> Features {
        let Pass::Training { seed, step, part, drop_factor } = pass else { return images };
        let drop_prob = self.drop_prob * drop_factor;
        if drop_prob == 0.0 {
            return images;
        }
        let shape @ [batch, _, _, channels] = images.shape();
        let mask_shape = match self.kind {
            DropKind::Element => shape,
            DropKind::Spatial => [batch, 1, 1, channels],
        };
        images.through(Layer::plain("dropout", shape), |tensor| {
            let rng = &mut generator(seed, Purpose::Dropout, step, part);
            let factors = factors(mask_shape, drop_prob, rng);
            let place = (&tensor.device(), tensor.dtype());
            tensor * Tensor::from_data(TensorData::new(factors, mask_shape), place)
        })
    }
}

fn factors(shape: [usize; 4], drop_prob: f64, rng: &mut impl Rng) -> Vec<f32> {
    let kept = (1.0 / (1.0 - drop_prob)) as f32;
    let mut factor = || if rng.random::<f64>() < drop_prob { 0.0 } else { kept };
    (0..shape.iter().product()).map(|_| factor()).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    const SHAPE: [usize; 4] = [2, 30, 20, 10];

    fn dropped(kind: DropKind, pass: Pass) -> Vec<f32> {
        let ones = Features::from_channels_last(Tensor::ones(SHAPE, &Device::flex()));
        let output = Dropout::new(0.3, kind).forward(ones, pass);
        output.into_channels_last().into_data().iter().collect()
    }

    #[test]
    fn the_mean_stays_and_the_rest_is_scaled() {
        let values = dropped(DropKind::Element, Pass::training(1, 2));
        assert!(values.iter().all(|&it| it == 0.0 || (it - 1.0 / 0.7).abs() < 1e-6));
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        // Five standard errors: 5 sqrt(0.3 / 0.7 / 12000).
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
    }

    #[test]
    fn spatial_dropout_drops_channels_of_an_image() {
        let values = dropped(DropKind::Spatial, Pass::training(1, 2));
        let n_pixels = 30 * 20;
        for image in values.chunks(n_pixels * 10) {
            for pixel in image.chunks(10) {
                assert_eq!(pixel, &image[..10]);
            }
        }
        assert!(values.contains(&0.0) && values.iter().any(|&it| it != 0.0));
    }

    #[test]
    fn draws_depend_on_the_step_alone() {
        let step = |step| dropped(DropKind::Element, Pass::training(1, step));
        assert_eq!(step(3), step(3));
        assert_ne!(step(3), step(4));
        assert!(dropped(DropKind::Element, Pass::Prediction).iter().all(|&it| it == 1.0));
    }
}
