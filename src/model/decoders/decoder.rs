//! What decoders have in common, and which there are.

use burn::{module::Module, tensor::Device};

use super::{
    DeepLabV3, DeepLabV3Plus, Fpn, Linknet, MaNet, Pan, PspNet, UnetDecoder, UnetPlusPlus, UperNet,
    deeplab_v3, deeplab_v3_plus, fpn, linknet, ma_net, pan, psp_net, unet, unet_plus_plus,
    uper_net,
};
use crate::model::{
    Architecture, Features, ModelConfig,
    blocks::{DropKind, Layers, NormKind, Pass},
};

/// What is known of a decoder without building it.
pub(in crate::model) struct DecoderSpec {
    /// The architecture's name for people.
    pub title: &'static str,
    /// Features of the encoder that are used, the usual number first.
    pub depths: &'static [u32],
    /// Strides of the coarsest features, the usual one first; those of the encoder if empty.
    pub output_strides: &'static [u32],
    /// Kernel of the convolution from features to logits.
    pub head_kernel_px: usize,
    /// Usual norm.
    pub norm: NormKind,
    /// Usual dropout.
    pub drop_prob: f64,
    pub drop_kind: DropKind,
    /// Whether features at 1/2 are needed.
    pub needs_half: bool,
    /// Where side branches begin.
    pub sides: Sides,
    /// What `segmentation_models_pytorch` has of it.
    pub smp: Smp,
    /// Settings that only some architectures have, and this one has.
    pub knobs: &'static [Knob],
}

/// An architecture in `segmentation_models_pytorch` 0.6.0.
pub(in crate::model) struct Smp {
    pub name: &'static str,
    /// Whether it can be without norms, or with those of an instance (`decoder_use_norm`).
    pub changes_norm: bool,
    /// Strides of the coarsest features that can be asked for (`encoder_output_stride`).
    pub output_strides: &'static [u32],
}

/// Where the side branches of an architecture begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Sides {
    /// At the blocks of the decoder but the last, from fine to coarse.
    Blocks,
    /// At the finest blocks of the U-Nets within, from the deepest to the shallowest.
    Nested,
    /// At the encoder's features but the coarsest, from coarse to fine.
    Encoder,
}

/// A setting that only some architectures have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Knob {
    Depth,
    DecoderChannels,
    Upsampling,
    Transposed,
    Scse,
    Gate,
    OutputStride,
    Rates,
    Separable,
    Residual,
    SqueezeExcite,
    Aspp,
}

/// What a decoder is made from.
#[derive(Clone, Copy)]
pub(in crate::model) struct Make<'a> {
    pub config: &'a ModelConfig,
    /// Channels of the encoder's features that are used, finest first; 0 where there are none.
    pub channels: &'a [usize],
    pub layers: Layers<'a>,
}

impl Make<'_> {
    /// Channels of the coarsest features.
    pub fn deepest(&self) -> usize {
        *self.channels.last().expect("an encoder has features")
    }

    /// As many channels at the width that is asked for.
    pub fn scaled(&self, channels: u32) -> usize {
        self.config.scaled(channels)
    }
}

/// The features of an encoder on their way into a decoder.
pub(in crate::model) struct Pyramid {
    /// At 1/2, 1/4, and so on; `None` where there are none.
    pub features: Vec<Option<Features>>,
    /// Rows and columns of the images.
    pub image_px: [usize; 2],
    pub pass: Pass,
}

impl Pyramid {
    /// The coarsest features.
    pub fn deepest(&self) -> Features {
        self.at(self.features.len() - 1)
    }

    /// The features at 1/2 for an index of 0, at 1/4 for 1, and so on.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn at(&self, index: usize) -> Features {
        self.features[index].clone().expect("the settings were checked")
    }

    /// Rows and columns at 1/2 for an index of 0, and so on.
    pub fn size_px(&self, index: usize) -> [usize; 2] {
        match &self.features[index] {
            Some(features) => features.size_px(),
            None => self.image_px.map(|it| it.div_ceil(2 << index)),
        }
    }
}

/// What a decoder makes of a pyramid.
pub(in crate::model) struct Decoded {
    pub main: Features,
    /// Features of side branches, if the decoder has its own.
    pub sides: Vec<Features>,
}

impl From<Features> for Decoded {
    fn from(main: Features) -> Self {
        Self { main, sides: Vec::new() }
    }
}

