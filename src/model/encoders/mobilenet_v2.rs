//! MobileNetV2.

use burn::module::Module;
use swath_kernels::Activation;

use super::{EncoderNetwork, EncoderSpec, OtherNames, encoder::Make};
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
    other_names: &[OtherNames { library: "timm", renamed: of_timm }],
};

/// Expansion, channels, blocks, whether it halves, and what one output stands for in the image, of
/// each group of blocks.
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
                let is_first = index == 0;
                let moves = [if is_first { stride } else { 1 }, dilation];
                let block = InvertedResidual {
                    conv: inverted([input, output], expansion, moves, &layers),
                    // Of the published network: one that is dilated halves less, but adds no more.
                    is_residual: input == output && !(is_first && halves),
                };
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

/// The layers of a block with this stride and dilation.
fn inverted(
    [input, output]: [usize; 2],
    expansion: usize,
    [stride_px, dilation_px]: [usize; 2],
    layers: &Layers<'_>,
) -> Vec<Part> {
    let wide = input * expansion;
    let mut conv = Vec::new();
    if expansion != 1 {
        conv.push(Part::ConvNorm(layers.conv_norm([input, wide], 1)));
    }
    let depthwise = layers.depthwise(wide, 3).with_stride(stride_px).with_dilation(dilation_px);
    conv.push(Part::ConvNorm(layers.finished(depthwise, wide)));
    conv.push(Part::Conv(layers.conv([wide, output], 1)));
    conv.push(Part::Norm(layers.norm(output)));
    conv
}

impl InvertedResidual {
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

/// From timm's stages of blocks, whose convolutions and norms have names of their own, to the
/// sequences of torchvision.
fn of_timm(name: &str) -> Option<String> {
    let (part, rest) = name.split_once('.')?;
    let last = GROUPS.iter().map(|it| it.2).sum::<usize>() + 1;
    let place = match part {
        "conv_stem" => "0.0".to_owned(),
        "bn1" => "0.1".to_owned(),
        "conv_head" => format!("{last}.0"),
        "bn2" => format!("{last}.1"),
        "blocks" => return in_block_of_timm(rest),
        _ => return None,
    };
    Some(format!("encoder.features.{place}.{rest}"))
}

/// Layers of timm's first block, and their places here.
const PLAIN_OF_TIMM: &[(&str, &str)] =
    &[("conv_dw", "0.0"), ("bn1", "0.1"), ("conv_pw", "1"), ("bn2", "2")];

/// The same of its blocks that widen.
const INVERTED_OF_TIMM: &[(&str, &str)] = &[
    ("conv_pw", "0.0"),
    ("bn1", "0.1"),
    ("conv_dw", "1.0"),
    ("bn2", "1.1"),
    ("conv_pwl", "2"),
    ("bn3", "3"),
];

/// From `stage.block.layer` of timm.
fn in_block_of_timm(name: &str) -> Option<String> {
    let mut parts = name.splitn(4, '.');
    let mut number = || parts.next()?.parse::<usize>().ok();
    let [stage, index] = [number()?, number()?];
    let (layer, rest) = (parts.next()?, parts.next()?);
    let (expansion, _, n_blocks, ..) = *GROUPS.get(stage)?;
    if n_blocks <= index {
        return None;
    }
    let layers = if expansion == 1 { PLAIN_OF_TIMM } else { INVERTED_OF_TIMM };
    let (_, place) = layers.iter().find(|it| it.0 == layer)?;
    let before = GROUPS[..stage].iter().map(|it| it.2).sum::<usize>();
    Some(format!("encoder.features.{}.conv.{place}.{rest}", 1 + before + index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timm_s_names_have_their_places() {
        for (timm, want) in [
            ("conv_stem.weight", Some("0.0.weight")),
            ("bn1.running_mean", Some("0.1.running_mean")),
            ("blocks.0.0.conv_dw.weight", Some("1.conv.0.0.weight")),
            ("blocks.0.0.bn2.bias", Some("1.conv.2.bias")),
            ("blocks.1.0.conv_pw.weight", Some("2.conv.0.0.weight")),
            ("blocks.1.1.conv_pwl.weight", Some("3.conv.2.weight")),
            ("blocks.3.3.bn2.num_batches_tracked", Some("10.conv.1.1.num_batches_tracked")),
            ("blocks.6.0.bn3.weight", Some("17.conv.3.weight")),
            ("conv_head.weight", Some("18.0.weight")),
            ("bn2.weight", Some("18.1.weight")),
            ("classifier.weight", None),
            ("blocks.0.0.conv_pwl.weight", None),
            ("blocks.1.2.conv_pw.weight", None),
            ("blocks.7.0.conv_pw.weight", None),
            ("blocks.x.0.conv_pw.weight", None),
        ] {
            let want = want.map(|it| format!("encoder.features.{it}"));
            assert_eq!(of_timm(timm), want, "{timm}");
        }
    }
}
