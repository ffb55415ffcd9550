//! The decoder of PSPNet.

use burn::module::Module;
use swath_kernels::Interpolation;

use super::{ArchitectureSpec, Build, Channels, Decoder, Knob, Pyramid, Sides, Smp, decoder::Make};
use crate::model::{
    Act, Features,
    blocks::{ConvNorm, DropKind, NormKind, run},
};

pub(in crate::model) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "PSPNet",
    build: Build::Decoder(|make| {
        let (it, channels) = PspNet::new(make);
        (Decoder::PspNet(it), vec![channels])
    }),
    depths: &[3, 4, 5],
    output_strides: &[],
    head_kernel_px: 3,
    norm: NormKind::Batch,
    drop_prob: 0.2,
    drop_kind: DropKind::Spatial,
    drops_inside: false,
    channels: Some(Channels::One),
    rates: None,
    needs_half: &[],
    sides: Sides::Encoder,
    smp: Some(Smp {
        channels: "psp_out_channels",
        drop_prob: Some("psp_dropout"),
        changes_norm: true,
        ..Smp::new("PSPNet", 8)
    }),
    knobs: &[Knob::Depth, Knob::OutputStride],
};

/// Windows by row and column that the features are averaged over.
const GRIDS: [usize; 4] = [1, 2, 3, 6];

/// Means over windows of four sizes beside the features themselves; the logits are enlarged to the
/// size of the images.
///
/// Source: Zhao et al. 2017, <https://arxiv.org/abs/1612.01105>, as built by
/// `segmentation_models_pytorch` 0.6.0 (`PSPNet`): features at 1/8, and no norm of the mean over all.
#[derive(Module, Debug)]
pub struct PspNet {
    psp: Psp,
    conv: ConvNorm,
}

#[derive(Module, Debug)]
struct Psp {
    blocks: Vec<Block>,
}

#[derive(Module, Debug)]
struct Block {
    /// The mean has no weights, but a place.
    pool: (Act, ConvNorm),
}

impl PspNet {
    /// With its channels out.
    pub(super) fn new(make: &Make<'_>) -> (Self, usize) {
        let (layers, input) = (&make.layers, make.deepest());
        let part = (input / GRIDS.len()).max(1);
        let blocks = GRIDS.map(|grid| {
            let norm = if grid == 1 { NormKind::None } else { layers.norm };
            Block { pool: (Act::none(), layers.with_norm(norm).conv_norm([input, part], 1)) }
        });
        let output = make.config.single_width(512);
        let conv = layers.conv_norm([input + GRIDS.len() * part, output], 1);
        (Self { psp: Psp { blocks: blocks.into() }, conv }, output)
    }

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Features {
        let images = pyramid.deepest();
        let size_px = images.size_px();
        let means = GRIDS.iter().zip(&self.psp.blocks).map(|(&grid, block)| {
            let (_, layers) = &block.pool;
            let means = run(layers, images.clone().adaptive_average([grid; 2]));
            means.resample(size_px, Interpolation::BilinearCorners)
        });
        run(&self.conv, Features::concatenate(means.chain([images.clone()]).collect()))
    }
}
