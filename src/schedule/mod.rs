//! Schedules: learning rate and momentum as pure functions of the step.

/// What the optimizer is told at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Learning rate.
    pub lr: f64,
    /// Momentum of SGD or the first beta of AdamW; `None` leaves the optimizer's own.
    pub momentum: Option<f64>,
}
