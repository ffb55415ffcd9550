//! What decoders have in common.

use burn::tensor::Device;

use crate::model::{
    Decoder, Features, ModelConfig, Network,
    blocks::{DropKind, Layers, NormKind, Pass},
};

/// What is known of an architecture without building it.
pub(in crate::model) struct ArchitectureSpec {
    /// Its name for people.
    pub title: &'static str,
    /// It with weights of 0.
    pub build: Build,
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
    /// Whether the decoder has the dropout inside, rather than the head before it.
    pub drops_inside: bool,
    /// Which channels can be asked for.
    pub channels: Option<Channels>,
    /// Usual rates of its pyramid pooling, if it has one.
    pub rates: Option<[u32; 3]>,
    /// Depths at which features at 1/2 are needed.
    pub needs_half: &'static [u32],
    /// Where side branches begin.
    pub sides: Sides,
    /// What `segmentation_models_pytorch` has of it.
    pub smp: Option<Smp>,
    /// Settings that only some architectures have, and this one has.
    pub knobs: &'static [Knob],
}

/// How an architecture is built.
pub(in crate::model) enum Build {
    /// A decoder behind an encoder, and its channels out: of the main features, then of side branches,
    /// if it has its own.
    Decoder(fn(&Make<'_>) -> (Decoder, Vec<usize>)),
    /// All of it, for so many bands and classes.
    Whole(fn(&ModelConfig, [usize; 2], &Device) -> Network),
}

/// How many numbers of channels there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Channels {
    /// One.
    One,
    /// One for each block, of which there are as many as features of the encoder.
    EachBlock,
}

/// An architecture in `segmentation_models_pytorch` 0.6.0.
pub(in crate::model) struct Smp {
    pub name: &'static str,
    /// What `decoder_channels` is called there.
    pub channels: &'static str,
    /// What `drop_prob` is called there, if it is there.
    pub drop_prob: Option<&'static str>,
    /// Whether all its norms can be left out, or be those of an instance (`decoder_use_norm`).
    pub changes_norm: bool,
    /// Strides of the coarsest features that can be asked for (`encoder_output_stride`).
    pub output_strides: &'static [u32],
    /// How many times logits are enlarged if nothing else is asked for (`upsampling`).
    pub upsampling: usize,
}

impl Smp {
    /// With what most architectures have.
    pub const fn new(name: &'static str, upsampling: usize) -> Self {
        Self {
            name,
            channels: "decoder_channels",
            drop_prob: None,
            changes_norm: false,
            output_strides: &[],
            upsampling,
        }
    }
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
    Upsampling,
    Transposed,
    Scse,
    Gate,
    OutputStride,
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

    /// Rows and columns at 1/2 for an index of 0, and so on; rounded down where there are no features,
    /// as in the reference.
    pub fn size_px(&self, index: usize) -> [usize; 2] {
        match &self.features[index] {
            Some(features) => features.size_px(),
            None => self.image_px.map(|it| (it / (2 << index)).max(1)),
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
