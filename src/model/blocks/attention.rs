//! Attention: factors for channels and pixels.

#![allow(non_snake_case, reason = "fields have the names of a state dictionary")]

use burn::{module::Module, tensor::Device};
use swath_kernels::{Activation, Interpolation};

use super::{Act, Conv2d, Layers, Linear, Nonlinearity, Norm, conv_norm};
use crate::model::Features;

/// Concurrent squeeze and excitation of channels and pixels.
///
/// ```text
/// y = x * channel(mean of x) + x * pixel(x)
/// ```
///
/// Source: Roy et al. 2018, <https://arxiv.org/abs/1803.02579>; layers and names of
/// `segmentation_models_pytorch` (reduction 16, at least one channel).
#[derive(Module, Debug)]
pub struct Scse {
    cSE: Vec<Squeeze>,
    sSE: [Conv2d; 1],
}

/// A place in the sequence of a squeeze.
#[derive(Module, Debug)]
pub(in crate::model) enum Squeeze {
    Conv(Conv2d),
    Act(Act),
}

/// The sequence mean, convolution, ReLU, convolution, sigmoid with its names.
pub(in crate::model) fn squeeze(
    channels: usize,
    reduction: usize,
    device: &Device,
) -> Vec<Squeeze> {
    let reduced = (channels / reduction).max(1);
    let conv = |channels| Squeeze::Conv(Conv2d::new(channels, 1, device).with_bias());
    let relu = || Squeeze::Act(Act::new(Nonlinearity::Fixed(Activation::Relu), device));
    vec![
        Squeeze::Act(Act::none()), // The place of the mean.
        conv([channels, reduced]),
        relu(),
        conv([reduced, channels]),
    ]
}

/// Factors of the channels, `[batch, 1, 1, channel]`.
pub(in crate::model) fn factors(squeeze: &[Squeeze], images: Features) -> Features {
    let factors = squeeze.iter().fold(images.global_average(), |images, layer| match layer {
        Squeeze::Conv(conv) => conv.forward(images),
        Squeeze::Act(act) => act.forward(images),
    });
    factors.sigmoid()
}

impl Scse {
    /// Of images with this many channels.
    pub fn new(channels: usize, device: &Device) -> Self {
        let pixel = Conv2d::new([channels, 1], 1, device).with_bias();
        Self { cSE: squeeze(channels, 16, device), sSE: [pixel] }
    }

    /// Features of the same shape.
    pub fn forward(&self, images: Features) -> Features {
        let channels = factors(&self.cSE, images.clone());
        let pixels = self.sSE[0].forward(images.clone()).sigmoid();
        images.clone().times(channels).plus(images.times(pixels))
    }
}

/// Squeeze and excitation of channels.
///
/// Source: Hu et al. 2018, <https://arxiv.org/abs/1709.01507>; layers of geodl (ratio 8, no bias in the
/// first).
#[derive(Module, Debug)]
pub struct SqueezeExcite {
    seMod: (Linear, Act, Linear),
}

impl SqueezeExcite {
    /// Of images with this many channels.
    pub fn new(channels: usize, device: &Device) -> Self {
        let reduced = (channels / 8).max(1);
        let relu = Act::new(Nonlinearity::Fixed(Activation::Relu), device);
        let back = Linear::new([reduced, channels], device).with_bias();
        Self { seMod: (Linear::new([channels, reduced], device), relu, back) }
    }

    /// Features of the same shape.
    pub fn forward(&self, images: Features) -> Features {
        let (first, relu, second) = &self.seMod;
        let reduced = relu.forward(first.forward(images.clone().global_average()));
        images.times(second.forward(reduced).sigmoid())
    }
}

/// A gate on a skip connection, opened by coarser features.
///
/// Source: Oktay et al. 2018, <https://arxiv.org/abs/1804.03999>; layers of geodl.
#[derive(Module, Debug)]
pub struct AttentionGate {
    W_gate: (Conv2d, Norm),
    W_x: (Conv2d, Norm),
    relu: Act,
    psi: (Conv2d, Norm),
}

impl AttentionGate {
    pub(in crate::model) fn new(skip: usize, gate: usize, layers: &Layers<'_>) -> Self {
        let conv = |channels| Conv2d::new(channels, 1, layers.device).with_bias();
        Self {
            W_gate: (conv([gate, skip]), layers.norm(skip)),
            W_x: (conv([skip, skip]).with_stride(2), layers.norm(skip)),
            relu: Act::new(Nonlinearity::Fixed(Activation::Relu), layers.device),
            psi: (conv([skip, 1]), layers.norm(1)),
        }
    }

    /// What `gate`, of half the rows and columns, lets through of `skip`.
    pub fn forward(&self, skip: Features, gate: Features) -> Features {
        let half = skip.size_px().map(|it| it.div_ceil(2));
        let (conv, norm) = &self.W_gate;
        let gate = conv_norm(conv, norm, gate, None, &Act::none());
        let gate = gate.resample(half, Interpolation::Nearest);
        let (conv, norm) = &self.W_x;
        let both = conv_norm(conv, norm, skip.clone(), Some(gate), &self.relu);
        let (conv, norm) = &self.psi;
        let open = conv_norm(conv, norm, both, None, &Act::none()).sigmoid();
        let size_px = skip.size_px();
        skip.times(open.resample(size_px, Interpolation::Bilinear))
    }
}
