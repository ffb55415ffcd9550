//! Residual networks.

use burn::module::Module;
use swath_kernels::{Activation, burn::Windows};

use super::{EncoderNetwork, EncoderSpec, encoder::Make};
use crate::model::{
    Act, Conv2d, Features, Initial, Norm,
    blocks::{Layers, conv_norm},
};

const fn spec(
    [title, smp]: [&'static str; 2],
    channels: &'static [u32],
    new: fn(&Make<'_>) -> EncoderNetwork,
) -> EncoderSpec {
    EncoderSpec {
        title,
        new,
        initial: Initial::KaimingNormalFanOut,
        channels,
        output_strides: &[32, 16, 8],
        changes_norm: true,
        changes_activation: true,
        has_center: false,
        activation: Activation::Relu,
        smp: Some(smp),
        smp_drops_stages: false,
        other_names: &[],
    }
}

const BASIC: &[u32] = &[64, 64, 128, 256, 512];

const WIDE: &[u32] = &[64, 256, 512, 1024, 2048];

pub(super) const RESNET_18: EncoderSpec =
    spec(["ResNet-18", "resnet18"], BASIC, |make| ResNet::basic(make, [2, 2, 2, 2]));

pub(super) const RESNET_34: EncoderSpec =
    spec(["ResNet-34", "resnet34"], BASIC, |make| ResNet::basic(make, [3, 4, 6, 3]));

pub(super) const RESNET_50: EncoderSpec =
    spec(["ResNet-50", "resnet50"], WIDE, |make| ResNet::bottleneck(make, [3, 4, 6, 3]));

pub(super) const RESNET_101: EncoderSpec =
    spec(["ResNet-101", "resnet101"], WIDE, |make| ResNet::bottleneck(make, [3, 4, 23, 3]));

pub(super) const RESNET_152: EncoderSpec =
    spec(["ResNet-152", "resnet152"], WIDE, |make| ResNet::bottleneck(make, [3, 8, 36, 3]));

/// A residual network without its classifier.
///
/// ```text
/// resolution   1/2        1/4             1/8         1/16        1/32
/// layers       conv1 bn1  pool, layer1    layer2      layer3      layer4
/// channels     width      width           2 width     4 width     8 width     (x 4 with bottlenecks)
/// ```
///
/// With a smaller output stride the last layers keep their resolution, and all their convolutions
/// are dilated instead.
///
/// Source: He et al. 2016, table 1, <https://arxiv.org/abs/1512.03385>; names, paddings and the place
/// of a bottleneck's stride (its 3x3 convolution) are torchvision's.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: Norm,
    relu: Act,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
}

/// A block of either kind.
#[derive(Module, Debug)]
enum Block {
    Basic(BasicBlock),
    Bottleneck(Bottleneck),
}

/// Channels in, inside and out, and how a block moves.
#[derive(Clone, Copy)]
struct BlockShape {
    input: usize,
    inner: usize,
    output: usize,
    stride_px: usize,
    dilation_px: usize,
}

impl ResNet {
    fn basic(make: &Make<'_>, n_blocks: [usize; 4]) -> EncoderNetwork {
        let block = |shape, layers: &Layers<'_>| Block::Basic(BasicBlock::new(shape, layers));
        EncoderNetwork::ResNet(Self::new(make, n_blocks, 1, block))
    }

    fn bottleneck(make: &Make<'_>, n_blocks: [usize; 4]) -> EncoderNetwork {
        let block = |shape, layers: &Layers<'_>| Block::Bottleneck(Bottleneck::new(shape, layers));
        EncoderNetwork::ResNet(Self::new(make, n_blocks, 4, block))
    }

    fn new(
        make: &Make<'_>,
        n_blocks: [usize; 4],
        expansion: u32,
        block: impl Fn(BlockShape, &Layers<'_>) -> Block,
    ) -> Self {
        let layers = make.layers();
        let width = make.scaled(64);
        let mut input = width;
        let mut layer = |index: usize| {
            let channels = 64 << index;
            let (inner, output) = (make.scaled(channels), make.scaled(channels * expansion));
            let [stride_px, dilation_px] = make.steps(4 << index, 0 < index);
            let blocks = (0..n_blocks[index]).map(|place| {
                let stride_px = if place == 0 { stride_px } else { 1 };
                let shape = BlockShape { input, inner, output, stride_px, dilation_px };
                input = output;
                block(shape, &layers)
            });
            blocks.collect::<Vec<_>>()
        };
        Self {
            conv1: layers.conv([make.n_bands, width], 7).with_stride(2),
            bn1: layers.norm(width),
            relu: layers.act(),
            layer1: layer(0),
            layer2: layer(1),
            layer3: layer(2),
            layer4: layer(3),
        }
    }

    /// Features at 1/2 to 1/32. Sizes are rounded up.
    pub(super) fn forward(&self, images: Features, depth: usize) -> Vec<Option<Features>> {
        let windows = Windows { kernel: [3; 2], stride: [2; 2], padding: [1; 2] };
        let mut images = conv_norm(&self.conv1, &self.bn1, images, None, &self.relu);
        let mut all = vec![Some(images.clone())];
        let stages = [&self.layer1, &self.layer2, &self.layer3, &self.layer4];
        for (index, blocks) in stages.into_iter().enumerate().take(depth - 1) {
            if index == 0 {
                images = images.max_pool(windows);
            }
            images = blocks.iter().fold(images, |images, block| block.forward(images));
            all.push(Some(images.clone()));
        }
        all
    }
}

impl Block {
    fn forward(&self, images: Features) -> Features {
        match self {
            Self::Basic(block) => block.forward(images),
            Self::Bottleneck(block) => block.forward(images),
        }
    }
}

/// Two 3x3 convolutions around which the input is passed and added.
#[derive(Module, Debug)]
pub struct BasicBlock {
    conv1: Conv2d,
    bn1: Norm,
    relu: Act,
    conv2: Conv2d,
    bn2: Norm,
    /// Fits the input to the output where they differ.
    downsample: Option<(Conv2d, Norm)>,
}

impl BasicBlock {
    fn new(shape: BlockShape, layers: &Layers<'_>) -> Self {
        let BlockShape { input, output, stride_px, dilation_px, .. } = shape;
        let conv = |channels| layers.conv(channels, 3).with_dilation(dilation_px);
        Self {
            conv1: conv([input, output]).with_stride(stride_px),
            bn1: layers.norm(output),
            relu: layers.act(),
            conv2: conv([output; 2]),
            bn2: layers.norm(output),
            downsample: shape.downsample(layers),
        }
    }

    /// To the block's channels at its resolution.
    pub fn forward(&self, images: Features) -> Features {
        let shortcut = shortcut(self.downsample.as_ref(), &images);
        let images = conv_norm(&self.conv1, &self.bn1, images, None, &self.relu);
        conv_norm(&self.conv2, &self.bn2, images, Some(shortcut), &self.relu)
    }
}

/// A 3x3 convolution between two of 1x1, around which the input is passed and added.
#[derive(Module, Debug)]
pub struct Bottleneck {
    conv1: Conv2d,
    bn1: Norm,
    conv2: Conv2d,
    bn2: Norm,
    conv3: Conv2d,
    bn3: Norm,
    relu: Act,
    /// Fits the input to the output where they differ.
    downsample: Option<(Conv2d, Norm)>,
}

impl Bottleneck {
    fn new(shape: BlockShape, layers: &Layers<'_>) -> Self {
        let BlockShape { input, inner, output, stride_px, dilation_px } = shape;
        let middle = layers.conv([inner; 2], 3);
        Self {
            conv1: layers.conv([input, inner], 1),
            bn1: layers.norm(inner),
            conv2: middle.with_stride(stride_px).with_dilation(dilation_px),
            bn2: layers.norm(inner),
            conv3: layers.conv([inner, output], 1),
            bn3: layers.norm(output),
            relu: layers.act(),
            downsample: shape.downsample(layers),
        }
    }

    /// To the block's channels at its resolution.
    pub fn forward(&self, images: Features) -> Features {
        let shortcut = shortcut(self.downsample.as_ref(), &images);
        let images = conv_norm(&self.conv1, &self.bn1, images, None, &self.relu);
        let images = conv_norm(&self.conv2, &self.bn2, images, None, &self.relu);
        conv_norm(&self.conv3, &self.bn3, images, Some(shortcut), &self.relu)
    }
}

impl BlockShape {
    fn downsample(&self, layers: &Layers<'_>) -> Option<(Conv2d, Norm)> {
        let Self { input, output, stride_px, .. } = *self;
        let is_first = input != output || stride_px != 1;
        is_first.then(|| {
            let conv = layers.conv([input, output], 1).with_stride(stride_px);
            (conv, layers.norm(output))
        })
    }
}

fn shortcut(downsample: Option<&(Conv2d, Norm)>, images: &Features) -> Features {
    match downsample {
        Some((conv, norm)) => conv_norm(conv, norm, images.clone(), None, &Act::none()),
        None => images.clone(),
    }
}
