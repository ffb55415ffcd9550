//! Batch normalisation with the activation that follows it.

mod columns;

mod statistics;

mod forward;

mod sums;

mod gradient;

mod batch_norm;

#[cfg(test)]
mod tests;

pub use batch_norm::{BatchNorm, Normed, Statistics};
pub use gradient::{AffineGradient, Before, InputGradient};
