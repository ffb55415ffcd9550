//! The decoder of MA-Net.

#![allow(non_snake_case, reason = "fields have the names of a state dictionary")]

use burn::{
    module::Module,
    tensor::{Tensor, activation::softmax},
};
use swath_kernels::Interpolation;

use super::{ArchitectureSpec, Build, Channels, Decoder, Knob, Pyramid, Sides, Smp, decoder::Make};
use crate::model::{
    Conv2d, DoubleConv, Features,
    blocks::{ConvNorm, DropKind, NormKind, Squeeze, factors, run, squeeze},
    features::Layer,
};

pub(in crate::model) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "MA-Net",
    build: Build::Decoder(|make| {
        let (it, channels) = MaNet::new(make);
        (Decoder::MaNet(it), vec![channels])
    }),
    depths: &[5, 4, 3],
    output_strides: &[],
    head_kernel_px: 3,
    norm: NormKind::Batch,
    drop_prob: 0.0,
    drop_kind: DropKind::Element,
    drops_inside: false,
    channels: Some(Channels::EachBlock),
    rates: None,
    needs_half: &[],
    sides: Sides::Encoder,
    smp: Some(Smp { changes_norm: true, ..Smp::new("MAnet", 1) }),
    knobs: &[Knob::Depth, Knob::Upsampling],
};

/// A U-Net with attention of every pixel to every other in the coarsest features, and attention to
/// channels where features are joined.
///
/// Source: Fan et al. 2020, <https://doi.org/10.1109/ACCESS.2020.3025372>, as built by
/// `segmentation_models_pytorch` 0.6.0 (`MAnet`).
#[derive(Module, Debug)]
pub struct MaNet {
    center: PixelAttention,
    blocks: Vec<Block>,
    #[module(skip)]
    interpolation: Interpolation,
}

#[derive(Module, Debug)]
struct PixelAttention {
    top_conv: Conv2d,
    center_conv: Conv2d,
    bottom_conv: Conv2d,
    out_conv: Conv2d,
}

#[derive(Module, Debug)]
enum Block {
    Fusion(Fusion),
    Plain(DoubleConv),
}

#[derive(Module, Debug)]
struct Fusion {
    hl_conv: (ConvNorm, ConvNorm),
    SE_ll: Vec<Squeeze>,
    SE_hl: Vec<Squeeze>,
    conv1: ConvNorm,
    conv2: ConvNorm,
}

impl MaNet {
    /// With its channels out.
    pub(super) fn new(make: &Make<'_>) -> (Self, usize) {
        let Make { config, channels, layers } = make;
        let outputs = config.decoder_widths();
        let skips = channels.iter().rev().skip(1).copied().chain([0]);
        let mut input = make.deepest();
        let mut blocks = Vec::new();
        for (skip, &output) in skips.zip(&outputs) {
            blocks.push(if skip == 0 {
                Block::Plain(DoubleConv::new([input, output], layers))
            } else {
                let device = layers.device;
                Block::Fusion(Fusion {
                    hl_conv: (layers.conv_norm([input; 2], 3), layers.conv_norm([input, skip], 1)),
                    SE_ll: squeeze(skip, 16, device),
                    SE_hl: squeeze(skip, 16, device),
                    conv1: layers.conv_norm([2 * skip, output], 3),
                    conv2: layers.conv_norm([output; 2], 3),
                })
            });
            input = output;
        }
        let deepest = make.deepest();
        let conv =
            |channels, kernel_px| Conv2d::new(channels, kernel_px, layers.device).with_bias();
        let narrow = make.scaled(64);
        let center = PixelAttention {
            top_conv: conv([deepest, narrow], 1),
            center_conv: conv([deepest, narrow], 1),
            bottom_conv: conv([deepest; 2], 3),
            out_conv: conv([deepest; 2], 3),
        };
        (Self { center, blocks, interpolation: config.interpolation() }, input)
    }

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Features {
        let mut images = self.center.forward(pyramid.deepest());
        for (index, block) in self.blocks.iter().enumerate() {
            let left = pyramid.features.len().checked_sub(index + 2);
            let size_px = left.map_or(pyramid.image_px, |left| pyramid.size_px(left));
            images = match (block, left) {
                (Block::Fusion(block), Some(left)) => {
                    block.forward(images, pyramid.at(left), self.interpolation)
                }
                (Block::Plain(block), _) => {
                    block.forward_alone(images.resample(size_px, self.interpolation))
                }
                (Block::Fusion(_), None) => unreachable!("the last block joins nothing"),
            };
        }
        images
    }
}

impl PixelAttention {
    fn forward(&self, images: Features) -> Features {
        let shape @ [_, rows, cols, channels] = images.shape();
        let n_pixels = rows * cols;
        let narrow = self.top_conv.forward(images.clone());
        let other = self.center_conv.forward(images.clone());
        let values = self.bottom_conv.forward(images.clone());
        let width = narrow.channels();
        let map = Layer {
            what: "attention map".to_owned(),
            weight: None,
            shape: images.with_channels(n_pixels),
            multiply_adds_per_value: width,
        };
        let map = other.with(narrow, map, attention_map);
        let sums = Layer {
            what: "attention".to_owned(),
            weight: None,
            shape,
            multiply_adds_per_value: n_pixels,
        };
        let sums = map.with(values, sums, |map, values| attended(map, values, channels));
        self.out_conv.forward(images.plus(sums))
    }
}

/// How much each pixel counts for each: `[batch, row, col, pixel]`, which add up to 1 in an image.
fn attention_map(other: Tensor<4>, narrow: Tensor<4>) -> Tensor<4> {
    let [batch, rows, cols, width] = other.dims();
    let n_pixels = rows * cols;
    let [other, narrow] =
        [other, narrow].map(|it| -> Tensor<3> { it.reshape([batch, n_pixels, width]) });
    let products: Tensor<2> =
        other.matmul(narrow.swap_dims(1, 2)).reshape([batch, n_pixels * n_pixels]);
    softmax(products, 1).reshape([batch, rows, cols, n_pixels])
}

/// Values of all pixels, weighted. As in the reference, the result `[batch, pixel, channel]` is read
/// as `[batch, channel, row, col]` without turning its axes.
fn attended(map: Tensor<4>, values: Tensor<4>, channels: usize) -> Tensor<4> {
    let [batch, rows, cols, n_pixels] = map.dims();
    let map: Tensor<3> = map.reshape([batch, n_pixels, n_pixels]);
    let values: Tensor<3> = values.reshape([batch, n_pixels, channels]);
    let sums: Tensor<4> = map.matmul(values).reshape([batch, channels, rows, cols]);
    sums.permute([0, 2, 3, 1])
}

impl Fusion {
    fn forward(&self, images: Features, skip: Features, interpolation: Interpolation) -> Features {
        let images = run(&self.hl_conv.1, run(&self.hl_conv.0, images));
        let images = images.resample(skip.size_px(), interpolation);
        let open = factors(&self.SE_hl, images.clone());
        let open = open.plus(factors(&self.SE_ll, skip.clone()));
        let joined = Features::concatenate(vec![images.times(open), skip]);
        run(&self.conv2, run(&self.conv1, joined))
    }
}
