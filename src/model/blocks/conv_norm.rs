//! A convolution and what nearly always follows it.

use swath_kernels::burn::{Finish, convolve_finished};

use super::{Act, Conv2d, Norm};
use crate::model::Features;

/// A convolution, its norm and its activation, named by their place as in PyTorch's `Sequential`.
pub(in crate::model) type ConvNorm = (Conv2d, Norm, Act);

/// What a [`ConvNorm`] makes of images.
pub(in crate::model) fn run(layers: &ConvNorm, images: Features) -> Features {
    let (conv, norm, activation) = layers;
    conv_norm(conv, norm, images, None, activation)
}

/// `activation(norm(conv(images)) + residual)`
///
/// In prediction this is one operation: the norm scales and shifts the sums of the convolution
/// before they are stored.
pub fn conv_norm(
    conv: &Conv2d,
    norm: &Norm,
    images: Features,
    residual: Option<Features>,
    activation: &Act,
) -> Features {
    let Some(running) = norm.running().filter(|_| !images.is_autodiff() && !images.is_planned())
    else {
        return norm.forward(conv.forward(images), residual, activation);
    };
    let (scale, mut shift) = running.scale_and_shift();
    if let Some(bias) = conv.bias() {
        shift = shift + bias * scale.clone();
    }
    let residual = residual.map(Features::into_channels_last);
    let finish = Finish { scale, shift, residual, activation: activation.in_kernel() };
    let (weights, moves) = conv.placed(images.size_px());
    let images = convolve_finished(images.into_channels_last(), weights, finish, moves);
    activation.finish(Features::from_channels_last(images))
}
