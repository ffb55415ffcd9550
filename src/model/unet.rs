//! U-Net: an encoder, and a decoder that goes back up along its features.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use swath_kernels::{Activation, Interpolation};

use super::{
    BatchNorm, Conv2d, Features, Initial, Outputs, ResNet, Segmenter, config::Widths, conv_norm,
    initialise,
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
    /// A network with convolution weights of 0.
    pub(super) fn new(n_bands: usize, n_classes: usize, widths: &Widths, device: &Device) -> Self {
        Self {
            encoder: ResNet::new(n_bands, widths.encoder[0], widths.n_blocks, device),
            decoder: UnetDecoder::new(widths, device),
            segmentation_head: [Conv2d::new([widths.decoder[4], n_classes], 3, device).with_bias()],
        }
    }

    /// The same with weights drawn from `seed`.
    pub(super) fn initialised(self, seed: u64) -> Self {
        let Self { encoder, decoder, segmentation_head: head } = self;
        Self {
            encoder: initialise(encoder, "encoder", Initial::KaimingNormalFanOut, seed),
            decoder: initialise(decoder, "decoder", Initial::KaimingUniformFanIn, seed),
            segmentation_head: initialise(head, "segmentation_head", Initial::XavierUniform, seed),
        }
    }
}

impl Segmenter for Unet {
    fn forward(&self, images: Tensor<4>) -> Outputs {
        let images = Features::from_images(images);
        let size_px = images.size_px();
        let decoded = self.decoder.forward(self.encoder.forward(images), size_px);
        let [head] = &self.segmentation_head;
        Outputs { main: head.forward(decoded).into_images(), auxiliary: Vec::new() }
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

    /// From the encoder's features, finest first, to features of `size_px`.
    fn forward(&self, features: [Features; 5], size_px: [usize; 2]) -> Features {
        let [half, quarter, eighth, sixteenth, deepest] = features;
        let skips = [Some(sixteenth), Some(eighth), Some(quarter), Some(half), None];
        self.blocks.iter().zip(skips).fold(deepest, |images, (block, skip)| match skip {
            Some(skip) => block.forward(images.upsample_concat(skip)),
            None => block.forward(images.resample(size_px, Interpolation::Nearest)),
        })
    }
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

    fn forward(&self, images: Features) -> Features {
        [&self.conv1, &self.conv2].into_iter().fold(images, |images, (conv, norm)| {
            conv_norm(conv, norm, images, None, Activation::Relu)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::tensor::TensorData;
    use serde::Deserialize;

    use super::*;
    use crate::{
        model::{Encoder, ModelConfig, Network},
        weights::{StateDict, Values, load, n_parameters, state_dict},
    };

    #[derive(Deserialize)]
    struct Golden {
        counts: BTreeMap<String, Counts>,
        keys: Vec<(String, Vec<usize>)>,
        forward: BTreeMap<String, serde_json::Value>,
    }

    #[derive(Deserialize)]
    struct Counts {
        total: usize,
        encoder: usize,
        decoder: usize,
        head: usize,
        buffer_elems: usize,
        n_state_dict: usize,
    }

    fn golden() -> Golden {
        serde_json::from_str(include_str!("../../tests/golden/unet.json")).unwrap()
    }

    fn build(encoder: Encoder, width: u32, n_bands: usize, n_classes: usize) -> Network {
        let config = ModelConfig { encoder, width, ..Default::default() };
        config.build(n_bands, n_classes, 1, &Device::flex())
    }

    #[test]
    fn parameters_are_counted_as_in_the_published_networks() {
        let golden = golden();
        for (encoder, name) in [(Encoder::Resnet18, "resnet18"), (Encoder::Resnet34, "resnet34")] {
            for (n_bands, n_classes) in [(3, 1), (4, 6)] {
                let want = &golden.counts[&format!("Unet-{name}-in{n_bands}-cls{n_classes}")];
                let network = build(encoder, 64, n_bands, n_classes);
                let Network::Unet(unet) = &network;
                assert_eq!(n_parameters(&network), want.total);
                assert_eq!(n_parameters(&unet.encoder), want.encoder);
                assert_eq!(n_parameters(&unet.decoder), want.decoder);
                assert_eq!(n_parameters(&unet.segmentation_head), want.head);
                let state = state_dict(&network);
                assert_eq!(state.entries.len(), want.n_state_dict);
                let all: usize = state.entries.iter().map(|entry| entry.values.len()).sum();
                assert_eq!(all, want.total + want.buffer_elems);
            }
        }
    }

    #[test]
    fn names_and_shapes_stand_in_the_published_order() {
        let state = state_dict(&build(Encoder::Resnet18, 64, 3, 1));
        let got: Vec<_> = state.entries.into_iter().map(|it| (it.name, it.shape)).collect();
        assert_eq!(got, golden().keys);
    }

    /// The closed-form values of the golden file's `fill_rule`.
    fn fill(state: &mut StateDict) {
        for (index, entry) in state.entries.iter_mut().enumerate() {
            let Values::F32(values) = &mut entry.values else { continue };
            let sine = |frequency: f64, k: usize| (frequency * k as f64 + index as f64).sin();
            let fan_in: usize = entry.shape[1..].iter().product();
            for (k, value) in values.iter_mut().enumerate() {
                let filled = match entry.name.rsplit('.').next().unwrap() {
                    "running_var" => 1.0 + 0.1 * sine(0.37, k),
                    "running_mean" => 0.05 * sine(0.53, k),
                    "weight" if entry.shape.len() == 1 => 1.0 + 0.1 * sine(0.71, k),
                    _ if entry.shape.len() == 1 => 0.05 * sine(0.91, k),
                    _ => sine(0.61, k) * (1.5 / fan_in as f64).sqrt(),
                };
                *value = filled as f32;
            }
        }
    }

    /// Logits of the closed-form input by the closed-form network, in prediction.
    fn deterministic_forward(n_bands: usize, n_classes: usize, size_px: [usize; 2]) -> Vec<f32> {
        let network = build(Encoder::Resnet18, 64, n_bands, n_classes);
        let mut state = state_dict(&network);
        fill(&mut state);
        let network = load(network, &state, "test").unwrap().valid();
        let [rows, cols] = size_px;
        let values = (0..n_bands * rows * cols).map(|k| (0.013 * k as f64).sin() as f32).collect();
        let images = TensorData::new(values, [1, n_bands, rows, cols]);
        let logits = network.forward(Tensor::from_data(images, &Device::flex())).main;
        assert_eq!(logits.dims(), [1, n_classes, rows, cols]);
        logits.into_data().iter().collect()
    }

    #[track_caller]
    fn check(what: &str, got: f32, want: &serde_json::Value) {
        let want = want.as_f64().unwrap();
        assert!((f64::from(got) - want).abs() < 1e-5, "{what}: got {got}, want {want}");
    }

    #[test]
    fn forward_is_that_of_the_published_network() {
        let want = &golden().forward["resnet18-64x64"];
        let got = deterministic_forward(3, 2, [64, 64]);
        check("mean", got.iter().sum::<f32>() / got.len() as f32, &want["mean"]);
        check("largest", got.iter().fold(0.0, |a, b| a.max(b.abs())), &want["abs_max"]);
        for class in 0..2 {
            for k in 0..4 {
                check("corner", got[class * 64 * 64 + k], &want["corner"][class][k]);
                let centre = got[(class * 64 + 32) * 64 + 30 + k];
                check("centre", centre, &want["centre"][class][k]);
            }
        }
    }

    #[test]
    fn sizes_that_are_no_multiple_of_32_work() {
        let want = &golden().forward["resnet18-100x132"];
        let [rows, cols] = [100, 132];
        let got = deterministic_forward(4, 6, [rows, cols]);
        check("mean", got.iter().sum::<f32>() / got.len() as f32, &want["mean"]);
        for class in 0..6 {
            let at = |row, col| got[(class * rows + row) * cols + col];
            check("upper left", at(0, 0), &want["corners"][0][class]);
            check("upper right", at(0, cols - 1), &want["corners"][1][class]);
            check("lower left", at(rows - 1, 0), &want["corners"][2][class]);
            check("lower right", at(rows - 1, cols - 1), &want["corners"][3][class]);
            check("centre", at(rows / 2, cols / 2), &want["centre"][class]);
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
