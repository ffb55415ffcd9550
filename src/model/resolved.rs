//! What the settings of a model come to.

use burn::tensor::Device;
use swath_kernels::Interpolation;

use super::{
    DropKind, Dropout, ModelConfig, NormKind, Upsampling, blocks::Layers, config::PUBLISHED_WIDTH,
    decoders::Sides,
};

/// Channels of the decoders of U-Net and its kin, coarsest first.
const DECODER_CHANNELS: [u32; 5] = [256, 128, 64, 32, 16];

/// Slope of a leaky ReLU below 0, if nobody says otherwise.
const NEGATIVE_SLOPE: f64 = 0.01;

impl ModelConfig {
    /// As many channels at this width as `published` ones of the published network.
    pub(super) fn scaled(&self, published: u32) -> usize {
        (u64::from(published) * u64::from(self.width) / u64::from(PUBLISHED_WIDTH)).max(1) as usize
    }

    pub(super) fn slope(&self) -> f64 {
        self.negative_slope.unwrap_or(NEGATIVE_SLOPE)
    }

    /// Features of the encoder that are used.
    pub(super) fn resolved_depth(&self) -> usize {
        let usual = self.architecture.spec().depths[0];
        let most = self.encoder.spec().map_or(usual, |it| it.channels.len() as u32);
        self.depth.unwrap_or(usual.min(most)) as usize
    }

    /// Stride of the encoder's coarsest features.
    pub(super) fn resolved_stride(&self) -> u32 {
        let wanted = self.architecture.spec().output_strides.first().copied();
        let possible = self.encoder.spec().map_or(&[16][..], |it| it.output_strides);
        let usual = wanted.filter(|it| possible.contains(it)).unwrap_or(possible[0]);
        self.output_stride.unwrap_or(usual)
    }

    /// Channels of the encoder's features that are used, finest first.
    pub(super) fn encoder_widths(&self) -> Vec<usize> {
        let channels = self.encoder.spec().map_or(&[][..], |it| it.channels);
        let scaled = |&it| if it == 0 { 0 } else { self.scaled(it) };
        channels.iter().take(self.resolved_depth()).map(scaled).collect()
    }

    /// Which of the encoder's features side branches begin at: those before the coarsest, and ever
    /// finer ones.
    pub(super) fn encoder_sides(&self) -> impl Iterator<Item = usize> {
        let widths = self.encoder_widths();
        (0..widths.len()).rev().skip(1).filter(move |&index| 0 < widths[index])
    }

    /// How many side branches there can be.
    pub(super) fn most_sides(&self) -> usize {
        match self.architecture.spec().sides {
            Sides::Blocks => self.resolved_depth() - 1,
            // All rows but the first of the finest layer that has blocks.
            Sides::Nested => {
                let n_lacking = self.encoder_widths().iter().take_while(|it| **it == 0).count();
                self.resolved_depth() - 2 - n_lacking
            }
            Sides::Encoder => self.encoder_sides().count(),
        }
    }

    /// Channels of the blocks of a U-Net's decoder, coarsest first.
    pub(super) fn decoder_widths(&self) -> Vec<usize> {
        self.block_widths(&DECODER_CHANNELS[..self.resolved_depth()])
    }

    /// The same of a decoder whose blocks have the `published` channels at full width.
    pub(super) fn block_widths(&self, published: &[u32]) -> Vec<usize> {
        match &self.decoder_channels {
            Some(channels) => channels.iter().map(|&it| it as usize).collect(),
            None => published.iter().map(|&it| self.scaled(it)).collect(),
        }
    }

    /// Channels of a decoder that has one number of them.
    pub(super) fn single_width(&self, published: u32) -> usize {
        match self.decoder_channels.as_deref() {
            Some(&[channels]) => channels as usize,
            Some(_) | None => self.scaled(published),
        }
    }

    pub(super) fn resolved_rates(&self) -> [usize; 3] {
        let usual = self.architecture.spec().rates.expect("it has a pyramid pooling");
        self.rates.unwrap_or(usual).map(|it| it as usize)
    }

    /// The interpolation of upsampling; after a transposed convolution it fits odd sizes.
    pub(super) fn interpolation(&self) -> Interpolation {
        match self.upsampling {
            Some(Upsampling::Bilinear) => Interpolation::Bilinear,
            Some(Upsampling::Nearest | Upsampling::Transposed) | None => Interpolation::Nearest,
        }
    }

    /// The kind of norm of the decoder.
    pub(super) fn resolved_norm(&self) -> NormKind {
        let usual = self.architecture.spec().norm;
        self.norm.unwrap_or(usual)
    }

    pub(super) fn dropout(&self) -> Dropout {
        Dropout::new(self.resolved_drop_prob(), self.resolved_drop_kind())
    }

    /// What is dropped.
    pub(super) fn resolved_drop_kind(&self) -> DropKind {
        let usual = self.architecture.spec().drop_kind;
        self.drop_kind.unwrap_or(usual)
    }

    /// Share of features that training drops.
    fn resolved_drop_prob(&self) -> f64 {
        let usual = self.architecture.spec().drop_prob;
        self.drop_prob.unwrap_or(usual)
    }

    /// Whether training drops features.
    pub fn drops(&self) -> bool {
        0.0 < self.resolved_drop_prob()
    }

    /// What the decoder's layers have in common.
    pub(super) fn decoder_layers<'a>(&self, device: &'a Device) -> Layers<'a> {
        let activation = self.activation.unwrap_or_default();
        Layers {
            norm: self.resolved_norm(),
            epsilon: 1e-5,
            activation: activation.nonlinearity(self.slope()),
            device,
        }
    }
}
