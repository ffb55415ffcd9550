//! The kernels as operations on burn's tensors.
//!
//! Tensors of images are `[batch, row, col, channel]`. On the CPU backend Flex, in `f32`, the kernels
//! run, forward and backward. Elsewhere (other backends, other types of numbers) the same functions
//! are composed of burn's own operations, whose gradients burn knows: a GPU fuses them, and `f64`
//! checks them.

#[cfg(test)]
mod agreement;

mod buffer;

mod tensors;

mod differentiable;

mod composed;

mod activation;

mod residual;

mod moves;

mod conv_kernel;

mod conv;

mod transposed_conv;

mod finished;

mod norm;

mod norm_ops;

mod pool;

mod average_pool;

mod resample;

mod concatenate;

mod labels;

mod cross_entropy;

mod per_pixel;

mod class_sums;

mod softmax;

pub use activation::activate;
pub use average_pool::{adaptive_average_pool, global_average_pool};
pub use class_sums::class_sums;
pub use concatenate::concatenate;
pub use conv::{add_bias, convolve};
pub use cross_entropy::{CrossEntropyOptions, cross_entropy};
pub use finished::{Finish, convolve_finished};
pub use moves::Moves;
pub use norm::{ChannelStatistics, Norm, NormInputs};
pub use per_pixel::{Pixelwise, per_pixel};
pub use pool::Windows;
pub use resample::{resample, upsample_concat};
pub use softmax::softmax;
pub use tensors::{layout_copies, without_kernels};
pub use transposed_conv::convolve_transposed;
