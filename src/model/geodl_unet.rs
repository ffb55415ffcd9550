//! The U-Net of geodl: small, without an encoder of others, with five options.

#![allow(non_snake_case, reason = "fields have the names of a state dictionary")]

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use swath_kernels::Interpolation;

use super::{
    Attention, AttentionGate, Conv2d, DropKind, Dropout, Features, Initial, ModelConfig, Network,
    NormKind, Outputs, Segmenter, SideOutput, SqueezeExcite,
    blocks::Pass,
    decoders::{ArchitectureSpec, Build, Channels, Knob, Sides},
    geodl_blocks::{Bottleneck, Pair, Pooling, Up},
    initialise,
};

/// Channels of the published network, from fine to coarse, and back.
const ENCODER: [u32; 4] = [16, 32, 64, 128];

const BOTTLENECK: u32 = 256;

const DECODER: [u32; 4] = [128, 64, 32, 16];

pub(super) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "U-Net of geodl",
    build: Build::Whole(|config, [n_bands, n_classes], device| {
        Network::GeodlUnet(GeodlUnet::new(config, n_bands, n_classes, device))
    }),
    depths: &[4],
    output_strides: &[],
    head_kernel_px: 1,
    norm: NormKind::Batch,
    drop_prob: 0.0,
    drop_kind: DropKind::Element,
    drops_inside: true,
    channels: Some(Channels::EachBlock),
    rates: Some([6, 12, 18]),
    needs_half: &[],
    sides: Sides::Blocks,
    smp: None,
    knobs: &[Knob::Gate, Knob::Residual, Knob::SqueezeExcite, Knob::Aspp],
};

/// U-Net of four pairs of convolutions down and four up, with these options:
///
/// - `residual`: the input of a pair is added to its output through a 1x1 convolution
/// - `squeeze_excite`: factors for the channels that come out of the way down
/// - `attention = "gate"`: coarser features open the skips
/// - `aspp`: convolutions with holes of several sizes in place of the coarsest pair
/// - `auxiliary`: logits of the coarser steps of the way up, from fine to coarse
///
/// What is enlarged is followed by ReLU always. A side that is not even loses its last row or column
/// on the way down, and gets it back from its neighbour.
///
/// Source: geodl 0.3.0, `defineUNet` (Maxwell et al. 2024), <https://doi.org/10.1371/journal.pone.0315127>;
/// names of its fields, without those of wrappers.
#[derive(Module, Debug)]
pub struct GeodlUnet {
    e1: Pair,
    e2: Pair,
    e3: Pair,
    e4: Pair,
    dUp1: Up,
    dUp2: Up,
    dUp3: Up,
    dUp4: Up,
    d1: Pair,
    d2: Pair,
    d3: Pair,
    d4: Pair,
    btn: Bottleneck,
    se1: Option<SqueezeExcite>,
    se2: Option<SqueezeExcite>,
    se3: Option<SqueezeExcite>,
    se4: Option<SqueezeExcite>,
    ag1: Option<AttentionGate>,
    ag2: Option<AttentionGate>,
    ag3: Option<AttentionGate>,
    ag4: Option<AttentionGate>,
    c4: Conv2d,
    c3: Option<Conv2d>,
    c2: Option<Conv2d>,
    c1: Option<Conv2d>,
    dropout: Dropout,
    #[module(skip)]
    auxiliary_weights: Vec<f64>,
}

