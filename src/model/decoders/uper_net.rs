//! The decoder of UPerNet.

use burn::module::Module;
use swath_kernels::Interpolation;

use super::{ArchitectureSpec, Build, Channels, Decoder, Knob, Pyramid, Sides, Smp, decoder::Make};
use crate::model::{
    Act, Features, LayerNorm,
    blocks::{ConvNorm, DropKind, NormKind, run},
};

pub(in crate::model) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "UPerNet",
    build: Build::Decoder(|make| {
        let (it, channels) = UperNet::new(make);
        (Decoder::UperNet(it), vec![channels])
    }),
    depths: &[5, 4, 3],
    output_strides: &[],
    head_kernel_px: 1,
    norm: NormKind::Batch,
    drop_prob: 0.0,
    drop_kind: DropKind::Element,
    drops_inside: false,
    channels: Some(Channels::One),
    rates: None,
    needs_half: &[],
    sides: Sides::Encoder,
    smp: Some(Smp::new("UPerNet", 4)),
    knobs: &[Knob::Depth, Knob::OutputStride],
};

/// Windows by row and column that the coarsest features are averaged over.
const GRIDS: [usize; 4] = [1, 2, 3, 6];

/// Added to the variance by the norms of the encoder's features.
const EPSILON: f64 = 1e-6;

/// Means of the coarsest features over windows of four sizes, then a feature pyramid down to 1/4,
/// all of which is joined there; the logits are enlarged to the size of the images.
///
/// Source: Xiao et al. 2018, <https://arxiv.org/abs/1807.10221>, as built by
/// `segmentation_models_pytorch` 0.6.0 (`UPerNet`).
#[derive(Module, Debug)]
pub struct UperNet {
    feature_norms: Vec<LayerNorm>,
    psp: Psp,
    fpn_lateral_blocks: Vec<Lateral>,
    fpn_conv_blocks: Vec<ConvNorm>,
    fusion_block: ConvNorm,
}

#[derive(Module, Debug)]
struct Psp {
    /// The mean has no weights, but a place.
    blocks: Vec<(Act, ConvNorm)>,
    out_conv: ConvNorm,
}

#[derive(Module, Debug)]
struct Lateral {
    conv_norm_relu: ConvNorm,
}

impl UperNet {
    /// With its channels out.
    pub(super) fn new(make: &Make<'_>) -> (Self, usize) {
        let layers = &make.layers;
        let used = &make.channels[1..];
        let (input, output) = (make.deepest(), make.config.single_width(256));
        let laterals: Vec<usize> = used.iter().rev().skip(1).copied().collect();
        let block = |_| (Act::none(), layers.conv_norm([input, output], 1));
        let joined = input + GRIDS.len() * output;
        let decoder = Self {
            feature_norms: used
                .iter()
                .map(|&channels| LayerNorm::new(channels, EPSILON, layers.device))
                .collect(),
            psp: Psp {
                blocks: GRIDS.map(block).into(),
                out_conv: layers.conv_norm([joined, output], 3),
            },
            fpn_lateral_blocks: laterals
                .iter()
                .map(|&input| Lateral { conv_norm_relu: layers.conv_norm([input, output], 1) })
                .collect(),
            fpn_conv_blocks: laterals.iter().map(|_| layers.conv_norm([output; 2], 3)).collect(),
            fusion_block: layers.conv_norm([used.len() * output, output], 3),
        };
        (decoder, output)
    }

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Features {
        let norms = self.feature_norms.iter().enumerate();
        let mut normed: Vec<Features> =
            norms.map(|(index, norm)| norm.forward(pyramid.at(index + 1))).collect();
        let deepest = normed.pop().expect("there are features");
        let mut levels = vec![self.psp.forward(deepest)];
        for (lateral, images) in self.fpn_lateral_blocks.iter().zip(normed.into_iter().rev()) {
            let images = run(&lateral.conv_norm_relu, images);
            let below = levels.last().expect("there is one").clone();
            let below = below.resample(images.size_px(), Interpolation::Bilinear);
            levels.push(below.plus(images));
        }
        let size_px = levels.last().expect("there is one").size_px();
        let mut levels = levels.into_iter();
        let first = levels.next().expect("there is one");
        let rest = levels.zip(&self.fpn_conv_blocks).map(|(images, block)| run(block, images));
        let mut all: Vec<Features> = [first]
            .into_iter()
            .chain(rest)
            .map(|it| it.resample(size_px, Interpolation::Bilinear))
            .collect();
        all.reverse();
        run(&self.fusion_block, Features::concatenate(all))
    }
}

impl Psp {
    fn forward(&self, images: Features) -> Features {
        let size_px = images.size_px();
        let means = GRIDS.iter().zip(&self.blocks).map(|(&grid, (_, layers))| {
            let means = run(layers, images.clone().adaptive_average([grid; 2]));
            means.resample(size_px, Interpolation::Bilinear)
        });
        let all = [images.clone()].into_iter().chain(means).collect();
        run(&self.out_conv, Features::concatenate(all))
    }
}
