//! The decoder of U-Net: back up along the features of an encoder.

use burn::module::Module;
use swath_kernels::Interpolation;

use super::{
    DecoderSpec, Knob, Pyramid,
    decoder::{Decoded, Make},
};
use crate::model::{
    Attention, DoubleConv, Features, TransposedConv2d, Upsampling,
    blocks::{ConvNorm, DropKind, NormKind, Pass, run},
};

pub(super) const SPEC: DecoderSpec = DecoderSpec {
    title: "U-Net",
    depths: &[5, 4, 3],
    output_strides: &[],
    head_kernel_px: 3,
    norm: NormKind::Batch,
    drop_prob: 0.0,
    drop_kind: DropKind::Element,
    norms_means: false,
    needs_half: false,
    knobs: &[
        Knob::Depth,
        Knob::DecoderChannels,
        Knob::Upsampling,
        Knob::Transposed,
        Knob::Scse,
        Knob::OutputStride,
        Knob::Auxiliary,
    ],
};

/// The way back up of a U-Net.
///
/// ```text
/// image 1/1 ------------------------------------------------- block 5 --> head --> logits 1/1
///       1/2 --------------------------------------- block 4 ---^
///       1/4 ----------------------------- block 3 ---^
///       1/8 ------------------- block 2 ---^
///      1/16 --------- block 1 ---^
///      1/32 -----------^
/// ```
///
/// Each block enlarges what comes from below to the size of the features on its left and joins the
/// two; the last one has none to join. Any image size works.
///
/// Source: Ronneberger et al. 2015, <https://arxiv.org/abs/1505.04597>, as built by
/// `segmentation_models_pytorch` 0.6.0 (`Unet`, its defaults).
#[derive(Module, Debug)]
pub struct UnetDecoder {
    center: Option<(ConvNorm, ConvNorm)>,
    blocks: Vec<DoubleConv>,
    /// One for each block, if upsampling is transposed convolution.
    ups: Vec<TransposedConv2d>,
    #[module(skip)]
    interpolation: Interpolation,
    /// Side branches: the last blocks but one.
    n_sides: usize,
}

impl UnetDecoder {
    /// With its channels out, and those of the side branches.
    pub(super) fn new(make: &Make<'_>) -> (Self, Vec<usize>) {
        let Make { config, channels, layers } = make;
        let device = layers.device;
        let outputs = config.decoder_widths();
        let skips = channels.iter().rev().skip(1).copied().chain([0]);
        let (mut blocks, mut ups, mut input) = (Vec::new(), Vec::new(), make.deepest());
        for (skip, &output) in skips.zip(&outputs) {
            let block = DoubleConv::new([input + skip, output], layers);
            blocks.push(match config.attention {
                Some(Attention::Scse) => block.with_scse([input + skip, output], layers),
                Some(Attention::Gate) | None => block,
            });
            if config.upsampling == Some(Upsampling::Transposed) {
                ups.push(TransposedConv2d::new([input; 2], 2, device));
            }
            input = output;
        }
        let center = config.encoder.spec().is_some_and(|it| it.has_center).then(|| {
            let conv = || layers.conv_norm([make.deepest(); 2], 3);
            (conv(), conv())
        });
        let interpolation = config.interpolation();
        let n_sides = config.auxiliary.len();
        let sides = outputs.iter().rev().skip(1).take(n_sides).copied();
        let channels = outputs.last().copied().into_iter().chain(sides).collect();
        (Self { center, blocks, ups, interpolation, n_sides }, channels)
    }

    pub(super) fn forward(&self, pyramid: &Pyramid) -> Decoded {
        let mut images = pyramid.deepest();
        if let Some((first, second)) = &self.center {
            images = run(second, run(first, images));
        }
        let mut all = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            if let Some(up) = self.ups.get(index) {
                images = up.forward(images);
            }
            images = match pyramid.features.len().checked_sub(index + 2) {
                Some(left) => match &pyramid.features[left] {
                    Some(skip) => block.forward(self.join(images, skip.clone())),
                    None => {
                        let size_px = pyramid.size_px(left);
                        block.forward_alone(images.resample(size_px, self.interpolation))
                    }
                },
                None => block.forward_alone(images.resample(pyramid.image_px, self.interpolation)),
            };
            all.push(images.clone());
        }
        let n_sides = if pyramid.pass == Pass::Prediction { 0 } else { self.n_sides };
        let sides = all.into_iter().rev().skip(1).take(n_sides).collect();
        Decoded { main: images, sides }
    }

    fn join(&self, images: Features, skip: Features) -> Features {
        if self.interpolation == Interpolation::Nearest {
            return images.upsample_concat(skip);
        }
        let images = images.resample(skip.size_px(), self.interpolation);
        Features::concatenate(vec![images, skip])
    }
}
