//! Which model to build.

use burn::{module::Module, tensor::Device};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Network, Unet};
use crate::error::{Error, Result};

/// Channels of the first encoder stage of the published networks.
const PUBLISHED_WIDTH: u32 = 64;

/// The coarsest features have one pixel for this many of the image.
const COARSEST_PX: u32 = 32;

/// Most parameters of a network: 4 GB of weights, and three times that to train them.
const MAX_PARAMETERS: usize = 1_000_000_000;

/// The `[model]` table of a run file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ModelConfig {
    /// How features become a map.
    pub architecture: Architecture,
    /// How an image becomes features.
    pub encoder: Encoder,
    /// Channels of the first encoder stage, 1 to 1024; all others scale with it. The published
    /// networks have 64. Networks of more than 1000000000 parameters are refused.
    pub width: u32,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            architecture: Architecture::Unet,
            encoder: Encoder::Resnet34,
            width: PUBLISHED_WIDTH,
        }
    }
}

/// How features become a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// U-Net.
    Unet,
}

/// How an image becomes features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoder {
    /// ResNet-18, 11 million parameters at full width.
    Resnet18,
    /// ResNet-34, 21 million parameters at full width.
    Resnet34,
}

/// Channels and blocks of a network, finest features first for the encoder and last for the
/// decoder.
pub(super) struct Widths {
    pub encoder: [usize; 5],
    pub n_blocks: [usize; 4],
    pub decoder: [usize; 5],
}

impl ModelConfig {
    /// Checks the settings by themselves.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the width is out of range.
    pub fn check(&self) -> Result<()> {
        if !(1..=1024).contains(&self.width) {
            return Err(Error::config("model.width", self.width, "must lie in 1..=1024"));
        }
        Ok(())
    }

    /// Checks that the model can be trained on batches of `batch` chips of `size_px`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the coarsest features of a batch are a single pixel: batch norm needs
    /// two or more.
    pub fn check_batch(&self, batch: u32, size_px: u32) -> Result<()> {
        if batch < 2 && size_px <= COARSEST_PX {
            return Err(Error::config(
                "train.batch",
                batch,
                format!("must be 2 or more with chips of {COARSEST_PX} px or less"),
            ));
        }
        Ok(())
    }

    /// Checks that the model can be trained on epochs of `n_chips` chips of `size_px`, `batch` of
    /// them in each step but the last, which takes the rest.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the rest is a single chip whose coarsest features are a single pixel.
    pub fn check_epoch(&self, n_chips: u32, batch: u32, size_px: u32) -> Result<()> {
        if n_chips % batch == 1 && size_px <= COARSEST_PX {
            let rule = format!(
                "leaves a single chip for the last step of an epoch (train.batch = {batch}), too \
                 few for batch norm with chips of {COARSEST_PX} px or less; set \
                 `chips.per_epoch = {}` or another `train.batch`",
                n_chips + 1
            );
            return Err(Error::config("chips.per_epoch", n_chips, rule));
        }
        Ok(())
    }

    /// Checks that the network for `n_bands` bands and `n_classes` classes is of a usable size.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if it has more than a billion parameters.
    pub fn check_size(&self, n_bands: usize, n_classes: usize) -> Result<()> {
        let n_parameters = self.blank(n_bands, n_classes, &Device::flex()).num_params();
        if MAX_PARAMETERS < n_parameters {
            let rule = format!(
                "makes a network of {n_parameters} parameters with {n_bands} bands; at most \
                 {MAX_PARAMETERS} can be trained"
            );
            return Err(Error::config("model.width", self.width, rule));
        }
        Ok(())
    }

    /// A new network for `n_bands` bands and `n_classes` classes.
    ///
    /// Equal arguments give equal weights on one machine, at any number of threads. On another
    /// system or processor the logarithm and cosine behind normal draws may differ in the last bit,
    /// and with them a weight. The network is in training mode, and trains where `device` does
    /// automatic differentiation.
    ///
    /// # Panics
    ///
    /// If [`check`](Self::check) fails, or there is no band or class.
    ///
    /// # Example
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use swath::model::{Encoder, ModelConfig, Segmenter};
    ///
    /// let device = Device::flex();
    /// let config = ModelConfig { encoder: Encoder::Resnet18, width: 4, ..Default::default() };
    /// let network = config.build(6, 3, 42, &device);
    /// let logits = network.forward(Tensor::zeros([2, 6, 40, 50], &device)).main;
    /// assert_eq!(logits.dims(), [2, 3, 40, 50]);
    /// ```
    pub fn build(&self, n_bands: usize, n_classes: usize, seed: u64, device: &Device) -> Network {
        match self.blank(n_bands, n_classes, device) {
            Network::Unet(unet) => Network::Unet(unet.initialised(seed)),
        }
    }

    /// The same network with convolution weights of 0, for weights that are loaded or counted.
    ///
    /// The weights are made when they are first used: until then even the largest network takes
    /// next to no memory.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build).
    pub fn blank(&self, n_bands: usize, n_classes: usize, device: &Device) -> Network {
        assert!(self.check().is_ok() && 0 < n_bands && 0 < n_classes, "{self:?} is not checked");
        match self.architecture {
            Architecture::Unet => {
                Network::Unet(Unet::new(n_bands, n_classes, &self.widths(), device))
            }
        }
    }

    fn widths(&self) -> Widths {
        let scaled = |published: u32| (published * self.width / PUBLISHED_WIDTH).max(1) as usize;
        Widths {
            encoder: [64, 64, 128, 256, 512].map(scaled),
            n_blocks: match self.encoder {
                Encoder::Resnet18 => [2, 2, 2, 2],
                Encoder::Resnet34 => [3, 4, 6, 3],
            },
            decoder: [256, 128, 64, 32, 16].map(scaled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(n_chips: u32, batch: u32, size_px: u32, is_fine: bool) {
        let checked = ModelConfig::default().check_epoch(n_chips, batch, size_px);
        assert_eq!(checked.is_ok(), is_fine, "{n_chips} chips by {batch} of {size_px} px");
    }

    #[test]
    fn a_last_step_of_one_small_chip_is_refused() {
        check(9, 8, 32, false);
        check(1, 8, 32, false);
        check(9, 8, 33, true);
        for n_chips in [8, 10, 16] {
            check(n_chips, 8, 32, true);
        }
    }
}
