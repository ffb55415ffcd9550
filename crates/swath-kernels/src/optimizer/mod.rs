//! Steps of an optimizer over all tensors of a network at once.

mod chunks;

mod adamw;

mod sgd;

mod gradients;

pub use adamw::{AdamwRates, AdamwTensor, adamw_step};
pub use gradients::{gradient_norm, scale};
pub use sgd::{SgdRates, SgdTensor, sgd_step};
