//! Schedules: learning rate and momentum as pure functions of the step.

mod one_cycle;

mod table;

pub use one_cycle::{Anneal, OneCycle, OneCycleConfig};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What the optimizer is told at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Learning rate.
    pub lr: f64,
    /// Momentum of SGD or the first beta of AdamW; `None` leaves the optimizer's own.
    pub momentum: Option<f64>,
}

/// The `[schedule]` table of a run file: `kind`, and the keys of that kind.
///
/// A key of another kind is refused. The highest learning rate is the optimizer's `lr`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "table::Table", into = "table::Table")]
#[schemars(with = "table::Table")]
pub enum ScheduleConfig {
    /// Up to the optimizer's `lr` and down to almost 0, momentum the other way round.
    OneCycle(OneCycleConfig),
    /// The optimizer's `lr` and momentum at every step.
    Constant,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self::OneCycle(OneCycleConfig::default())
    }
}

/// Learning rate and momentum of every step of a training.
///
/// There is no state: a run resumed at step `n` goes on with `rates(n)`.
///
/// # Example
///
/// ```
/// use swath::schedule::{Schedule, ScheduleConfig};
///
/// let schedule = Schedule::new(&ScheduleConfig::default(), 1e-3, 100)?;
/// assert_eq!(schedule.rates(29).lr, 1e-3); // The top: step 0.3 * 100 - 1.
/// # Ok::<(), swath::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// See [`OneCycle`].
    OneCycle(OneCycle),
    /// The same learning rate at every step.
    Constant {
        /// Learning rate.
        lr: f64,
    },
}

impl Schedule {
    /// The schedule of a training of `n_steps` optimizer steps whose highest rate is `lr`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if `lr` is not above 0, `n_steps` is 0, or a setting is out of its range.
    pub fn new(config: &ScheduleConfig, lr: f64, n_steps: u64) -> Result<Self> {
        if !(lr.is_finite() && 0.0 < lr) {
            return Err(Error::config("optimizer.lr", lr, "must be a number above 0"));
        }
        match config {
            ScheduleConfig::OneCycle(config) => {
                OneCycle::new(config, lr, n_steps).map(Self::OneCycle)
            }
            ScheduleConfig::Constant => Ok(Self::Constant { lr }),
        }
    }

    /// Rates of optimizer step `step`, counted from 0; from the last step on they stay the same.
    pub fn rates(&self, step: u64) -> Rates {
        match self {
            Self::OneCycle(schedule) => schedule.rates(step),
            Self::Constant { lr } => Rates { lr: *lr, momentum: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_never_changes() {
        let schedule = Schedule::new(&ScheduleConfig::Constant, 0.01, 5).unwrap();
        for step in [0, 4, 5, u64::MAX] {
            assert_eq!(schedule.rates(step), Rates { lr: 0.01, momentum: None });
        }
    }

    #[test]
    fn a_rate_that_is_no_positive_number_is_refused() {
        for lr in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = Schedule::new(&ScheduleConfig::Constant, lr, 5).unwrap_err();
            assert!(error.to_string().starts_with("config `optimizer.lr` = "), "{error}");
        }
    }
}
