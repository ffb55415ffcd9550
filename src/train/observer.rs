//! What the caller of a training is told, and what it decides.

use super::{EpochRow, StepRow};
use crate::scene::Role;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// An optimizer step was taken, the `step_in_epoch`-th of `n_steps` of its epoch.
    Step {
        /// Its figures.
        row: &'a StepRow,
        /// Steps of this epoch so far, this one included.
        step_in_epoch: u64,
        /// Steps of an epoch.
        n_steps: u64,
        /// Chips in this step.
        n_chips: usize,
    },
    /// Validation begins.
    Validating,
    /// An epoch is over.
    Epoch {
        /// Its figures.
        row: &'a EpochRow,
        /// Whether no epoch before had a better figure of those that are watched.
        is_best: bool,
    },
    /// Early stopping ended the training after this epoch; the first is 1.
    StoppedEarly {
        /// Number of the epoch.
        epoch: u32,
    },
    /// Something that the user should know.
    Note(&'a str),
    /// Of the blocks of a role, `n_done` of `n_pixels` pixels are predicted for the final figures.
    Evaluating {
        /// Validation or test.
        role: Role,
        /// Pixels that are done.
        n_done: u64,
        /// Pixels of the blocks.
        n_pixels: u64,
    },
}

/// The caller's side of a training: shows progress, tells the time, asks to stop.
pub trait Observer {
    /// Is told of every event.
    fn event(&mut self, event: Event<'_>);

    /// Whether to stop after the present step, or row of a map; what was reached is saved.
    fn stops(&mut self) -> bool;

    /// Seconds since any fixed moment. The library itself reads no clock.
    fn seconds(&self) -> f64;
}

/// Shows nothing, never stops, and has no clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _event: Event<'_>) {}

    fn stops(&mut self) -> bool {
        false
    }

    fn seconds(&self) -> f64 {
        0.0
    }
}
