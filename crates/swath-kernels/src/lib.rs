//! CPU kernels of swath over slices of numbers.
//!
//! The bits of a result do not depend on the number of threads, nor on the instruction set as far as
//! it multiplies and adds in one step: every sum has one fixed order.

mod activation;

mod images;

mod multiply;

mod conv;

pub use activation::Activation;
pub use conv::Conv;
