//! Optimizers: state keyed by parameter name.