/// A decoder of any kind.
#[derive(Module, Debug)]
pub enum Decoder {
    /// See [`UnetDecoder`].
    Unet(UnetDecoder),
    /// See [`UnetPlusPlus`].
    UnetPlusPlus(UnetPlusPlus),
    /// See [`DeepLabV3`].
    DeepLabV3(DeepLabV3),
    /// See [`DeepLabV3Plus`].
    DeepLabV3Plus(DeepLabV3Plus),
    /// See [`Fpn`].
    Fpn(Fpn),
    /// See [`Linknet`].
    Linknet(Linknet),
    /// See [`PspNet`].
    PspNet(PspNet),
    /// See [`Pan`].
    Pan(Pan),
    /// See [`MaNet`].
    MaNet(MaNet),
    /// See [`UperNet`].
    UperNet(UperNet),
}

impl Architecture {
    /// What is known of its decoder; `None` of a network that is not made of encoder and decoder.
    pub(in crate::model) fn decoder(self) -> Option<&'static DecoderSpec> {
        Some(match self {
            Self::Unet => &unet::SPEC,
            Self::UnetPlusPlus => &unet_plus_plus::SPEC,
            Self::DeeplabV3 => &deeplab_v3::SPEC,
            Self::DeeplabV3Plus => &deeplab_v3_plus::SPEC,
            Self::Fpn => &fpn::SPEC,
            Self::Linknet => &linknet::SPEC,
            Self::PspNet => &psp_net::SPEC,
            Self::Pan => &pan::SPEC,
            Self::MaNet => &ma_net::SPEC,
            Self::UperNet => &uper_net::SPEC,
            Self::GeodlUnet => return None,
        })
    }
}

impl Decoder {
    /// The decoder of `config` for features of these channels, and its channels out: of the main
    /// features, then of side branches, if it has its own.
    ///
    /// # Panics
    ///
    /// If the architecture has none.
    pub(in crate::model) fn new(
        config: &ModelConfig,
        channels: &[usize],
        device: &Device,
    ) -> (Self, Vec<usize>) {
        let make = Make { config, channels, layers: config.decoder_layers(device) };
        match config.architecture {
            Architecture::Unet => {
                let (decoder, channels) = UnetDecoder::new(&make);
                (Self::Unet(decoder), channels)
            }
            Architecture::UnetPlusPlus => {
                let (decoder, channels) = UnetPlusPlus::new(&make);
                (Self::UnetPlusPlus(decoder), channels)
            }
            Architecture::DeeplabV3 => {
                let (decoder, channels) = DeepLabV3::new(&make);
                (Self::DeepLabV3(decoder), vec![channels])
            }
            Architecture::DeeplabV3Plus => {
                let (decoder, channels) = DeepLabV3Plus::new(&make);
                (Self::DeepLabV3Plus(decoder), vec![channels])
            }
            Architecture::Fpn => {
                let (decoder, channels) = Fpn::new(&make);
                (Self::Fpn(decoder), vec![channels])
            }
            Architecture::Linknet => {
                let (decoder, channels) = Linknet::new(&make);
                (Self::Linknet(decoder), vec![channels])
            }
            Architecture::PspNet => {
                let (decoder, channels) = PspNet::new(&make);
                (Self::PspNet(decoder), vec![channels])
            }
            Architecture::Pan => {
                let (decoder, channels) = Pan::new(&make);
                (Self::Pan(decoder), vec![channels])
            }
            Architecture::MaNet => {
                let (decoder, channels) = MaNet::new(&make);
                (Self::MaNet(decoder), vec![channels])
            }
            Architecture::UperNet => {
                let (decoder, channels) = UperNet::new(&make);
                (Self::UperNet(decoder), vec![channels])
            }
            Architecture::GeodlUnet => panic!("{config:?} has no decoder of its own kind"),
        }
    }

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Decoded {
        match self {
            Self::Unet(it) => it.forward(pyramid),
            Self::UnetPlusPlus(it) => it.forward(pyramid),
            Self::DeepLabV3(it) => it.forward(pyramid).into(),
            Self::DeepLabV3Plus(it) => it.forward(pyramid).into(),
            Self::Fpn(it) => it.forward(pyramid).into(),
            Self::Linknet(it) => it.forward(pyramid).into(),
            Self::PspNet(it) => it.forward(pyramid).into(),
            Self::Pan(it) => it.forward(pyramid).into(),
            Self::MaNet(it) => it.forward(pyramid).into(),
            Self::UperNet(it) => it.forward(pyramid).into(),
        }
    }
}
