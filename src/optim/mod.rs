//! Optimizers: how gradients change parameters.

mod gradients;

mod sgd;

mod adamw;

mod adam;

mod rmsprop;

mod lion;

mod optimizer;

mod config;

mod learning_rate;

pub use config::{OptimizerConfig, OptimizerKind, ParameterGroup};
pub use gradients::{Gradient, Gradients};
pub use learning_rate::{Auto, LearningRate};
pub use optimizer::Optimizer;
