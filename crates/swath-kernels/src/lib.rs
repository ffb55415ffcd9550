//! CPU kernels of swath: slices of numbers in, slices of numbers out.
//!
//! Activations are `[batch, row, col, channel]`, contiguous, as `f32`. The instruction set is chosen at
//! run time ([`Isa`]); work is spread over the current rayon pool. How a sum is split depends on the
//! shape alone, so that the bits of a result do not depend on the number of threads.

mod shape;

mod math;

mod sweep;

mod activation;

mod norm;

mod resample;

mod pool;

mod conv;

mod classes;

mod finish;

mod depthwise;

mod grouped_conv;

mod transpose;

mod transposed_conv;

mod optimizer;

#[cfg(test)]
mod expected;

mod isa;

mod simd;

mod parallel;

mod heap;

mod memory;

mod scratch;

mod peak;

#[cfg(feature = "burn")]
pub mod burn;

pub use activation::{Activation, activate, activate_add, activate_gradient, activate_in_place};
pub use classes::{
    ClassIndex, CrossEntropy, WeightedLoss, argmax, class_sums, class_sums_gradient, per_pixel,
    softmax, softmax_gradient,
};
pub use conv::{Conv, Epilogue, add_bias, bias_gradient};
pub use depthwise::DepthwiseConv;
pub use grouped_conv::GroupedConv;
pub use heap::return_large_blocks;
pub use isa::Isa;
pub use memory::release_memory;
pub use norm::{AffineGradient, BatchNorm, Before, InputGradient, Normed, Statistics};
pub use optimizer::{
    AdamwRates, AdamwTensor, SgdRates, SgdTensor, adamw_step, gradient_norm, scale, sgd_step,
};
pub use peak::peak_gflops;
pub use pool::{
    AdaptiveAveragePool, AveragePool, MaxPool, Window, global_average, global_average_gradient,
};
pub use resample::{Interpolation, Upsample, UpsampleConcat, concatenate, split};
pub use transpose::transpose;
pub use transposed_conv::TransposedConv;

/// The example of the README, as a test.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
