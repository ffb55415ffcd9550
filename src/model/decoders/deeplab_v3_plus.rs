//! The decoder of DeepLabV3+.

use burn::module::Module;
use swath_kernels::Interpolation;

use super::{
    ArchitectureSpec, Aspp, Build, Channels, Decoder, Knob, Pyramid, Sides, Smp,
    aspp::{SeparableNorm, run_separable, separable},
    decoder::Make,
};
use crate::model::{
    Act, Conv2d, Features, Norm,
    blocks::{ConvNorm, DropKind, NormKind, conv_norm, run},
};

pub(in crate::model) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "DeepLabV3+",
    build: Build::Decoder(|make| {
        let (it, channels) = DeepLabV3Plus::new(make);
        (Decoder::DeeplabV3Plus(it), vec![channels])
    }),
    depths: &[5, 4, 3],
    output_strides: &[16, 8, 32],
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
        ..Smp::new("DeepLabV3Plus", 4)
    }),
    knobs: &[Knob::Depth, Knob::OutputStride, Knob::Separable],
};

/// Pyramid pooling of the coarsest features, enlarged and joined with those at 1/4; the logits are
/// enlarged to the size of the images.
///
/// Source: Chen et al. 2018, <https://arxiv.org/abs/1802.02611>, as built by
/// `segmentation_models_pytorch` 0.6.0 (`DeepLabV3Plus`); the paper's rates at 1/16 are 6, 12, 18.
#[derive(Module, Debug)]
pub struct DeepLabV3Plus {
    aspp: (Aspp, (Conv2d, Conv2d), Norm, Act),
    block1: ConvNorm,
    block2: SeparableNorm,
}

impl DeepLabV3Plus {
    /// With its channels out.
    pub(super) fn new(make: &Make<'_>) -> (Self, usize) {
        let (layers, channels) = (&make.layers, make.config.single_width(256));
        let aspp = Aspp::new(make, channels, make.config.separable.unwrap_or(true));
        let (conv, norm, act) = separable([channels; 2], 1, layers);
        let fine = make.scaled(48);
        let decoder = Self {
            aspp: (aspp, conv, norm, act),
            block1: layers.conv_norm([make.channels[1], fine], 1),
            block2: separable([channels + fine, channels], 1, layers),
        };
        (decoder, channels)
    }

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Features {
        let (aspp, (depthwise, pointwise), norm, act) = &self.aspp;
        let images = depthwise.forward(aspp.forward(pyramid.deepest(), pyramid.pass));
        let images = conv_norm(pointwise, norm, images, None, act);
        let fine = run(&self.block1, pyramid.at(1));
        let images = images.resample(fine.size_px(), Interpolation::BilinearCorners);
        run_separable(&self.block2, Features::concatenate(vec![images, fine]))
    }
}
