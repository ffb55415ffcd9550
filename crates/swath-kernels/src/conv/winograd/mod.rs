//! Winograd's algorithm F(4×4, 3×3): a quarter of the multiplications.

mod transform;

mod planes;

mod scatter;

mod gather;

mod filter;

mod unfilter;

mod product;

mod multiply;

mod sums;

mod forward;

mod weight_gradient;

pub(super) use forward::Forward;
pub(super) use weight_gradient::WeightGradient;
