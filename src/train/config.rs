//! The `[train]` table of a run file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// More epochs than this are a slip of the finger.
const MAX_EPOCHS: u32 = 100_000;

/// More chips of one step than this fit into no memory.
const MAX_BATCH: u32 = 4096;

/// How long and in what portions to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over `chips.per_epoch` chips, 1 to 100000.
    pub epochs: u32,
    /// Chips of one optimizer step, 1 to 4096; the last step of an epoch takes what is left.
    pub batch: u32,
    /// Largest norm of all gradients together; longer ones are scaled down to it.
    pub clip_norm: Option<f64>,
    /// Epochs between two checks on the validation split; the last epoch is always checked.
    pub validate_every: u32,
    /// Epochs between two checkpoints to resume from; stopping and ending always write one.
    pub checkpoint_every: u32,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self { epochs: 50, batch: 8, clip_norm: None, validate_every: 1, checkpoint_every: 1 }
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
        ] {
            if value == 0 {
                return Err(Error::config(key, value, "must be at least 1"));
            }
            if max < value {
                return Err(Error::config(key, value, format!("must be at most {max}")));
            }
        }
        match self.clip_norm {
            Some(norm) if !(norm.is_finite() && 0.0 < norm) => {
                Err(Error::config("train.clip_norm", norm, "must be a number above 0"))
            }
            _ => Ok(()),
        }
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
