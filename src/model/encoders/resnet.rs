//! Residual networks of basic blocks: ResNet-18 and ResNet-34.

use burn::{module::Module, tensor::Device};
use swath_kernels::{Activation, burn::Windows};

use crate::model::{BatchNorm, Conv2d, Features, conv_norm};

/// A residual network without its classifier.
///
/// ```text
/// resolution   1/2        1/4             1/8         1/16        1/32
/// layers       conv1 bn1  pool, layer1    layer2      layer3      layer4
/// channels     width      width           2 width     4 width     8 width
/// ```
///
/// Source: He et al. 2016, table 1, <https://arxiv.org/abs/1512.03385>; names and paddings of
/// torchvision.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    layer1: Vec<BasicBlock>,
    layer2: Vec<BasicBlock>,
    layer3: Vec<BasicBlock>,
    layer4: Vec<BasicBlock>,
}

impl ResNet {
    /// `n_blocks` per layer: `[2, 2, 2, 2]` is ResNet-18, `[3, 4, 6, 3]` is ResNet-34; `width` is
    /// 64 in both.
    pub fn new(n_bands: usize, width: usize, n_blocks: [usize; 4], device: &Device) -> Self {
        let layer = |channels: [usize; 2], stride_px, n_blocks| -> Vec<BasicBlock> {
            let [_, output] = channels;
            let first = BasicBlock::new(channels, stride_px, device);
            let rest = (1..n_blocks).map(|_| BasicBlock::new([output; 2], 1, device));
            std::iter::once(first).chain(rest).collect()
        };
        let [n1, n2, n3, n4] = n_blocks;
        Self {
            conv1: Conv2d::new([n_bands, width], 7, device).with_stride(2),
            bn1: BatchNorm::new(width, device),
            layer1: layer([width, width], 1, n1),
            layer2: layer([width, 2 * width], 2, n2),
            layer3: layer([2 * width, 4 * width], 2, n3),
            layer4: layer([4 * width, 8 * width], 2, n4),
        }
    }

    /// The features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution of `images`. Sizes are
    /// rounded up.
    pub fn forward(&self, images: Features) -> [Features; 5] {
        let half = conv_norm(&self.conv1, &self.bn1, images, None, Activation::Relu);
        let windows = Windows { kernel: [3; 2], stride: [2; 2], padding: [1; 2] };
        let pooled = half.clone().max_pool(windows);
        let quarter = forward_all(&self.layer1, pooled);
        let eighth = forward_all(&self.layer2, quarter.clone());
        let sixteenth = forward_all(&self.layer3, eighth.clone());
        let deepest = forward_all(&self.layer4, sixteenth.clone());
        [half, quarter, eighth, sixteenth, deepest]
    }
}

fn forward_all(layer: &[BasicBlock], images: Features) -> Features {
    layer.iter().fold(images, |images, block| block.forward(images))
}

/// Two 3x3 convolutions around which the input is passed and added.
#[derive(Module, Debug)]
pub struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    /// Fits the input to the output where they differ.
    downsample: Option<(Conv2d, BatchNorm)>,
}

impl BasicBlock {
    /// From `channels[0]` to `channels[1]`, with one output for every `stride_px` rows and columns.
    pub fn new(channels: [usize; 2], stride_px: usize, device: &Device) -> Self {
        let [input, output] = channels;
        let is_same = input == output && stride_px == 1;
        let downsample = (!is_same).then(|| {
            let conv = Conv2d::new(channels, 1, device).with_stride(stride_px);
            (conv, BatchNorm::new(output, device))
        });
        Self {
            conv1: Conv2d::new(channels, 3, device).with_stride(stride_px),
            bn1: BatchNorm::new(output, device),
            conv2: Conv2d::new([output; 2], 3, device),
            bn2: BatchNorm::new(output, device),
            downsample,
        }
    }

    /// To the block's channels at its resolution.
    pub fn forward(&self, images: Features) -> Features {
        let shortcut = match &self.downsample {
            Some((conv, norm)) => conv_norm(conv, norm, images.clone(), None, Activation::None),
            None => images.clone(),
        };
        let images = conv_norm(&self.conv1, &self.bn1, images, None, Activation::Relu);
        conv_norm(&self.conv2, &self.bn2, images, Some(shortcut), Activation::Relu)
    }
}
