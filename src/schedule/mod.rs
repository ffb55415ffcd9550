//! Schedules: learning rate, momentum and other settings as pure functions of the step.

mod phases;

mod cyclic;

mod one_cycle;

mod plateau;

mod curve;

mod kind;

mod config;

mod place;

mod build;

mod pieces;

mod table;

mod over_run;

#[cfg(test)]
mod golden;

#[cfg(test)]
mod tests;

pub use config::CurveConfig;
pub use curve::{Curve, Custom, Piece};
pub use cyclic::{CycleShape, Cyclic};
pub use kind::{CurveKind, Unit};
pub use one_cycle::{Convention, OneCycle};
pub use over_run::{Bases, Rates, RunLength, Schedule};
pub use phases::{Anneal, Phase, Phases};
pub use plateau::{Plateau, ThresholdMode};
pub use table::ScheduleConfig;
