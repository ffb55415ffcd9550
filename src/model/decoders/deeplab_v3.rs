//! The decoder of DeepLabV3.

use burn::module::Module;

use super::{
    ArchitectureSpec, Aspp, Build, Channels, Decoder, Knob, Pyramid, Sides, Smp, decoder::Make,
};
use crate::model::{
    Act, Conv2d, Features, Norm,
    blocks::{DropKind, NormKind, conv_norm},
};

pub(in crate::model) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "DeepLabV3",
    build: Build::Decoder(|make| {
        let (it, channels) = DeepLabV3::new(make);
        (Decoder::DeeplabV3(it), vec![channels])
    }),
    depths: &[5, 4, 3],
    output_strides: &[8, 16, 32],
    head_kernel_px: 1,
    norm: NormKind::Batch,
    drop_prob: 0.5,
    drop_kind: DropKind::Element,
    drops_inside: true,
    channels: Some(Channels::One),
    rates: Some([12, 24, 36]),
    needs_half: &[],
    sides: Sides::Encoder,
    smp: Some(Smp {
        drop_prob: Some("decoder_aspp_dropout"),
        output_strides: &[8, 16],
        ..Smp::new("DeepLabV3", 8)
    }),
    knobs: &[Knob::Depth, Knob::OutputStride, Knob::Separable],
};

/// Pyramid pooling of the coarsest features and a convolution; the logits are enlarged to the size
/// of the images.
///
/// Source: Chen et al. 2017, <https://arxiv.org/abs/1706.05587>, as built by
/// `segmentation_models_pytorch` 0.6.0 (`DeepLabV3`).
#[derive(Module, Debug)]
pub struct DeepLabV3 {
    aspp: Aspp,
    conv: Conv2d,
    bn: Norm,
    relu: Act,
}

impl DeepLabV3 {
    /// With its channels out.
    pub(super) fn new(make: &Make<'_>) -> (Self, usize) {
        let (layers, channels) = (&make.layers, make.config.single_width(256));
        let aspp = Aspp::new(make, channels, make.config.separable.unwrap_or(false));
        let conv = layers.conv([channels; 2], 3);
        (Self { aspp, conv, bn: layers.norm(channels), relu: layers.act() }, channels)
    }

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Features {
        let images = self.aspp.forward(pyramid.deepest(), pyramid.pass);
        conv_norm(&self.conv, &self.bn, images, None, &self.relu)
    }
}
