//! Pooling.

mod window;

mod max;

mod average;

mod adaptive;

mod global;

pub use adaptive::AdaptiveAveragePool;
pub use average::AveragePool;
pub use global::{global_average, global_average_gradient};
pub use max::MaxPool;
pub use window::Window;
