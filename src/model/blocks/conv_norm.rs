//! A convolution and what nearly always follows it.

use swath_kernels::{
    Activation,
    burn::{Finish, convolve_finished},
};

use super::{BatchNorm, Conv2d};
use crate::model::Features;

/// `activation(norm(conv(images)) + residual)`
///
/// In prediction this is one operation: the norm scales and shifts the sums of the convolution
/// before they are stored.
pub fn conv_norm(
    conv: &Conv2d,
    norm: &BatchNorm,
    images: Features,
    residual: Option<Features>,
    activation: Activation,
) -> Features {
    if images.is_autodiff() || norm.is_training() {
        return norm.forward(conv.forward(images), residual, activation);
    }
    let (scale, mut shift) = norm.scale_and_shift();
    if let Some(bias) = conv.bias() {
        shift = shift + bias * scale.clone();
    }
    let residual = residual.map(Features::into_channels_last);
    let finish = Finish { scale, shift, residual, activation };
    let (images, weights) = (images.into_channels_last(), conv.weights());
    Features::from_channels_last(convolve_finished(images, weights, finish, conv.moves()))
}
