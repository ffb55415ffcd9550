//! Activations, alone and for kernels that apply them on their way out.

mod function;

mod elementwise;

use crate::Activation;
pub use elementwise::{activate, activate_add, activate_gradient, activate_in_place};
pub(crate) use function::{Function, WithFunction};
