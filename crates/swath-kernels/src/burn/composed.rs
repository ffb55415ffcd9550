//! Parts of operations that are composed of burn's own.

use burn::tensor::{Tensor, activation};

use crate::Activation;

/// `[channel]` to `[1, 1, 1, channel]`.
pub(super) fn per_channel(values: Tensor<1>) -> Tensor<4> {
    let [channels] = values.dims();
    values.reshape([1, 1, 1, channels])
}

/// The function by burn's own operations.
pub(super) fn activate(images: Tensor<4>, function: Activation) -> Tensor<4> {
    match function {
        Activation::None => images,
        Activation::Relu => activation::relu(images),
        Activation::Relu6 => images.clamp(0.0, 6.0),
        Activation::LeakyRelu(slope) => activation::leaky_relu(images, f64::from(slope)),
        Activation::Silu => activation::silu(images),
        Activation::Elu => {
            let below = images.clone().clamp_max(0.0).exp() - 1.0;
            activation::relu(images) + below
        }
        Activation::Gelu => activation::gelu(images),
    }
}
