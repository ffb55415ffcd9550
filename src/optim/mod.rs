//! Optimizers: how gradients change parameters.

mod gradients;

mod sgd;

mod adamw;

mod optimizer;

mod config;

pub use config::{OptimizerConfig, OptimizerKind, ParameterGroup};
pub use gradients::{Gradient, Gradients};
pub use optimizer::Optimizer;
