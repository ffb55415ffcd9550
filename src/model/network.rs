//! What all models have in common.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use swath_kernels::{Interpolation, burn::softmax};

use super::{
    Conv2d, Decoder, Dropout, EncoderNetwork, Features, GeodlUnet, Initial, ModelConfig, Pass,
    SideHead,
    decoders::{Build, Decoded, Make, Pyramid, Sides},
    initialise,
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
        match config.architecture.spec().build {
            Build::Whole(new) => new(config, [n_bands, n_classes], device),
            Build::Decoder(new) => {
                Self::EncoderDecoder(EncoderDecoder::new(config, n_bands, n_classes, device, new))
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

/// What the names of the convolution to the main logits begin with, behind a decoder.
pub(crate) const MAIN_HEAD: &str = "segmentation_head.";

/// An encoder, a decoder, and a convolution from features to logits.
#[derive(Module, Debug)]
pub struct EncoderDecoder {
    encoder: EncoderNetwork,
    decoder: Decoder,
    segmentation_head: [Conv2d; 1],
    auxiliary_heads: Vec<SideHead>,
    dropout: Dropout,
    /// Features of the encoder that are used.
    depth: usize,
    /// How the weights of the encoder are drawn.
    #[module(skip)]
    encoder_initial: Initial,
    #[module(skip)]
    auxiliary_weights: Vec<f64>,
    /// Indices of the encoder's features at which side branches begin.
    #[module(skip)]
    encoder_sides: Vec<usize>,
}

impl EncoderDecoder {
    fn new(
        config: &ModelConfig,
        n_bands: usize,
        n_classes: usize,
        device: &Device,
        new_decoder: fn(&Make<'_>) -> (Decoder, Vec<usize>),
    ) -> Self {
        let spec = config.architecture.spec();
        let channels = config.encoder_widths();
        let layers = config.decoder_layers(device);
        let (decoder, decoded) = new_decoder(&Make { config, channels: &channels, layers });
        let (main, own_sides) = decoded.split_first().expect("a decoder has channels out");
        let n_sides = if spec.sides == Sides::Encoder { config.auxiliary.len() } else { 0 };
        let encoder_sides: Vec<usize> = config.encoder_sides().take(n_sides).collect();
        let of_decoder =
            own_sides.iter().map(|&channels| SideHead::of_decoder(channels, n_classes, &layers));
        let of_encoder = encoder_sides
            .iter()
            .map(|&index| SideHead::of_encoder(channels[index], n_classes, &layers));
        let auxiliary_heads = of_decoder.chain(of_encoder).collect();
        let head = Conv2d::new([*main, n_classes], spec.head_kernel_px, device).with_bias();
        let dropout = match spec.drops_inside {
            true => Dropout::new(0.0, spec.drop_kind),
            false => config.dropout(),
        };
        Self {
            encoder: EncoderNetwork::new(config, n_bands, device),
            decoder,
            segmentation_head: [head],
            auxiliary_heads,
            dropout,
            depth: config.resolved_depth(),
            encoder_initial: config.encoder.spec().expect("it has an encoder").initial,
            auxiliary_weights: config.auxiliary.clone(),
            encoder_sides,
        }
    }

    /// Its encoder.
    pub fn encoder(&self) -> &EncoderNetwork {
        &self.encoder
    }

    fn initialised(self, seed: u64) -> Self {
        let Self { encoder, decoder, segmentation_head: head, auxiliary_heads: sides, .. } = self;
        let initial = self.encoder_initial;
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
        let pyramid = Pyramid { features, image_px, pass };
        let Decoded { main, mut sides } = self.decoder.forward(&pyramid);
        if pass != Pass::Prediction {
            sides.extend(self.encoder_sides.iter().map(|&index| pyramid.at(index)));
        }
        drop(pyramid); // In prediction, nothing needs it now.
        let enlarged = |logits: Features| logits.resample(image_px, Interpolation::BilinearCorners);
        let [head] = &self.segmentation_head;
        let main = enlarged(head.forward(self.dropout.forward(main, pass)));
        let sides = sides.into_iter().zip(&self.auxiliary_heads);
        (main, sides.map(|(features, head)| enlarged(head.forward(features))).collect())
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