impl GeodlUnet {
    /// A network with convolution weights of 0.
    pub(super) fn new(
        config: &ModelConfig,
        n_bands: usize,
        n_classes: usize,
        device: &Device,
    ) -> Self {
        let layers = config.decoder_layers(device);
        let [e1, e2, e3, e4] = ENCODER.map(|it| config.scaled(it));
        let widths = config.block_widths(&DECODER);
        let &[d1, d2, d3, d4] = widths.as_slice() else { panic!("{config:?} is not checked") };
        let bottom = config.scaled(BOTTLENECK);
        let pair = |channels| Pair::new(channels, config.residual, &layers);
        let se = |channels| config.squeeze_excite.then(|| SqueezeExcite::new(channels, device));
        let gate = |skip, gate| {
            let has_gates = config.attention == Some(Attention::Gate);
            has_gates.then(|| AttentionGate::new(skip, gate, &layers))
        };
        let head = |channels| Conv2d::new([channels, n_classes], 1, device).with_bias();
        let side = |index, channels| (index < config.auxiliary.len()).then(|| head(channels));
        Self {
            e1: pair([n_bands, e1]),
            e2: pair([e1, e2]),
            e3: pair([e2, e3]),
            e4: pair([e3, e4]),
            dUp1: Up::new(bottom, &layers),
            dUp2: Up::new(d1, &layers),
            dUp3: Up::new(d2, &layers),
            dUp4: Up::new(d3, &layers),
            d1: pair([bottom + e4, d1]),
            d2: pair([d1 + e3, d2]),
            d3: pair([d2 + e2, d3]),
            d4: pair([d3 + e1, d4]),
            btn: if config.aspp {
                Bottleneck::Pooling(Pooling::new([e4, bottom], config, &layers))
            } else {
                Bottleneck::Pair(pair([e4, bottom]))
            },
            se1: se(e1),
            se2: se(e2),
            se3: se(e3),
            se4: se(e4),
            ag1: gate(e1, d3),
            ag2: gate(e2, d2),
            ag3: gate(e3, d1),
            ag4: gate(e4, bottom),
            c4: head(d4),
            c3: side(0, d3),
            c2: side(1, d2),
            c1: side(2, d1),
            dropout: config.dropout(),
            auxiliary_weights: config.auxiliary.clone(),
        }
    }

    /// The same with weights drawn from `seed`.
    pub(super) fn initialised(self, seed: u64) -> Self {
        initialise(self, "", Initial::KaimingUniformFanIn, seed)
    }

    /// The main logits, and those of side branches in training.
    pub(super) fn logits(&self, images: Features, pass: Pass) -> (Features, Vec<Features>) {
        let image_px = images.size_px();
        let mut skips = Vec::new();
        let mut images = images;
        let down = [(&self.e1, &self.se1), (&self.e2, &self.se2), (&self.e3, &self.se3)];
        for (pair, squeeze) in down.into_iter().chain([(&self.e4, &self.se4)]) {
            images = pair.forward(images);
            if let Some(squeeze) = squeeze {
                images = squeeze.forward(images);
            }
            skips.push(images.clone());
            images = images.halved();
        }
        images = match &self.btn {
            Bottleneck::Pair(pair) => pair.forward(images),
            Bottleneck::Pooling(pooling) => pooling.forward(images),
        };
        let mut made = Vec::new();
        let up = [
            (&self.dUp1, &self.ag4, &self.d1),
            (&self.dUp2, &self.ag3, &self.d2),
            (&self.dUp3, &self.ag2, &self.d3),
            (&self.dUp4, &self.ag1, &self.d4),
        ];
        for (up, gate, pair) in up {
            let mut skip = skips.pop().expect("there are four");
            if let Some(gate) = gate {
                skip = gate.forward(skip, images.clone());
            }
            let larger = up.forward(images).resample(skip.size_px(), Interpolation::Nearest);
            images = pair.forward(Features::concatenate(vec![larger, skip]));
            made.push(images.clone());
        }
        let main = self.c4.forward(self.dropout.forward(images, pass));
        if pass == Pass::Prediction {
            return (main, Vec::new());
        }
        let heads = [&self.c3, &self.c2, &self.c1];
        let sides = made.into_iter().rev().skip(1).zip(heads).filter_map(|(features, head)| {
            let larger = features.resample(image_px, Interpolation::BilinearCorners);
            Some(head.as_ref()?.forward(larger))
        });
        (main, sides.collect())
    }
}

impl Segmenter for GeodlUnet {
    fn forward_in(&self, images: Tensor<4>, pass: Pass) -> Outputs {
        let (main, sides) = self.logits(Features::from_images(images), pass);
        let sides = sides.into_iter().zip(&self.auxiliary_weights);
        let auxiliary = sides
            .map(|(logits, &weight)| SideOutput { weight, logits: logits.into_images() })
            .collect();
        Outputs { main: main.into_images(), auxiliary }
    }
}
