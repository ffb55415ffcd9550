//! The decoder of U-Net++: a U-Net whose skips are U-Nets.

use burn::module::Module;
use swath_kernels::Interpolation;

use super::{
    ArchitectureSpec, Build, Channels, Decoder, Knob, Pyramid, Sides, Smp,
    decoder::{Decoded, Make},
};
use crate::model::{
    Attention, DoubleConv, Features,
    blocks::{ConvNorm, DropKind, NormKind, Pass},
};

pub(in crate::model) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "U-Net++",
    build: Build::Decoder(|make| {
        let (it, channels) = UnetPlusPlus::new(make);
        (Decoder::UnetPlusPlus(it), channels)
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
    sides: Sides::Nested,
    smp: Some(Smp { changes_norm: true, ..Smp::new("UnetPlusPlus", 1) }),
    knobs: &[Knob::Depth, Knob::Upsampling, Knob::Scse, Knob::OutputStride],
};

/// The nested way back up of a U-Net++.
///
/// Block `x_i_j` takes what block `x_i_(j-1)` made, enlarges it, and joins the blocks `x_(i+1)_j` to
/// `x_j_j` and the encoder's features of that size. Blocks enlarge to the size of what they join, so
/// that any image size works; where sides are multiples of 32, that doubles them.
///
/// Side branches are those of the paper's deep supervision: the finest block of each shallower U-Net,
/// the deepest of them first. Where an encoder has no features at 1/2, shallower U-Nets have no blocks
/// there, and end at 1/4.
///
/// Source: Zhou et al. 2018, <https://arxiv.org/abs/1807.10165>, as built by
/// `segmentation_models_pytorch` 0.6.0 (`UnetPlusPlus`).
#[derive(Module, Debug)]
pub struct UnetPlusPlus {
    /// In the state dictionary of a VGG's decoder, though nothing runs it, as in the reference.
    center: Option<(ConvNorm, ConvNorm)>,
    blocks: Blocks,
    #[module(skip)]
    interpolation: Interpolation,
    depth: usize,
    n_sides: usize,
}

/// By their names in a state dictionary.
#[derive(Module, Debug)]
struct Blocks {
    x_0_0: Option<DoubleConv>,
    x_0_1: Option<DoubleConv>,
    x_1_1: Option<DoubleConv>,
    x_0_2: Option<DoubleConv>,
    x_1_2: Option<DoubleConv>,
    x_2_2: Option<DoubleConv>,
    x_0_3: Option<DoubleConv>,
    x_1_3: Option<DoubleConv>,
    x_2_3: Option<DoubleConv>,
    x_3_3: Option<DoubleConv>,
    x_0_4: Option<DoubleConv>,
}

impl UnetPlusPlus {
    /// With its channels out, and those of the side branches.
    pub(super) fn new(make: &Make<'_>) -> (Self, Vec<usize>) {
        let Make { config, channels, layers } = make;
        let outputs = config.decoder_widths();
        let skips: Vec<usize> = channels.iter().rev().skip(1).copied().collect();
        let inputs: Vec<usize> = [make.deepest()].into_iter().chain(outputs.clone()).collect();
        let last = outputs.len() - 1;
        let block = |row: usize, layer: usize| {
            let [input, skip, output] = match (row, layer) {
                (0, layer) if layer == last => [inputs[last], 0, outputs[last]],
                (_, layer) if last <= layer => return None,
                (0, layer) => [inputs[layer], skips[layer] * (layer + 1), outputs[layer]],
                (_, layer) if skips[layer] == 0 => return None,
                (row, layer) => {
                    let skip = skips[layer];
                    [skips[layer - 1], skip * (layer + 1 - row), skip]
                }
            };
            let block = DoubleConv::new([input + skip, output], layers);
            Some(match config.attention {
                Some(Attention::Scse) => block.with_scse([input + skip, output], layers),
                Some(Attention::Gate) | None => block,
            })
        };
        let blocks = Blocks {
            x_0_0: block(0, 0),
            x_0_1: block(0, 1),
            x_1_1: block(1, 1),
            x_0_2: block(0, 2),
            x_1_2: block(1, 2),
            x_2_2: block(2, 2),
            x_0_3: block(0, 3),
            x_1_3: block(1, 3),
            x_2_3: block(2, 3),
            x_3_3: block(3, 3),
            x_0_4: block(0, 4),
        };
        let center = config.encoder.spec().is_some_and(|it| it.has_center).then(|| {
            let conv = || layers.conv_norm([make.deepest(); 2], 3);
            (conv(), conv())
        });
        let interpolation = config.interpolation();
        let n_sides = config.auxiliary.len();
        let finest = skips.iter().rev().copied().find(|it| 0 < *it);
        let sides = std::iter::repeat_n(finest.unwrap_or_default(), n_sides);
        let channels = [outputs[last]].into_iter().chain(sides).collect();
        (Self { center, blocks, interpolation, depth: last, n_sides }, channels)
    }

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Decoded {
        let depth = self.depth;
        // What the blocks of each layer made, by row.
        let mut made: Vec<Vec<Option<Features>>> = vec![vec![None; depth]; depth];
        for layer in 0..depth {
            let left = depth - 1 - layer;
            // The rows that do not pass through the skips of a row below come first.
            for row in (0..=layer).rev() {
                let Some(block) = self.blocks.at(row, layer) else { continue };
                let below = if row == layer {
                    pyramid.at(left + 1)
                } else {
                    made[layer - 1][row].clone().expect("the layer before is done")
                };
                let mut joined = vec![below.resample(pyramid.size_px(left), self.interpolation)];
                joined.extend((row + 1..=layer).filter_map(|it| made[layer][it].clone()));
                joined.extend(pyramid.features[left].clone());
                made[layer][row] = Some(block.forward(Features::concatenate(joined)));
            }
        }
        let last = made[depth - 1][0].clone().expect("all layers are done");
        let last = last.resample(pyramid.image_px, self.interpolation);
        let n_sides = if pyramid.pass == Pass::Prediction { 0 } else { self.n_sides };
        let finest = made.into_iter().rev().find(|layer| layer[1].is_some());
        let sides = finest.into_iter().flatten().skip(1).flatten().take(n_sides).collect();
        let block = self.blocks.at(0, depth).expect("it is always there");
        Decoded { main: block.forward_alone(last), sides }
    }
}

impl Blocks {
    /// `None` where it would have no channels.
    fn at(&self, row: usize, layer: usize) -> Option<&DoubleConv> {
        let block = match (row, layer) {
            (0, 0) => &self.x_0_0,
            (0, 1) => &self.x_0_1,
            (1, 1) => &self.x_1_1,
            (0, 2) => &self.x_0_2,
            (1, 2) => &self.x_1_2,
            (2, 2) => &self.x_2_2,
            (0, 3) => &self.x_0_3,
            (1, 3) => &self.x_1_3,
            (2, 3) => &self.x_2_3,
            (3, 3) => &self.x_3_3,
            (0, 4) => &self.x_0_4,
            _ => panic!("there is no block of row {row} and layer {layer}"),
        };
        block.as_ref()
    }
}
