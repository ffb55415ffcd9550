//! The `[train]` table of a run file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Accumulation, EarlyStopping, EmaConfig, Freezing};
use crate::{
    error::{Error, Result},
    optim::Gradients,
    schedule::RunLength,
    score::Monitor,
};

/// More epochs than this are a slip of the finger.
const MAX_EPOCHS: u32 = 100_000;

/// More chips of one step than this fit into no memory.
const MAX_BATCH: u32 = 4096;

/// Most epochs that keep their weights.
const MAX_KEPT: u32 = 1000;

/// How long and in what portions to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over `chips.per_epoch` chips, 1 to 100000.
    pub epochs: u32,
    /// Chips that are computed at once, 1 to 4096; the last batch of an epoch takes what is left.
    pub batch: u32,
    /// Batches whose gradients make one optimizer step, as if they were one batch: a number, or
    /// `[epoch, number]` pairs, epochs counted from 0. The last step of an epoch takes what is left.
    pub accumulate: Accumulation,
    /// Largest norm of all gradients together; longer ones are scaled down to it.
    pub clip_norm: Option<f64>,
    /// Largest value of each component of the gradients; cut before the norm is measured.
    pub clip_value: Option<f64>,
    /// Epochs between two checks on the validation split; the last epoch is always checked.
    pub validate_every: u32,
    /// The figure of the validation split that says which epoch is the best.
    pub monitor: Monitor,
    /// Whether the model of the run is that of the best epoch, not of the last one.
    pub restore_best: bool,
    /// How many of the best epochs keep their weights in the folder of checkpoints.
    pub keep_best: u32,
    /// Epochs between two checkpoints to resume from, or more, where they would take over 2 % of the
    /// time; stopping and ending always write one.
    pub checkpoint_every: u32,
    /// Steps between two checkpoints, within epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_steps: Option<u64>,
    /// Minutes between two checkpoints, within epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_minutes: Option<f64>,
    /// Ends a training that no longer gets better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// Averages the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<EmaConfig>,
    /// Parameters that are frozen for some epochs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Freezing>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 50,
            batch: 8,
            accumulate: Accumulation::default(),
            clip_norm: None,
            clip_value: None,
            validate_every: 1,
            monitor: Monitor::MeanIou,
            restore_best: true,
            keep_best: 1,
            checkpoint_every: 1,
            checkpoint_steps: None,
            checkpoint_minutes: None,
            early_stopping: None,
            ema: None,
            freeze: Vec::new(),
        }
    }
}

impl TrainConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        for (key, value, max) in [
            ("train.epochs", self.epochs, MAX_EPOCHS),
            ("train.batch", self.batch, MAX_BATCH),
            ("train.validate_every", self.validate_every, u32::MAX),
            ("train.checkpoint_every", self.checkpoint_every, u32::MAX),
            ("train.keep_best", self.keep_best, MAX_KEPT),
        ] {
            if value == 0 {
                return Err(Error::config(key, value, "must be at least 1"));
            }
            if max < value {
                return Err(Error::config(key, value, format!("must be at most {max}")));
            }
        }
        for (key, value) in [
            ("train.clip_norm", self.clip_norm),
            ("train.clip_value", self.clip_value),
            ("train.checkpoint_minutes", self.checkpoint_minutes),
        ] {
            if let Some(value) = value
                && !(value.is_finite() && 0.0 < value)
            {
                return Err(Error::config(key, value, "must be a number above 0"));
            }
        }
        if self.checkpoint_steps == Some(0) {
            return Err(Error::config("train.checkpoint_steps", 0, "must be at least 1"));
        }
        self.accumulate.check(self.epochs)?;
        self.freeze.iter().try_for_each(|it| it.check(self.epochs))?;
        self.ema.map_or(Ok(()), |it| it.check())?;
        self.early_stopping.map_or(Ok(()), |it| it.check(self.epochs))
    }

    /// Limits the components of `gradients`, then their norm, and returns the norm between the two.
    pub fn clip(&self, gradients: &mut Gradients) -> f64 {
        if let Some(limit) = self.clip_value {
            gradients.clip_value(limit);
        }
        match self.clip_norm {
            Some(max_norm) => gradients.clip_norm(max_norm),
            None => gradients.norm(),
        }
    }

    /// Chips of a whole optimizer step of `epoch`, counted from 0.
    pub fn chips_of_step(&self, epoch: u32) -> u64 {
        u64::from(self.batch) * u64::from(self.accumulate.at(epoch))
    }

    /// Optimizer steps of `epoch`, counted from 0, that trains on `n_chips` chips.
    pub fn steps_of_epoch(&self, n_chips: u32, epoch: u32) -> u64 {
        u64::from(n_chips).div_ceil(self.chips_of_step(epoch))
    }

    /// How long a run with `n_chips` chips in an epoch is.
    pub fn run_length(&self, n_chips: u32) -> RunLength {
        let n_steps =
            (0..self.epochs).map(|epoch| self.steps_of_epoch(n_chips, epoch)).sum::<u64>();
        RunLength { n_steps, n_epochs: self.epochs }
    }

    /// Patterns of the parameters that are frozen in `epoch`, counted from 0, beside `always`.
    pub fn frozen(&self, always: &[String], epoch: u32) -> Vec<String> {
        let now = self.freeze.iter().filter(|it| it.holds(epoch)).map(|it| it.names.clone());
        always.iter().cloned().chain(now).collect()
    }

    /// The figure that early stopping watches.
    pub fn stopping_monitor(&self) -> Monitor {
        self.early_stopping.and_then(|it| it.monitor).unwrap_or(self.monitor)
    }

    /// Whether epoch `epoch`, counted from 0, ends with a check on the validation split.
    pub fn validates(&self, epoch: u32) -> bool {
        (epoch + 1).is_multiple_of(self.validate_every) || epoch + 1 == self.epochs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_epoch_is_always_validated() {
        let config = TrainConfig { epochs: 5, validate_every: 2, ..Default::default() };
        let validated: Vec<u32> = (0..5).filter(|&it| config.validates(it)).collect();
        assert_eq!(validated, [1, 3, 4]);
    }

    #[test]
    fn ranges_are_checked_by_key() {
        let bad = TrainConfig { batch: 0, ..Default::default() };
        assert!(bad.check().unwrap_err().to_string().contains("train.batch"));
        let bad = TrainConfig { clip_norm: Some(-1.0), ..Default::default() };
        assert!(bad.check().unwrap_err().to_string().contains("train.clip_norm"));
        let bad = TrainConfig { batch: u32::MAX, ..Default::default() };
        assert!(bad.check().unwrap_err().to_string().contains("train.batch"));
        let bad = TrainConfig { epochs: u32::MAX, ..Default::default() };
        assert!(bad.check().unwrap_err().to_string().contains("train.epochs"));
    }
}
