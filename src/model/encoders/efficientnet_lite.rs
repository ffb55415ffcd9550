//! EfficientNet-Lite0.

use burn::module::Module;
use swath_kernels::Activation;

use super::{EncoderNetwork, EncoderSpec, encoder::Make};
use crate::model::{
    Act, Conv2d, Features, Initial, Norm,
    blocks::{Layers, Padding, conv_norm},
};

pub(super) const SPEC: EncoderSpec = EncoderSpec {
    title: "EfficientNet-Lite0",
    new: |make| EncoderNetwork::EfficientNetLite(EfficientNetLite::new(make)),
    initial: Initial::KaimingNormalFanOutOfGroup,
    channels: &[16, 24, 40, 112, 320],
    output_strides: &[32, 16, 8],
    changes_norm: true,
    changes_activation: true,
    has_center: false,
    activation: Activation::Relu6,
    smp: Some("tu-tf_efficientnet_lite0"),
    smp_drops_stages: false,
    other_names: &[],
};

/// Added to the variance by its batch norms, as in TensorFlow.
const EPSILON: f64 = 1e-3;

/// Expansion, kernel, channels, blocks, whether it halves, of each stage.
const STAGES: [(usize, usize, u32, usize, bool); 7] = [
    (1, 3, 16, 1, false),
    (6, 3, 24, 2, true),
    (6, 5, 40, 2, true),
    (6, 3, 80, 3, true),
    (6, 5, 112, 3, false),
    (6, 5, 192, 4, true),
    (6, 3, 320, 1, false),
];

/// Features are taken behind these stages.
const TAPS: [usize; 5] = [0, 1, 2, 4, 6];

/// EfficientNet-Lite0 without its classifier: the blocks of EfficientNet-B0 without squeeze and
/// excitation, with ReLU6.
///
/// Source: Tan & Le 2019, table 1, <https://arxiv.org/abs/1905.11946>; names, paddings (TensorFlow's)
/// and constants of timm's `tf_efficientnet_lite0`, in the wrapper of `segmentation_models_pytorch`.
#[derive(Module, Debug)]
pub struct EfficientNetLite {
    model: Model,
}

#[derive(Module, Debug)]
struct Model {
    conv_stem: Conv2d,
    bn1: Norm,
    act: Act,
    blocks: Vec<Vec<Block>>,
}

#[derive(Module, Debug)]
enum Block {
    Separable(Separable),
    Inverted(InvertedResidual),
}

#[derive(Module, Debug)]
struct Separable {
    conv_dw: Conv2d,
    bn1: Norm,
    act: Act,
    conv_pw: Conv2d,
    bn2: Norm,
    is_residual: bool,
}

#[derive(Module, Debug)]
struct InvertedResidual {
    conv_pw: Conv2d,
    bn1: Norm,
    act1: Act,
    conv_dw: Conv2d,
    bn2: Norm,
    act2: Act,
    conv_pwl: Conv2d,
    bn3: Norm,
    is_residual: bool,
}

impl EfficientNetLite {
    pub(super) fn new(make: &Make<'_>) -> Self {
        let layers = Layers { epsilon: EPSILON, ..make.layers() };
        let mut input = make.scaled(32);
        let stem = layers.conv([make.n_bands, input], 3).with_stride(2);
        let (bn1, act) = (layers.norm(input), layers.act());
        let (mut reached_px, mut dilation) = (2, 1);
        let blocks = STAGES.map(|(expansion, kernel_px, channels, n_blocks, halves)| {
            let output = make.scaled(channels);
            // As in timm: where a stage would pass the output stride, it keeps the dilation of the one
            // before in its first block, and doubles it from the second on.
            let mut stride = 1;
            let mut later = dilation;
            if halves && reached_px < make.output_stride {
                stride = 2;
                reached_px *= 2;
            } else if halves {
                later *= 2;
            }
            let blocks: Vec<Block> = (0..n_blocks)
                .map(|index| {
                    let moves = if index == 0 { [stride, dilation] } else { [1, later] };
                    let conv = Depthwise { kernel_px, moves };
                    let block = Block::new([input, output], expansion, conv, &layers);
                    input = output;
                    block
                })
                .collect();
            dilation = later;
            blocks
        });
        let conv_stem = stem.with_padding(Padding::Same);
        Self { model: Model { conv_stem, bn1, act, blocks: blocks.into() } }
    }

    pub(super) fn forward(&self, images: Features, depth: usize) -> Vec<Option<Features>> {
        let Model { conv_stem, bn1, act, blocks } = &self.model;
        let mut images = conv_norm(conv_stem, bn1, images, None, act);
        let mut all = Vec::new();
        for (index, stage) in blocks.iter().enumerate() {
            images = stage.iter().fold(images, |images, block| block.forward(images));
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

/// The convolution in the middle of a block.
struct Depthwise {
    kernel_px: usize,
    /// Stride and dilation.
    moves: [usize; 2],
}

impl Depthwise {
    fn build(&self, channels: usize, layers: &Layers<'_>) -> Conv2d {
        let [stride_px, dilation_px] = self.moves;
        let conv = layers.depthwise(channels, self.kernel_px);
        conv.with_stride(stride_px).with_dilation(dilation_px).with_padding(Padding::Same)
    }
}

impl Block {
    fn new(
        [input, output]: [usize; 2],
        expansion: usize,
        depthwise: Depthwise,
        layers: &Layers<'_>,
    ) -> Self {
        let is_residual = input == output && depthwise.moves[0] == 1;
        if expansion == 1 {
            return Self::Separable(Separable {
                conv_dw: depthwise.build(input, layers),
                bn1: layers.norm(input),
                act: layers.act(),
                conv_pw: layers.conv([input, output], 1),
                bn2: layers.norm(output),
                is_residual,
            });
        }
        let wide = input * expansion;
        Self::Inverted(InvertedResidual {
            conv_pw: layers.conv([input, wide], 1),
            bn1: layers.norm(wide),
            act1: layers.act(),
            conv_dw: depthwise.build(wide, layers),
            bn2: layers.norm(wide),
            act2: layers.act(),
            conv_pwl: layers.conv([wide, output], 1),
            bn3: layers.norm(output),
            is_residual,
        })
    }

    fn forward(&self, images: Features) -> Features {
        match self {
            Self::Separable(it) => {
                let residual = it.is_residual.then(|| images.clone());
                let images = conv_norm(&it.conv_dw, &it.bn1, images, None, &it.act);
                conv_norm(&it.conv_pw, &it.bn2, images, residual, &Act::none())
            }
            Self::Inverted(it) => {
                let residual = it.is_residual.then(|| images.clone());
                let images = conv_norm(&it.conv_pw, &it.bn1, images, None, &it.act1);
                let images = conv_norm(&it.conv_dw, &it.bn2, images, None, &it.act2);
                conv_norm(&it.conv_pwl, &it.bn3, images, residual, &Act::none())
            }
        }
    }
}
