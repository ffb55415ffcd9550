//! What the layers of a part of a network have in common.

use burn::tensor::Device;
use swath_kernels::Activation;

use super::{Act, Conv2d, ConvNorm, Nonlinearity, Norm, NormKind};

/// Makes the layers of a part of a network, all with the same kind of norm and activation.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Layers<'a> {
    /// What follows a convolution.
    pub norm: NormKind,
    /// Added to the variance by a batch norm.
    pub epsilon: f64,
    /// What follows a norm.
    pub activation: Nonlinearity,
    /// Where the weights live.
    pub device: &'a Device,
}

impl Layers<'_> {
    /// A convolution that a norm follows: it has a bias if there is no norm.
    pub fn conv(&self, channels: [usize; 2], kernel_px: usize) -> Conv2d {
        self.biased(Conv2d::new(channels, kernel_px, self.device))
    }

    /// The same of every channel by itself.
    pub fn depthwise(&self, channels: usize, kernel_px: usize) -> Conv2d {
        self.biased(Conv2d::depthwise(channels, kernel_px, self.device))
    }

    fn biased(&self, conv: Conv2d) -> Conv2d {
        if self.norm == NormKind::None { conv.with_bias() } else { conv }
    }

    /// The norm.
    pub fn norm(&self, channels: usize) -> Norm {
        Norm::new(self.norm, channels, self.epsilon, self.device)
    }

    /// The activation.
    pub fn act(&self) -> Act {
        Act::new(self.activation, self.device)
    }

    /// Convolution, norm and activation.
    pub fn conv_norm(&self, channels: [usize; 2], kernel_px: usize) -> ConvNorm {
        self.finished(self.conv(channels, kernel_px), channels[1])
    }

    /// `conv` with a norm of its `channels` out and the activation.
    pub fn finished(&self, conv: Conv2d, channels: usize) -> ConvNorm {
        (conv, self.norm(channels), self.act())
    }

    /// The same without activation.
    pub fn linear(self) -> Self {
        Self { activation: Nonlinearity::Fixed(Activation::None), ..self }
    }

    /// The same with other norms.
    pub fn with_norm(self, norm: NormKind) -> Self {
        Self { norm, ..self }
    }
}
