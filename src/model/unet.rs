//! U-Net: an encoder, and a decoder that goes back up along its features.

use burn::{
    module::Module,
    tensor::{Device, Tensor, activation::relu},
};

use super::{
    BatchNorm, Conv2d, Initial, Outputs, ResNet, Segmenter, config::Widths, initialise, upsample_to,
};

/// U-Net with a residual encoder.
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
pub struct Unet {
    encoder: ResNet,
    decoder: UnetDecoder,
    segmentation_head: [Conv2d; 1],
}

impl Unet {
    /// A network with weights drawn from `seed`.
    pub(super) fn new(
        n_bands: usize,
        n_classes: usize,
        widths: &Widths,
        seed: u64,
        device: &Device,
    ) -> Self {
        let encoder = ResNet::new(n_bands, widths.encoder[0], widths.n_blocks, device);
        let decoder = UnetDecoder::new(widths, device);
        let head = [Conv2d::new([widths.decoder[4], n_classes], 3, device).with_bias()];
        Self {
            encoder: initialise(encoder, "encoder", Initial::KaimingNormalFanOut, seed),
            decoder: initialise(decoder, "decoder", Initial::KaimingUniformFanIn, seed),
            segmentation_head: initialise(head, "segmentation_head", Initial::XavierUniform, seed),
        }
    }
}

impl Segmenter for Unet {
    fn forward(&self, images: Tensor<4>) -> Outputs {
        let [_, _, rows, cols] = images.dims();
        let features = self.encoder.forward(images);
        let decoded = self.decoder.forward(features, [rows, cols]);
        let [head] = &self.segmentation_head;
        Outputs { main: head.forward(decoded), auxiliary: Vec::new() }
    }
}

/// The way back up of a U-Net.
#[derive(Module, Debug)]
pub struct UnetDecoder {
    blocks: Vec<DecoderBlock>,
}

impl UnetDecoder {
    fn new(widths: &Widths, device: &Device) -> Self {
        let [half, quarter, eighth, sixteenth, deepest] = widths.encoder;
        let [block1, block2, block3, block4, block5] = widths.decoder;
        let blocks = vec![
            DecoderBlock::new(deepest + sixteenth, block1, device),
            DecoderBlock::new(block1 + eighth, block2, device),
            DecoderBlock::new(block2 + quarter, block3, device),
            DecoderBlock::new(block3 + half, block4, device),
            DecoderBlock::new(block4, block5, device),
        ];
        Self { blocks }
    }

    /// From the encoder's features, finest first, to `[batch, channel, row, col]` of `size_px`.
    fn forward(&self, features: [Tensor<4>; 5], size_px: [usize; 2]) -> Tensor<4> {
        let [half, quarter, eighth, sixteenth, deepest] = features;
        let skips = [Some(sixteenth), Some(eighth), Some(quarter), Some(half), None];
        self.blocks.iter().zip(skips).fold(deepest, |images, (block, skip)| match skip {
            Some(skip) => block.forward(join(images, skip)),
            None => block.forward(upsample_to(images, size_px)),
        })
    }
}

/// Enlarges `images` to the size of `skip` and stacks the channels of both.
fn join(images: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
    let [_, _, rows, cols] = skip.dims();
    Tensor::cat(vec![upsample_to(images, [rows, cols]), skip], 1)
}

/// Two 3x3 convolutions, each with batch norm and ReLU.
#[derive(Module, Debug)]
pub struct DecoderBlock {
    conv1: (Conv2d, BatchNorm),
    conv2: (Conv2d, BatchNorm),
}

impl DecoderBlock {
    fn new(input: usize, output: usize, device: &Device) -> Self {
        let conv =
            |input| (Conv2d::new([input, output], 3, device), BatchNorm::new(output, device));
        Self { conv1: conv(input), conv2: conv(output) }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let (conv1, norm1) = &self.conv1;
        let (conv2, norm2) = &self.conv2;
        let images = relu(norm1.forward(conv1.forward(images)));
        relu(norm2.forward(conv2.forward(images)))
    }
}
