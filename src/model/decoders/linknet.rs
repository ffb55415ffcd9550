//! The decoder of LinkNet.

use burn::module::Module;
use swath_kernels::Interpolation;

use super::{ArchitectureSpec, Build, Decoder, Knob, Pyramid, Sides, Smp, decoder::Make};
use crate::model::{
    Act, Features, Norm, TransposedConv2d,
    blocks::{ConvNorm, DropKind, NormKind, run},
};

pub(in crate::model) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "LinkNet",
    build: Build::Decoder(|make| {
        let (it, channels) = Linknet::new(make);
        (Decoder::Linknet(it), vec![channels])
    }),
    depths: &[5, 4, 3],
    output_strides: &[],
    head_kernel_px: 1,
    norm: NormKind::Batch,
    drop_prob: 0.0,
    drop_kind: DropKind::Element,
    drops_inside: false,
    channels: None,
    rates: None,
    needs_half: &[],
    sides: Sides::Encoder,
    smp: Some(Smp { changes_norm: true, ..Smp::new("Linknet", 1) }),
    knobs: &[Knob::Depth],
};

/// Transposed convolutions between two of 1x1, after which the encoder's features are added.
///
/// Where a side of the images is no multiple of 32, what is too large is cut.
///
/// Source: Chaurasia & Culurciello 2017, <https://arxiv.org/abs/1707.03718>, as built by
/// `segmentation_models_pytorch` 0.6.0 (`Linknet`).
#[derive(Module, Debug)]
pub struct Linknet {
    blocks: Vec<Block>,
}

#[derive(Module, Debug)]
struct Block {
    block: (ConvNorm, (TransposedConv2d, Norm, Act), ConvNorm),
}

impl Linknet {
    /// With its channels out.
    pub(super) fn new(make: &Make<'_>) -> (Self, usize) {
        let last = make.scaled(32);
        let mut input = make.deepest();
        let mut blocks = Vec::new();
        for &skip in make.channels.iter().rev().skip(1).chain([&last]) {
            // Where the encoder has no features, there are as many channels as before.
            let output = if skip == 0 { input } else { skip };
            blocks.push(Block::new([input, output], make));
            input = output;
        }
        (Self { blocks }, last)
    }

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Features {
        let mut images = pyramid.deepest();
        for (index, block) in self.blocks.iter().enumerate() {
            images = block.forward(images);
            images = match pyramid.features.len().checked_sub(index + 2) {
                None => fitted(images, pyramid.image_px),
                Some(left) => {
                    let fitted = fitted(images, pyramid.size_px(left));
                    pyramid.features[left].clone().into_iter().fold(fitted, Features::plus)
                }
            };
        }
        images
    }
}

impl Block {
    fn new([input, output]: [usize; 2], make: &Make<'_>) -> Self {
        let layers = &make.layers;
        let inner = (input / 4).max(1);
        let up = TransposedConv2d::new([inner; 2], 4, layers.device);
        Self {
            block: (
                layers.conv_norm([input, inner], 1),
                (up, layers.norm(inner), layers.act()),
                layers.conv_norm([inner, output], 1),
            ),
        }
    }

    fn forward(&self, images: Features) -> Features {
        let (first, (up, norm, act), last) = &self.block;
        run(last, norm.forward(up.forward(run(first, images)), None, act))
    }
}

/// Cut to `size_px`, or enlarged where it is too small.
fn fitted(images: Features, size_px: [usize; 2]) -> Features {
    let [rows, cols] = images.size_px();
    if size_px[0] <= rows && size_px[1] <= cols {
        return images.cropped(size_px);
    }
    images.resample(size_px, Interpolation::Nearest)
}
