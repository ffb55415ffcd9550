//! ConvNeXt-Tiny.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};
use swath_kernels::Activation;

use super::{EncoderNetwork, EncoderSpec, OtherNames, encoder::Make};
use crate::model::{
    Act, Conv2d, Features, Initial, LayerNorm, Linear,
    blocks::{Layers, Padding},
    features::Layer,
};

pub(super) const SPEC: EncoderSpec = EncoderSpec {
    title: "ConvNeXt-Tiny",
    new: |make| EncoderNetwork::ConvNeXt(ConvNeXt::new(make)),
    initial: Initial::NarrowNormal,
    channels: &[0, 96, 192, 384, 768],
    output_strides: &[32],
    changes_norm: false,
    changes_activation: true,
    has_center: false,
    activation: Activation::Gelu,
    smp: Some("tu-convnext_tiny"),
    smp_drops_stages: true,
    other_names: &[
        OtherNames { library: "timm", renamed: of_timm },
        OtherNames { library: "torchvision", renamed: of_torchvision },
    ],
};

/// Added to the variance by its layer norms.
const EPSILON: f64 = 1e-6;

/// First factor of what a block adds.
const GAMMA: f64 = 1e-6;

/// Channels and blocks of each stage.
const STAGES: [(u32, usize); 4] = [(96, 3), (192, 3), (384, 9), (768, 3)];

/// ConvNeXt-Tiny without its classifier. There are no features at 1/2.
///
/// Its patches leave out what does not fill one: sizes are rounded down. Images that are smaller than
/// a pixel of the coarsest features get zeros behind them. Blocks are never left out at
/// random (stochastic depth).
///
/// Source: Liu et al. 2022, <https://arxiv.org/abs/2201.03545>; names of timm's `convnext_tiny` in the
/// wrapper of `segmentation_models_pytorch`.
#[derive(Module, Debug)]
pub struct ConvNeXt {
    model: Model,
}

#[derive(Module, Debug)]
struct Model {
    stem_0: Conv2d,
    stem_1: LayerNorm,
    stages_0: Stage,
    stages_1: Stage,
    stages_2: Stage,
    stages_3: Stage,
}

#[derive(Module, Debug)]
struct Stage {
    /// Not in the first one.
    downsample: Option<(LayerNorm, Conv2d)>,
    blocks: Vec<Block>,
}

#[derive(Module, Debug)]
struct Block {
    /// Factors of what is added, `[channel]`.
    gamma: Param<Tensor<1>>,
    conv_dw: Conv2d,
    norm: LayerNorm,
    mlp: Mlp,
}

#[derive(Module, Debug)]
struct Mlp {
    fc1: Linear,
    act: Act,
    fc2: Linear,
}

impl ConvNeXt {
    pub(super) fn new(make: &Make<'_>) -> Self {
        let layers = make.layers();
        let first = make.scaled(STAGES[0].0);
        let mut input = first;
        let mut stage = |index: usize| {
            let (channels, n_blocks) = STAGES[index];
            let output = make.scaled(channels);
            let downsample = (0 < index)
                .then(|| (norm(input, make.device), patches([input, output], 2, make.device)));
            input = output;
            Stage {
                downsample,
                blocks: (0..n_blocks).map(|_| Block::new(output, &layers)).collect(),
            }
        };
        Self {
            model: Model {
                stem_0: patches([make.n_bands, first], 4, make.device),
                stem_1: norm(first, make.device),
                stages_0: stage(0),
                stages_1: stage(1),
                stages_2: stage(2),
                stages_3: stage(3),
            },
        }
    }

    pub(super) fn forward(&self, images: Features, depth: usize) -> Vec<Option<Features>> {
        let Model { stem_0, stem_1, stages_0, stages_1, stages_2, stages_3 } = &self.model;
        let mut images = stem_1.forward(stem_0.forward(images.at_least([1 << depth; 2])));
        let mut all = vec![None];
        for Stage { downsample, blocks } in
            [stages_0, stages_1, stages_2, stages_3].into_iter().take(depth - 1)
        {
            if let Some((norm, conv)) = downsample {
                images = conv.forward(norm.forward(images));
            }
            images = blocks.iter().fold(images, |it, block| block.forward(it));
            all.push(Some(images.clone()));
        }
        all
    }
}

fn norm(channels: usize, device: &Device) -> LayerNorm {
    LayerNorm::new(channels, EPSILON, device)
}

/// Kernel and stride are the same: patches side by side.
fn patches(channels: [usize; 2], size_px: usize, device: &Device) -> Conv2d {
    let conv = Conv2d::new(channels, size_px, device).with_bias();
    conv.with_stride(size_px).with_padding(Padding::Zero)
}

impl Block {
    fn new(channels: usize, layers: &Layers<'_>) -> Self {
        let device = layers.device;
        let linear = |channels| Linear::new(channels, device).with_bias();
        let wide = 4 * channels;
        Self {
            gamma: Param::from_tensor(Tensor::full([channels], GAMMA, device)),
            conv_dw: Conv2d::depthwise(channels, 7, device).with_bias(),
            norm: norm(channels, device),
            mlp: Mlp {
                fc1: linear([channels, wide]),
                act: layers.act(),
                fc2: linear([wide, channels]),
            },
        }
    }

    fn forward(&self, images: Features) -> Features {
        let Self { gamma, conv_dw, norm, mlp: Mlp { fc1, act, fc2 } } = self;
        let inner = norm.forward(conv_dw.forward(images.clone()));
        let inner = fc2.forward(act.forward(fc1.forward(inner)));
        let [.., channels] = inner.shape();
        let layer = Layer { weight: Some(gamma.id), ..Layer::plain("scale", inner.shape()) };
        images.plus(inner.through(layer, |it| it * gamma.val().reshape([1, 1, 1, channels])))
    }
}

/// From `stem.0` to `stem_0` and from `stages.1` to `stages_1`: what is built of timm's networks has
/// no sequence of stages.
fn of_timm(name: &str) -> Option<String> {
    let (part, rest) = name.split_once('.')?;
    ["stem", "stages"].contains(&part).then(|| format!("encoder.model.{part}_{rest}"))
}

/// From torchvision's sequence: the stem, a stage, and thrice a step that halves and a stage.
fn of_torchvision(name: &str) -> Option<String> {
    let (place, rest) = name.strip_prefix("features.")?.split_once('.')?;
    let place: usize = place.parse().ok()?;
    let name = match (place, place % 2) {
        (0, _) => format!("stem_{rest}"),
        (_, 0) => format!("stages_{}.downsample.{rest}", place / 2),
        _ => {
            let (block, inner) = rest.split_once('.')?;
            format!("stages_{}.blocks.{block}.{}", place / 2, inner_of_torchvision(inner)?)
        }
    };
    Some(format!("encoder.model.{name}"))
}

fn inner_of_torchvision(name: &str) -> Option<String> {
    if name == "layer_scale" {
        return Some("gamma".to_owned());
    }
    let (place, rest) = name.strip_prefix("block.")?.split_once('.')?;
    let layer = match place {
        "0" => "conv_dw",
        "2" => "norm",
        "3" => "mlp.fc1",
        "5" => "mlp.fc2",
        _ => return None,
    };
    Some(format!("{layer}.{rest}"))
}
