//! Which model to build.

use burn::{module::Module, tensor::Device};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ActivationKind, Architecture, Attention, DropKind, Encoder, Network, NormKind, Upsampling,
};
use crate::error::{Error, Result};

/// What `width` is in the published networks.
pub(super) const PUBLISHED_WIDTH: u32 = 64;

/// Most parameters of a network: 4 GB of weights, and three times that to train them.
const MAX_PARAMETERS: usize = 1_000_000_000;

/// The `[model]` table of a run file. A key that the architecture or the encoder cannot have is
/// refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "snake_case")]
pub struct ModelConfig {
    /// How features become a map.
    pub architecture: Architecture,
    /// How an image becomes features.
    pub encoder: Encoder,
    /// 64 for the published networks, 1 to 1024; all channels scale with it, and those of the first
    /// stage of a ResNet are this many. Networks of more than 1000000000 parameters are refused.
    pub width: u32,
    /// Stages of the encoder that are used; the coarsest features are at 1 over 2 to the power of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Channels of the decoder's blocks, coarsest first, at any width: as many as `depth` (`unet`,
    /// `unet-plus-plus`, `manet`), 4 (`geodl-unet`), none (`linknet`, which has those of its encoder),
    /// or 1 (others).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_channels: Option<Vec<u32>>,
    /// What follows a norm in the decoder. By default `relu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<ActivationKind>,
    /// Slope of a leaky ReLU below 0, 0 to 1. By default 0.01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_slope: Option<f64>,
    /// What follows a convolution in the decoder. By default `group` for `fpn`, else `batch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub norm: Option<NormKind>,
    /// The same in the encoder. By default that of the published network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_activation: Option<ActivationKind>,
    /// The same in the encoder. By default that of the published network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder_norm: Option<NormKind>,
    /// Share of the decoder's last features (in `deeplab-v3` and `deeplab-v3-plus` those of the
    /// pyramid pooling) that training drops, 0 up to 1. By default 0.5 for these two, 0.2 for `fpn` and
    /// `pspnet`, else 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_prob: Option<f64>,
    /// What is dropped. By default `spatial` for `fpn` and `pspnet`, else `element`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_kind: Option<DropKind>,
    /// How coarse features are enlarged. By default `nearest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upsampling: Option<Upsampling>,
    /// Pixels of the image for one of the encoder's coarsest features: 32, 16 or 8. By default 8 for
    /// `deeplab-v3`, 16 for `deeplab-v3-plus` and `pan`, and where the encoder cannot give that, what
    /// it gives; else 32. `linknet` and `manet`, which double at each block, take no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_stride: Option<u32>,
    /// Attention in the decoder. By default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// Pixels between the values of the three kernels of a pyramid pooling. By default 12, 24, 36, and
    /// 6, 12, 18 for `geodl-unet`; the papers have 6, 12, 18 at an output stride of 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<[u32; 3]>,
    /// Whether the kernels of a pyramid pooling work on each channel by itself first. By default true
    /// for `deeplab-v3-plus` and false for `deeplab-v3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separable: Option<bool>,
    /// `geodl-unet`: add the input of each pair of convolutions to its output.
    #[serde(skip_serializing_if = "is_false")]
    pub residual: bool,
    /// `geodl-unet`: factors for the channels that come out of the way down.
    #[serde(skip_serializing_if = "is_false")]
    pub squeeze_excite: bool,
    /// `geodl-unet`: pyramid pooling in place of the coarsest pair of convolutions.
    #[serde(skip_serializing_if = "is_false")]
    pub aspp: bool,
    /// Losses of side branches, beside that of the main logits: one branch for each number, which is
    /// what its loss counts, 0 or more. They begin at ever coarser blocks of the decoder (`unet`,
    /// `geodl-unet`), at the finest blocks of ever shallower U-Nets (`unet-plus-plus`), or at the
    /// encoder's features before the coarsest and at ever finer ones (others; 0.4 is usual there for
    /// one branch). By default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auxiliary: Vec<f64>,
    /// What training keeps as it is, with the statistics of its batch norms: names of parameters as in a
    /// state dictionary or what they begin with, such as `encoder` or `encoder.layer1`, or patterns with
    /// `*`, such as `*.bn1.*`. What is left must hold more than side branches. By default nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
}

fn is_false(it: &bool) -> bool {
    !it
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            architecture: Architecture::Unet,
            encoder: Encoder::Resnet34,
            width: PUBLISHED_WIDTH,
            depth: None,
            decoder_channels: None,
            activation: None,
            negative_slope: None,
            norm: None,
            encoder_activation: None,
            encoder_norm: None,
            drop_prob: None,
            drop_kind: None,
            upsampling: None,
            output_stride: None,
            attention: None,
            rates: None,
            separable: None,
            residual: false,
            squeeze_excite: false,
            aspp: false,
            auxiliary: Vec::new(),
            freeze: Vec::new(),
        }
    }
}

impl ModelConfig {
    /// Checks that the network for `n_bands` bands and `n_classes` classes is of a usable size.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if there is no band or no class, or it has more than a billion parameters.
    pub fn check_size(&self, n_bands: usize, n_classes: usize) -> Result<()> {
        for (key, n) in [("data.bands", n_bands), ("data.classes", n_classes)] {
            if n == 0 {
                return Err(Error::config(key, n, "a model needs one band and one class at least"));
            }
        }
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
    /// automatic differentiation. Nothing is frozen yet; see [`freeze`](super::freeze).
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
        self.blank(n_bands, n_classes, device).initialised(seed)
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
        Network::blank(self, n_bands, n_classes, device)
    }
}
