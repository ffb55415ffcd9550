//! ConvNeXt-Tiny.

use burn::{
    module::{Module, Param},
    tensor::Tensor,
};
use swath_kernels::Activation;

use super::{EncoderSpec, encoder::Make};
use crate::model::{
    Act, Conv2d, Features, LayerNorm, Linear,
    blocks::{Layers, Padding},
    features::Layer,
};

pub(super) const SPEC: EncoderSpec = EncoderSpec {
    title: "ConvNeXt-Tiny",
    channels: &[0, 96, 192, 384, 768],
    output_strides: &[32],
    changes_norm: false,
    changes_activation: true,
    has_center: false,
};

/// Added to the variance by its layer norms.
const EPSILON: f64 = 1e-6;

/// First factor of what a block adds.
const LAYER_SCALE: f64 = 1e-6;

/// Channels and blocks of each stage.
const STAGES: [(u32, usize); 4] = [(96, 3), (192, 3), (384, 9), (768, 3)];

/// ConvNeXt-Tiny without its classifier. There are no features at 1/2.
///
/// Its patches leave out what does not fill one: sizes are rounded down. Images of less than 32 pixels
/// get zeros behind them. Blocks are never left out at
/// random (stochastic depth).
///
/// Source: Liu et al. 2022, <https://arxiv.org/abs/2201.03545>; names of torchvision's
/// `convnext_tiny`.
#[derive(Module, Debug)]
pub struct ConvNeXt {
    features: Vec<Place>,
}

/// A place in torchvision's sequence.
#[derive(Module, Debug)]
enum Place {
    Stem((Conv2d, LayerNorm)),
    Stage(Vec<Block>),
    Halve((LayerNorm, Conv2d)),
}

#[derive(Module, Debug)]
struct Block {
    /// `[channel, 1, 1]`
    layer_scale: Param<Tensor<3>>,
    block: Vec<Inner>,
}

/// A place in torchvision's sequence inside a block.
#[derive(Module, Debug)]
enum Inner {
    Conv(Conv2d),
    Norm(LayerNorm),
    Linear(Linear),
    Act(Act),
}

impl ConvNeXt {
    pub(super) fn new(make: &Make<'_>) -> Self {
        let layers = make.layers(Activation::Gelu);
        let norm = |channels| LayerNorm::new(channels, EPSILON, make.device);
        // Kernel and stride are the same: patches side by side.
        let patches = |channels, size_px: usize| {
            let conv = Conv2d::new(channels, size_px, make.device).with_bias();
            conv.with_stride(size_px).with_padding(Padding::Zero)
        };
        let mut input = make.scaled(STAGES[0].0);
        let mut features = vec![Place::Stem((patches([make.n_bands, input], 4), norm(input)))];
        for (index, (channels, n_blocks)) in STAGES.into_iter().enumerate() {
            let output = make.scaled(channels);
            if 0 < index {
                features.push(Place::Halve((norm(input), patches([input, output], 2))));
            }
            let blocks = (0..n_blocks).map(|_| Block::new(output, &layers)).collect();
            features.push(Place::Stage(blocks));
            input = output;
        }
        Self { features }
    }

    pub(super) fn forward(&self, images: Features, depth: usize) -> Vec<Option<Features>> {
        let mut images = images.zeros_behind([32; 2]);
        let mut all = vec![None];
        for place in &self.features {
            if all.len() == depth {
                break;
            }
            images = match place {
                Place::Stem((conv, norm)) => norm.forward(conv.forward(images)),
                Place::Halve((norm, conv)) => conv.forward(norm.forward(images)),
                Place::Stage(blocks) => {
                    let images = blocks.iter().fold(images, |it, block| block.forward(it));
                    all.push(Some(images.clone()));
                    images
                }
            };
        }
        all
    }
}

impl Block {
    fn new(channels: usize, layers: &Layers<'_>) -> Self {
        let device = layers.device;
        let linear = |channels| Inner::Linear(Linear::new(channels, device).with_bias());
        let wide = 4 * channels;
        let scale = Tensor::full([channels, 1, 1], LAYER_SCALE, device);
        Self {
            layer_scale: Param::from_tensor(scale),
            block: vec![
                Inner::Conv(Conv2d::depthwise(channels, 7, device).with_bias()),
                Inner::Act(Act::none()), // The place of a permutation.
                Inner::Norm(LayerNorm::new(channels, EPSILON, device)),
                linear([channels, wide]),
                Inner::Act(layers.act()),
                linear([wide, channels]),
            ],
        }
    }

    fn forward(&self, images: Features) -> Features {
        let inner = self.block.iter().fold(images.clone(), |images, place| match place {
            Inner::Conv(conv) => conv.forward(images),
            Inner::Norm(norm) => norm.forward(images),
            Inner::Linear(linear) => linear.forward(images),
            Inner::Act(act) => act.forward(images),
        });
        let [.., channels] = inner.shape();
        let weight = Some(self.layer_scale.id);
        let layer = Layer { weight, ..Layer::plain("scale", inner.shape()) };
        let scaled =
            inner.through(layer, |it| it * self.layer_scale.val().reshape([1, 1, 1, channels]));
        images.plus(scaled)
    }
}
