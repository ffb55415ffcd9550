//! Activations in f64.

use crate::Activation;

/// One of each.
pub const ACTIVATIONS: [Activation; 7] = [
    Activation::None,
    Activation::Relu,
    Activation::Relu6,
    Activation::LeakyRelu(0.1),
    Activation::Silu,
    Activation::Elu,
    Activation::Gelu,
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
            Activation::Elu if value <= 0.0 => value.exp_m1(),
            Activation::Elu => value,
            Activation::Gelu => value * share(value),
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
            Activation::Elu if value <= 0.0 => value.exp(),
            Activation::Elu => 1.0,
            Activation::Gelu => {
                let density = (-0.5 * value * value).exp() / std::f64::consts::TAU.sqrt();
                share(value) + value * density
            }
        }
    }
}

/// The share of the standard normal distribution below `value`, by the series of the density's
/// integral: `1/2 + density(x) (x + x³/3 + x⁵/15 + …)`.
fn share(value: f64) -> f64 {
    if 8.0 < value.abs() {
        return if value < 0.0 { 0.0 } else { 1.0 };
    }
    let (mut term, mut sum, mut odd) = (value, value, 1.0);
    while 1e-18 * sum.abs() < term.abs() {
        odd += 2.0;
        term *= value * value / odd;
        sum += term;
    }
    0.5 + sum * (-0.5 * value * value).exp() / std::f64::consts::TAU.sqrt()
}
