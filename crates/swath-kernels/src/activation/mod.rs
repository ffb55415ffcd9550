//! Activations, alone and for kernels that apply them on their way out.

mod function;

mod elementwise;

pub use elementwise::{activate, activate_add, activate_gradient, activate_in_place};
pub(crate) use function::{Function, WithFunction};

/// A function of one value, applied to each value of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// `value`
    #[default]
    None,
    /// `max(value, 0)`
    Relu,
    /// `min(max(value, 0), 6)`
    Relu6,
    /// `value` if it is above 0, else the slope times `value`. The slope is 0 or more.
    LeakyRelu(f32),
    /// `value / (1 + exp(-value))`
    Silu,
    /// `value` if it is above 0, else `exp(value) - 1`
    Elu,
    /// `value` times the share of the standard normal distribution below it
    Gelu,
}

impl Activation {
    /// Whether the gradient follows from what came out, too, not only from what went in.
    pub fn gradient_follows_from_output(self) -> bool {
        match self {
            Self::None | Self::Relu | Self::Relu6 | Self::LeakyRelu(_) => true,
            Self::Silu | Self::Elu | Self::Gelu => false,
        }
    }
}
