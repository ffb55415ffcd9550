//! What all models have in common.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use swath_kernels::{Interpolation, burn::softmax};

use super::{
    Architecture, Conv2d, Decoder, Dropout, EncoderNetwork, Features, GeodlUnet, Initial,
    ModelConfig, Pass, decoders::Pyramid, initialise,
};

/// What a model says about a batch.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// Logits, `[batch, class, row, col]`, of the size of the images.
    pub main: Tensor<4>,
    /// Side branches, in training only.
    pub auxiliary: Vec<SideOutput>,
}

/// What a side branch says.
#[derive(Clone, Debug)]
pub struct SideOutput {
    /// What its loss counts beside that of the main logits.
    pub weight: f64,
    /// Logits, shaped as the main ones.
    pub logits: Tensor<4>,
}

impl Outputs {
    /// Softmax of the main logits over the classes: `[batch, class, row, col]`, in `[0, 1]`.
    pub fn probabilities(self) -> Tensor<4> {
        softmax(self.main.permute([0, 2, 3, 1])).permute([0, 3, 1, 2])
    }
}

/// A model that gives every pixel a logit per class.
pub trait Segmenter: Module {
    /// Logits of `images`, normalised values of shape `[batch, band, row, col]`.
    fn forward(&self, images: Tensor<4>) -> Outputs {
        self.forward_in(images, Pass::Prediction)
    }

    /// The same with what a pass of training has beside: side branches and dropout.
    fn forward_in(&self, images: Tensor<4>, pass: Pass) -> Outputs;
}

/// A model of any architecture, as [`ModelConfig::build`](super::ModelConfig::build) makes it.
#[derive(Module, Debug)]
pub enum Network {
    /// See [`EncoderDecoder`].
    EncoderDecoder(EncoderDecoder),
    /// See [`GeodlUnet`].
    GeodlUnet(GeodlUnet),
}

impl Network {
    /// A network with convolution weights of 0.
    pub(super) fn blank(
        config: &ModelConfig,
        n_bands: usize,
        n_classes: usize,
        device: &Device,
    ) -> Self {
        match config.architecture {
            Architecture::GeodlUnet => {
                Self::GeodlUnet(GeodlUnet::new(config, n_bands, n_classes, device))
            }
            Architecture::Unet
            | Architecture::UnetPlusPlus
            | Architecture::DeeplabV3
            | Architecture::DeeplabV3Plus
            | Architecture::Fpn
            | Architecture::Linknet
            | Architecture::PspNet
            | Architecture::Pan
            | Architecture::MaNet
            | Architecture::UperNet => {
                Self::EncoderDecoder(EncoderDecoder::new(config, n_bands, n_classes, device))
            }
        }
    }

    /// The same with weights drawn from `seed`.
    pub(super) fn initialised(self, seed: u64) -> Self {
        match self {
            Self::EncoderDecoder(it) => Self::EncoderDecoder(it.initialised(seed)),
            Self::GeodlUnet(it) => Self::GeodlUnet(it.initialised(seed)),
        }
    }

    /// The main logits, and those of side branches.
    pub(super) fn logits(&self, images: Features, pass: Pass) -> (Features, Vec<Features>) {
        match self {
            Self::EncoderDecoder(it) => it.logits(images, pass),
            Self::GeodlUnet(it) => it.logits(images, pass),
        }
    }
}

impl Segmenter for Network {
    fn forward_in(&self, images: Tensor<4>, pass: Pass) -> Outputs {
        match self {
            Self::EncoderDecoder(it) => it.forward_in(images, pass),
            Self::GeodlUnet(it) => it.forward_in(images, pass),
        }
    }
}

/// An encoder, a decoder, and a convolution from features to logits.
#[derive(Module, Debug)]
pub struct EncoderDecoder {
    encoder: EncoderNetwork,
    decoder: Decoder,
    segmentation_head: [Conv2d; 1],
    auxiliary_heads: Vec<Conv2d>,
    dropout: Dropout,
    /// Features of the encoder that are used.
    depth: usize,
    #[module(skip)]
    auxiliary_weights: Vec<f64>,
}

impl EncoderDecoder {
    fn new(config: &ModelConfig, n_bands: usize, n_classes: usize, device: &Device) -> Self {
        let spec = config.architecture.decoder().expect("it is made of encoder and decoder");
        let channels = config.encoder_widths();
        let (decoder, channels) = Decoder::new(config, &channels, device);
        let head = |&channels, kernel_px| {
            Conv2d::new([channels, n_classes], kernel_px, device).with_bias()
        };
        // Pyramid pooling has its dropout inside.
        let has_own = matches!(decoder, Decoder::DeepLabV3(_) | Decoder::DeepLabV3Plus(_));
        let dropout = if has_own { Dropout::new(0.0, spec.drop_kind) } else { config.dropout() };
        Self {
            encoder: EncoderNetwork::new(config, n_bands, device),
            decoder,
            segmentation_head: [head(&channels[0], spec.head_kernel_px)],
            auxiliary_heads: channels[1..].iter().map(|it| head(it, 1)).collect(),
            dropout,
            depth: config.resolved_depth(),
            auxiliary_weights: config.auxiliary.clone(),
        }
    }

    /// Its encoder.
    pub fn encoder(&self) -> &EncoderNetwork {
        &self.encoder
    }

    fn initialised(self, seed: u64) -> Self {
        let Self { encoder, decoder, segmentation_head: head, auxiliary_heads: sides, .. } = self;
        let initial = encoder.initial();
        Self {
            encoder: initialise(encoder, "encoder", initial, seed),
            decoder: initialise(decoder, "decoder", Initial::KaimingUniformFanIn, seed),
            segmentation_head: initialise(head, "segmentation_head", Initial::XavierUniform, seed),
            auxiliary_heads: initialise(sides, "auxiliary_heads", Initial::XavierUniform, seed),
            ..self
        }
    }

    fn logits(&self, images: Features, pass: Pass) -> (Features, Vec<Features>) {
        let image_px = images.size_px();
        let features = self.encoder.forward(images, self.depth);
        let decoded = self.decoder.forward(&Pyramid { features, image_px, pass });
        let logits = |head: &Conv2d, features| {
            head.forward(features).resample(image_px, Interpolation::BilinearCorners)
        };
        let [head] = &self.segmentation_head;
        let main = logits(head, self.dropout.forward(decoded.main, pass));
        let sides = decoded.sides.into_iter().zip(&self.auxiliary_heads);
        (main, sides.map(|(features, head)| logits(head, features)).collect())
    }
}

impl Segmenter for EncoderDecoder {
    fn forward_in(&self, images: Tensor<4>, pass: Pass) -> Outputs {
        let (main, sides) = self.logits(Features::from_images(images), pass);
        let sides = sides.into_iter().zip(&self.auxiliary_weights);
        let auxiliary = sides
            .map(|(logits, &weight)| SideOutput { weight, logits: logits.into_images() })
            .collect();
        Outputs { main: main.into_images(), auxiliary }
    }
}
