//! The decoder of a feature pyramid network.

use burn::module::Module;
use swath_kernels::Interpolation;

use super::{ArchitectureSpec, Build, Channels, Decoder, Knob, Pyramid, Sides, Smp, decoder::Make};
use crate::model::{
    Conv2d, Features,
    blocks::{ConvNorm, DropKind, NormKind, run},
};

pub(in crate::model) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "FPN",
    build: Build::Decoder(|make| {
        let (it, channels) = Fpn::new(make);
        (Decoder::Fpn(it), vec![channels])
    }),
    depths: &[5, 4],
    output_strides: &[],
    head_kernel_px: 1,
    norm: NormKind::Group,
    drop_prob: 0.2,
    drop_kind: DropKind::Spatial,
    drops_inside: false,
    channels: Some(Channels::One),
    rates: None,
    needs_half: &[4],
    sides: Sides::Encoder,
    smp: Some(Smp {
        channels: "decoder_segmentation_channels",
        drop_prob: Some("decoder_dropout"),
        ..Smp::new("FPN", 4)
    }),
    knobs: &[Knob::Depth, Knob::Upsampling, Knob::OutputStride],
};

/// The last four features of an encoder, each added to the coarser ones, brought to the finest of
/// their sizes and added up; the logits are enlarged to the size of the images.
///
/// Source: Lin et al. 2017, <https://arxiv.org/abs/1612.03144>; Kirillov et al. 2019,
/// <https://arxiv.org/abs/1901.02446>, as built by `segmentation_models_pytorch` 0.6.0 (`FPN`).
#[derive(Module, Debug)]
pub struct Fpn {
    p5: Conv2d,
    p4: Lateral,
    p3: Lateral,
    p2: Lateral,
    seg_blocks: Vec<Branch>,
    #[module(skip)]
    interpolation: Interpolation,
}

#[derive(Module, Debug)]
struct Lateral {
    skip_conv: Conv2d,
}

/// Convolutions that enlarge to the size of the finest features.
#[derive(Module, Debug)]
struct Branch {
    block: Vec<Step>,
}

#[derive(Module, Debug)]
struct Step {
    block: ConvNorm,
}

impl Fpn {
    /// With its channels out.
    pub(super) fn new(make: &Make<'_>) -> (Self, usize) {
        let layers = &make.layers;
        let (pyramid, output) = (make.scaled(256), make.config.single_width(128));
        let mut inputs = make.channels.iter().rev();
        let mut conv = || {
            let input = *inputs.next().expect("there are four features");
            Conv2d::new([input, pyramid], 1, layers.device).with_bias()
        };
        let step = |input| Step { block: layers.conv_norm([input, output], 3) };
        let branch = |n_steps: usize| Branch {
            block: (0..n_steps).map(|it| step(if it == 0 { pyramid } else { output })).collect(),
        };
        let decoder = Self {
            p5: conv(),
            p4: Lateral { skip_conv: conv() },
            p3: Lateral { skip_conv: conv() },
            p2: Lateral { skip_conv: conv() },
            seg_blocks: [3, 2, 1, 1].map(branch).into(),
            interpolation: make.config.interpolation(),
        };
        (decoder, output)
    }

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Features {
        let deepest = pyramid.features.len() - 1;
        let mut levels = vec![self.p5.forward(pyramid.deepest())];
        for (index, lateral) in [&self.p4, &self.p3, &self.p2].into_iter().enumerate() {
            let skip = lateral.skip_conv.forward(pyramid.at(deepest - 1 - index));
            let below = levels[index].clone().resample(skip.size_px(), self.interpolation);
            levels.push(below.plus(skip));
        }
        let sizes: Vec<_> = levels.iter().map(Features::size_px).collect();
        let branches = self.seg_blocks.iter().zip(levels).enumerate();
        let branches = branches.map(|(index, (branch, images))| {
            branch.block.iter().enumerate().fold(images, |images, (step, layers)| {
                let size_px = sizes[(index + step + 1).min(3)];
                run(&layers.block, images).resample(size_px, Interpolation::BilinearCorners)
            })
        });
        branches.reduce(Features::plus).expect("there are four")
    }
}
