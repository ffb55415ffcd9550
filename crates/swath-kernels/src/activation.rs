//! Activations that other kernels apply on their way out.

/// A function of one value, applied to each value of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// `value`
    #[default]
    None,
    /// `max(value, 0)`
    Relu,
    /// `value` if it is above 0, else the slope times `value`. The slope is 0 or more.
    LeakyRelu(f32),
    /// `value / (1 + exp(-value))`
    Silu,
}
