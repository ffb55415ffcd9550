//! What a training keeps: checkpoints and the best weights.

use std::{fs, path::PathBuf};

use super::{Best, Fit, State, save_checkpoint, save_weights};
use crate::error::{Error, Result};

impl Fit<'_> {
    /// Whether a checkpoint is due after `step` steps, `seconds` after the last one.
    pub(super) fn is_due(&self, step: u64, seconds: f64) -> bool {
        let by_steps = self.config.checkpoint_steps.is_some_and(|every| step.is_multiple_of(every));
        by_steps || self.config.checkpoint_minutes.is_some_and(|every| 60.0 * every <= seconds)
    }

    /// Keeps the weights of the epoch that has just ended if they are among the best; true if they are
    /// the best.
    pub(super) fn keep_weights(&self, state: &State, was_checked: bool) -> Result<bool> {
        let position = &state.position;
        let n_kept = self.config.keep_best as usize;
        let best = position.best(self.config.monitor, n_kept);
        let is_last = position.epoch == self.config.epochs;
        let is_now = |it: &Best| was_checked && it.epoch == position.epoch;
        // Without a validation split the last epoch is the best.
        let is_best = best.first().map_or(is_last, is_now);
        if is_best {
            save_weights(&self.folder.best_checkpoint(), &state.kept())?;
        }
        if 1 < n_kept {
            if best.iter().any(is_now) {
                save_weights(&self.folder.epoch_checkpoint(position.epoch), &state.kept())?;
            }
            let kept: Vec<PathBuf> =
                best.iter().map(|it| self.folder.epoch_checkpoint(it.epoch)).collect();
            for path in self.folder.epoch_checkpoints()? {
                if !kept.contains(&path) {
                    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                }
            }
        }
        Ok(is_best)
    }

    /// Everything, as the last checkpoint; the last one becomes the one before.
    pub(super) fn save(&self, state: &State) -> Result<()> {
        let last = self.folder.last_checkpoint();
        if last.exists() {
            let previous = self.folder.previous_checkpoint();
            fs::rename(&last, &previous).map_err(Error::io("rename to", &previous))?;
        }
        let State { network, optimizer, ema, position } = state;
        save_checkpoint(&last, network, optimizer, ema.as_ref(), position)
    }
}
