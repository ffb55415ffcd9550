//! The decoder of U-Net: back up along the features of an encoder.

use burn::module::Module;
use swath_kernels::Interpolation;

use super::{
    ArchitectureSpec, Build, Channels, Decoder, Knob, Pyramid, Sides, Smp,
    decoder::{Decoded, Make},
};
use crate::model::{
    Attention, DoubleConv, Features, TransposedConv2d, Upsampling,
    blocks::{ConvNorm, DropKind, NormKind, Pass, run},
};

pub(in crate::model) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "U-Net",
    build: Build::Decoder(|make| {
        let (it, channels) = UnetDecoder::new(make);
        (Decoder::Unet(it), channels)
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
    sides: Sides::Blocks,
    smp: Some(Smp { changes_norm: true, ..Smp::new("Unet", 1) }),
    knobs: &[Knob::Depth, Knob::Upsampling, Knob::Transposed, Knob::Scse, Knob::OutputStride],
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

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Decoded {
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
                    // The reference joins features without channels, and attends to the rest.
                    None => {
                        let size_px = pyramid.size_px(left);
                        block.forward(images.resample(size_px, self.interpolation))
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

#[cfg(test)]
mod tests {
    use burn::{
        module::Module,
        tensor::{Device, Tensor},
    };

    use crate::{
        model::{Attention, Encoder, ModelConfig, Network, Segmenter},
        weights::state_dict,
    };

    fn build(encoder: Encoder, width: u32, n_bands: usize, n_classes: usize) -> Network {
        let config = ModelConfig { encoder, width, ..Default::default() };
        config.build(n_bands, n_classes, 1, &Device::flex())
    }

    #[test]
    fn attention_comes_before_every_block_but_the_last() {
        for encoder in [Encoder::Resnet18, Encoder::ConvnextTiny] {
            let attention = Some(Attention::Scse);
            let config = ModelConfig { encoder, attention, ..Default::default() };
            let layers = config.describe(3, 2, [64; 2]).layers;
            for index in 0..5 {
                let name = format!("decoder.blocks.{index}.attention1.attention.sSE.0");
                let is_there = layers.iter().any(|it| it.name == name);
                assert_eq!(is_there, index != 4, "{encoder:?}: {name}");
            }
        }
    }

    /// The reference makes features without channels there, of half the sides, rounded down.
    #[test]
    fn sides_are_rounded_down_where_the_encoder_has_no_features() {
        let config = ModelConfig { encoder: Encoder::ConvnextTiny, ..Default::default() };
        for (size_px, want) in [([101, 133], [50, 66]), ([100, 132], [50, 66]), ([1, 3], [1, 1])] {
            let layers = config.describe(3, 2, size_px).layers;
            let layer = layers.iter().find(|it| it.name == "decoder.blocks.3.conv1.0").unwrap();
            assert_eq!([layer.rows, layer.cols], want, "{size_px:?}");
        }
    }

    #[test]
    fn any_size_and_width_fits() {
        for width in [1, 3, 8] {
            let network = build(Encoder::Resnet34, width, 5, 2).valid();
            for (rows, cols) in [(1, 1), (33, 7), (64, 96)] {
                let images = Tensor::zeros([1, 5, rows, cols], &Device::flex());
                assert_eq!(network.forward(images).main.dims(), [1, 2, rows, cols]);
            }
        }
    }

    #[test]
    fn weights_depend_on_the_seed_and_the_name_alone() {
        let config = ModelConfig { encoder: Encoder::Resnet18, width: 4, ..Default::default() };
        let state =
            |n_classes, seed| state_dict(&config.build(3, n_classes, seed, &Device::flex()));
        assert_eq!(state(2, 7), state(2, 7));
        let conv = "decoder.blocks.1.conv2.0.weight";
        assert_eq!(state(2, 7).find(conv), state(5, 7).find(conv));
        assert_ne!(state(2, 7).find(conv), state(2, 8).find(conv));
        let twin = "encoder.layer1.0.conv2.weight";
        assert_ne!(
            state(2, 7).find(twin).unwrap().values,
            state(2, 7).find("encoder.layer1.1.conv2.weight").unwrap().values
        );
    }
}
