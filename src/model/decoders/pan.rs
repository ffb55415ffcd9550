//! The decoder of the pyramid attention network.

use burn::module::Module;
use swath_kernels::Interpolation;

use super::{ArchitectureSpec, Build, Channels, Decoder, Knob, Pyramid, Sides, Smp, decoder::Make};
use crate::model::{
    Act, Conv2d, Features, Norm,
    blocks::{DropKind, Layers, NormKind, conv_norm},
};

pub(in crate::model) const SPEC: ArchitectureSpec = ArchitectureSpec {
    title: "PAN",
    build: Build::Decoder(|make| {
        let (it, channels) = Pan::new(make);
        (Decoder::Pan(it), vec![channels])
    }),
    depths: &[5, 4, 3],
    output_strides: &[16, 32],
    head_kernel_px: 3,
    norm: NormKind::Batch,
    drop_prob: 0.0,
    drop_kind: DropKind::Element,
    drops_inside: false,
    channels: Some(Channels::One),
    rates: None,
    needs_half: &[],
    sides: Sides::Encoder,
    smp: Some(Smp { output_strides: &[16, 32], ..Smp::new("PAN", 4) }),
    knobs: &[Knob::Depth, Knob::OutputStride],
};

/// Attention to the coarsest features at three scales, then gates by which coarse features open
/// finer ones, to 1/4; the logits are enlarged to the size of the images.
///
/// Source: Li et al. 2018, <https://arxiv.org/abs/1805.10180>, as built by
/// `segmentation_models_pytorch` 0.6.0 (`PAN`).
#[derive(Module, Debug)]
pub struct Pan {
    fpa: Attention,
    gau3: Option<Gate>,
    gau2: Option<Gate>,
    gau1: Gate,
}

/// Convolution, norm and activation by PAN's names.
#[derive(Module, Debug)]
struct Unit {
    conv: Conv2d,
    bn: Norm,
    activation: Act,
}

#[derive(Module, Debug)]
struct Attention {
    /// The mean and the pools have no weights, but places.
    branch1: (Act, Unit),
    mid: [Unit; 1],
    down1: (Act, Unit),
    down2: (Act, Unit),
    down3: (Act, Unit, Unit),
    conv2: Unit,
    conv1: Unit,
}

#[derive(Module, Debug)]
struct Gate {
    conv1: (Act, Unit),
    conv2: Unit,
}

impl Pan {
    /// With its channels out.
    pub(super) fn new(make: &Make<'_>) -> (Self, usize) {
        let output = make.config.single_width(32);
        let gate = |index: usize| Gate::new([make.channels[index], output], &make.layers);
        let depth = make.channels.len();
        let decoder = Self {
            fpa: Attention::new([make.deepest(), output], &make.layers),
            gau3: (5 <= depth).then(|| gate(3)),
            gau2: (4 <= depth).then(|| gate(2)),
            gau1: gate(1),
        };
        (decoder, output)
    }

    pub(in crate::model) fn forward(&self, pyramid: &Pyramid) -> Features {
        let mut images = self.fpa.forward(pyramid.deepest());
        let gates = [(3, self.gau3.as_ref()), (2, self.gau2.as_ref()), (1, Some(&self.gau1))];
        for (index, gate) in gates {
            if let Some(gate) = gate {
                images = gate.forward(pyramid.at(index), images);
            }
        }
        images
    }
}

impl Unit {
    fn new(channels: [usize; 2], kernel_px: usize, layers: &Layers<'_>) -> Self {
        Self {
            conv: Conv2d::new(channels, kernel_px, layers.device).with_bias(),
            bn: layers.norm(channels[1]),
            activation: layers.act(),
        }
    }

    fn forward(&self, images: Features) -> Features {
        conv_norm(&self.conv, &self.bn, images, None, &self.activation)
    }
}

impl Attention {
    fn new([input, output]: [usize; 2], layers: &Layers<'_>) -> Self {
        let unit = |channels, kernel_px| Unit::new(channels, kernel_px, layers);
        Self {
            branch1: (Act::none(), unit([input, output], 1)),
            mid: [unit([input, output], 1)],
            down1: (Act::none(), unit([input, 1], 7)),
            down2: (Act::none(), unit([1; 2], 5)),
            down3: (Act::none(), unit([1; 2], 3), unit([1; 2], 3)),
            conv2: unit([1; 2], 5),
            conv1: unit([1; 2], 7),
        }
    }

    fn forward(&self, images: Features) -> Features {
        let size_px = images.size_px();
        let mean = self.branch1.1.forward(images.clone().global_average());
        let mean = mean.resample(size_px, Interpolation::BilinearCorners);
        let middle = self.mid[0].forward(images.clone());

        let first = self.down1.1.forward(images.halved());
        let second = self.down2.1.forward(first.clone().halved());
        let third = self.down3.2.forward(self.down3.1.forward(second.clone().halved()));
        let third = third.resample(second.size_px(), Interpolation::BilinearCorners);
        let second = self.conv2.forward(second).plus(third);
        let second = second.resample(first.size_px(), Interpolation::BilinearCorners);
        let first = second.plus(self.conv1.forward(first));
        let first = first.resample(size_px, Interpolation::BilinearCorners);
        middle.times(first).plus(mean)
    }
}

impl Gate {
    fn new([input, output]: [usize; 2], layers: &Layers<'_>) -> Self {
        Self {
            conv1: (Act::none(), Unit::new([output; 2], 1, &layers.linear())),
            conv2: Unit::new([input, output], 3, layers),
        }
    }

    fn forward(&self, fine: Features, coarse: Features) -> Features {
        let fine = self.conv2.forward(fine);
        let larger = coarse.clone().resample(fine.size_px(), Interpolation::BilinearCorners);
        let open = self.conv1.1.forward(coarse.global_average());
        larger.plus(fine.times(open.sigmoid()))
    }
}
