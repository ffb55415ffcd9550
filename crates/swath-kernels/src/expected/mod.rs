//! What results have to be: plain loops in f64, random numbers, and comparisons, for tests alone.

mod linear;

mod random;

mod compare;

mod activation;

mod norm;

mod window;

mod conv;

mod convolution;

pub use activation::ACTIVATIONS;
pub use compare::{assert_close, assert_same_bits_on_any_threads};
pub use conv::{products, sums};
pub use convolution::{
    Convolution, assert_convolves, assert_convolves_on_any_threads, assert_finishes,
};
pub use linear::{Linear, derivative};
pub use norm::Norm;
pub use random::Random;
pub use window::{window_taps, windows};
