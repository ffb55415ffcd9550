//! Activations in f64.

use crate::Activation;

/// One of each.
pub const ACTIVATIONS: [Activation; 5] = [
    Activation::None,
    Activation::Relu,
    Activation::Relu6,
    Activation::LeakyRelu(0.1),
    Activation::Silu,
];

impl Activation {
    /// The activation of one number.
    pub fn of(self, value: f64) -> f64 {
        match self {
            Activation::None => value,
            Activation::Relu => value.max(0.0),
            Activation::Relu6 => value.clamp(0.0, 6.0),
            Activation::LeakyRelu(slope) if value <= 0.0 => f64::from(slope) * value,
            Activation::LeakyRelu(_) => value,
            Activation::Silu => value / (1.0 + (-value).exp()),
        }
    }

    /// Its derivative.
    pub fn slope(self, value: f64) -> f64 {
        match self {
            Activation::None => 1.0,
            Activation::Relu => f64::from(u8::from(0.0 < value)),
            Activation::Relu6 => f64::from(u8::from(0.0 < value && value < 6.0)),
            Activation::LeakyRelu(slope) if value <= 0.0 => f64::from(slope),
            Activation::LeakyRelu(_) => 1.0,
            Activation::Silu => {
                let sigmoid = 1.0 / (1.0 + (-value).exp());
                sigmoid * (1.0 + value * (1.0 - sigmoid))
            }
        }
    }
}
