//! MobileNetV2.

use burn::module::Module;
use swath_kernels::Activation;

use super::{EncoderNetwork, EncoderSpec, encoder::Make};
use crate::model::{
    Act, Conv2d, Features, Initial, Norm,
    blocks::{ConvNorm, Layers, conv_norm, run},
};

pub(super) const SPEC: EncoderSpec = EncoderSpec {
    title: "MobileNetV2",
    new: |make| EncoderNetwork::MobileNetV2(MobileNetV2::new(make)),
    initial: Initial::KaimingNormalFanOut,
    channels: &[16, 24, 32, 96, 1280],
    output_strides: &[32, 16, 8],
    changes_norm: true,
    changes_activation: true,
    has_center: false,
    activation: Activation::Relu6,
    smp: Some("mobilenet_v2"),
    smp_drops_stages: false,
    other_names: &[],
};

/// Expansion, channels, blocks, stride, and what one output stands for in the image, of each group
/// of blocks.
const GROUPS: [(usize, u32, usize, bool, u32); 7] = [
    (1, 16, 1, false, 2),
    (6, 24, 2, true, 4),
    (6, 32, 3, true, 8),
    (6, 64, 4, true, 16),
    (6, 96, 3, false, 16),
    (6, 160, 3, true, 32),
    (6, 320, 1, false, 32),
];

/// Features are taken behind these blocks.
const TAPS: [usize; 5] = [1, 3, 6, 13, 18];

/// MobileNetV2 without its classifier: blocks that widen, convolve every channel by itself, and
/// narrow again without an activation.
///
/// Source: Sandler et al. 2018, table 2, <https://arxiv.org/abs/1801.04381>; names of torchvision.
#[derive(Module, Debug)]
pub struct MobileNetV2 {
    features: Vec<Block>,
}

#[derive(Module, Debug)]
enum Block {
    Plain(ConvNorm),
    Inverted(InvertedResidual),
}

/// A block that is narrow outside and wide inside.
#[derive(Module, Debug)]
struct InvertedResidual {
    conv: Vec<Part>,
    is_residual: bool,
}

#[derive(Module, Debug)]
enum Part {
    ConvNorm(ConvNorm),
    Conv(Conv2d),
    Norm(Norm),
}

impl MobileNetV2 {
    pub(super) fn new(make: &Make<'_>) -> Self {
        let layers = make.layers();
        let mut input = make.scaled(32);
        let stem = layers.conv([make.n_bands, input], 3).with_stride(2);
        let mut features = vec![Block::Plain(layers.finished(stem, input))];
        for (expansion, channels, n_blocks, halves, stride_px) in GROUPS {
            let output = make.scaled(channels);
            let [stride, dilation] = make.steps(stride_px, halves);
            for index in 0..n_blocks {
                let moves = [if index == 0 { stride } else { 1 }, dilation];
                let block = InvertedResidual::new([input, output], expansion, moves, &layers);
                features.push(Block::Inverted(block));
                input = output;
            }
        }
        features.push(Block::Plain(layers.conv_norm([input, make.scaled(1280)], 1)));
        Self { features }
    }

    pub(super) fn forward(&self, mut images: Features, depth: usize) -> Vec<Option<Features>> {
        let mut all = Vec::new();
        for (index, block) in self.features.iter().enumerate() {
            images = match block {
                Block::Plain(layers) => run(layers, images),
                Block::Inverted(block) => block.forward(images),
            };
            if TAPS.contains(&index) {
                all.push(Some(images.clone()));
            }
            if all.len() == depth {
                break;
            }
        }
        all
    }
}

impl InvertedResidual {
    fn new(
        [input, output]: [usize; 2],
        expansion: usize,
        [stride_px, dilation_px]: [usize; 2],
        layers: &Layers<'_>,
    ) -> Self {
        let wide = input * expansion;
        let mut conv = Vec::new();
        if expansion != 1 {
            conv.push(Part::ConvNorm(layers.conv_norm([input, wide], 1)));
        }
        let depthwise = layers.depthwise(wide, 3);
        let depthwise = depthwise.with_stride(stride_px).with_dilation(dilation_px);
        conv.push(Part::ConvNorm(layers.finished(depthwise, wide)));
        conv.push(Part::Conv(layers.conv([wide, output], 1)));
        conv.push(Part::Norm(layers.norm(output)));
        // As in torchvision, whose test is for the stride of the published network.
        Self { conv, is_residual: input == output && stride_px == 1 }
    }

    fn forward(&self, images: Features) -> Features {
        let mut inner = images.clone();
        let mut parts = self.conv.iter();
        let mut next = parts.next();
        while let Some(part) = next {
            next = parts.next();
            inner = match (part, next) {
                (Part::ConvNorm(layers), _) => run(layers, inner),
                (Part::Conv(conv), Some(Part::Norm(norm))) => {
                    let residual = self.is_residual.then(|| images.clone());
                    next = parts.next();
                    conv_norm(conv, norm, inner, residual, &Act::none())
                }
                (Part::Conv(_) | Part::Norm(_), _) => unreachable!("a norm follows a convolution"),
            };
        }
        inner
    }
}
