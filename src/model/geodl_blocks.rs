//! The blocks of geodl's U-Net.

#![allow(non_snake_case, reason = "fields have the names of a state dictionary")]

use burn::module::Module;
use swath_kernels::{Activation, Interpolation};

use super::{
    Act, Conv2d, Features, ModelConfig, Norm, TransposedConv2d,
    blocks::{ConvNorm, Layers, Nonlinearity, conv_norm, run},
};

/// Channels of each part of the pyramid pooling.
const POOLING: u32 = 256;

/// Two 3x3 convolutions.
#[derive(Module, Debug)]
pub(super) struct Pair {
    dConv: (Conv2d, Norm, Act, Conv2d, Norm, Act),
    skipPath: Option<Reduce>,
}

#[derive(Module, Debug)]
pub(super) struct Up {
    upConv: (TransposedConv2d, Norm, Act),
}

#[derive(Module, Debug)]
pub(super) enum Bottleneck {
    Pair(Pair),
    Pooling(Pooling),
}

/// A 1x1 convolution, with norm and activation or without.
#[derive(Module, Debug)]
struct Reduce {
    conv1_1: [Conv2d; 1],
    bnAct: Option<(Norm, Act)>,
}

#[derive(Module, Debug)]
pub(super) struct Pooling {
    a1: Reduce,
    a2: Dilated,
    a3: Dilated,
    a4: Dilated,
    conv1_1: Reduce,
    skipPath: Option<Reduce>,
    finalAct: Act,
}

#[derive(Module, Debug)]
struct Dilated {
    aspp: ConvNorm,
}

/// With a bias, though a norm follows: the original has one.
fn conv(channels: [usize; 2], kernel_px: usize, layers: &Layers<'_>) -> Conv2d {
    Conv2d::new(channels, kernel_px, layers.device).with_bias()
}

impl Pair {
    pub(super) fn new([input, output]: [usize; 2], is_residual: bool, layers: &Layers<'_>) -> Self {
        Self {
            dConv: (
                conv([input, output], 3, layers),
                layers.norm(output),
                layers.act(),
                conv([output; 2], 3, layers),
                layers.norm(output),
                layers.act(),
            ),
            skipPath: is_residual.then(|| Reduce::plain([input, output], layers)),
        }
    }

    pub(super) fn forward(&self, images: Features) -> Features {
        let (conv1, norm1, act1, conv2, norm2, act2) = &self.dConv;
        let residual = self.skipPath.as_ref().map(|skip| skip.forward(images.clone()));
        let images = conv_norm(conv1, norm1, images, None, act1);
        conv_norm(conv2, norm2, images, residual, act2)
    }
}

impl Up {
    pub(super) fn new(channels: usize, layers: &Layers<'_>) -> Self {
        let up = TransposedConv2d::new([channels; 2], 2, layers.device);
        let relu = Act::new(Nonlinearity::Fixed(Activation::Relu), layers.device);
        Self { upConv: (up, layers.norm(channels), relu) }
    }

    pub(super) fn forward(&self, images: Features) -> Features {
        let (up, norm, act) = &self.upConv;
        norm.forward(up.forward(images), None, act)
    }
}

impl Reduce {
    fn plain(channels: [usize; 2], layers: &Layers<'_>) -> Self {
        Self { conv1_1: [conv(channels, 1, layers)], bnAct: None }
    }

    fn normed(channels: [usize; 2], layers: &Layers<'_>) -> Self {
        let bn_act = (layers.norm(channels[1]), layers.act());
        Self { bnAct: Some(bn_act), ..Self::plain(channels, layers) }
    }

    pub(super) fn forward(&self, images: Features) -> Features {
        let [conv] = &self.conv1_1;
        match &self.bnAct {
            Some((norm, act)) => conv_norm(conv, norm, images, None, act),
            None => conv.forward(images),
        }
    }
}

impl Pooling {
    pub(super) fn new(
        [input, output]: [usize; 2],
        config: &ModelConfig,
        layers: &Layers<'_>,
    ) -> Self {
        let channels = config.scaled(POOLING);
        let dilated = |rate| {
            let conv = conv([input, channels], 3, layers).with_dilation(rate);
            Dilated { aspp: layers.finished(conv, channels) }
        };
        let [a2, a3, a4] = config.resolved_rates().map(dilated);
        Self {
            a1: Reduce::normed([input, channels], layers),
            a2,
            a3,
            a4,
            conv1_1: Reduce::normed([4 * channels + input, output], layers),
            skipPath: config.residual.then(|| Reduce::plain([input, output], layers)),
            finalAct: layers.act(),
        }
    }

    pub(super) fn forward(&self, images: Features) -> Features {
        let size_px = images.size_px();
        let mut all = vec![self.a1.forward(images.clone())];
        for dilated in [&self.a2, &self.a3, &self.a4] {
            all.push(run(&dilated.aspp, images.clone()));
        }
        let mean = images.clone().global_average();
        all.push(mean.resample(size_px, Interpolation::Bilinear));
        let joined = self.conv1_1.forward(Features::concatenate(all));
        match &self.skipPath {
            Some(skip) => self.finalAct.forward(joined.plus(skip.forward(images))),
            None => joined,
        }
    }
}
