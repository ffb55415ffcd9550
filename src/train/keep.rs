//! What a training keeps: checkpoints and the best weights.

use std::{fs, path::PathBuf};

use super::{Best, Fit, Observer, State, save_checkpoint, save_weights};
use crate::error::{Error, Result};

/// Largest share of the time that checkpoints of epochs may take.
const SHARE: f64 = 0.02;

/// When the last checkpoint was written, and how long that took, in seconds of the caller's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    written: f64,
    took: f64,
}

impl Pace {
    /// Before the first checkpoint of a training that begins at `now`.
    pub(super) fn new(now: f64) -> Self {
        Self { written: now, took: 0.0 }
    }

    /// Whether another one at `now` would keep to the share.
    fn allows(self, now: f64) -> bool {
        self.took <= SHARE * (now - self.written)
    }
}

impl Fit<'_> {
    /// Writes a checkpoint within an epoch, if one is due.
    pub(super) fn save_in_epoch(
        &self,
        state: &mut State,
        pace: &mut Pace,
        observer: &dyn Observer,
    ) -> Result<()> {
        let (config, step) = (self.config, state.position.step);
        let seconds = observer.seconds() - pace.written;
        let by_steps = config.checkpoint_steps.is_some_and(|every| step.is_multiple_of(every));
        let by_time = config.checkpoint_minutes.is_some_and(|every| 60.0 * every <= seconds);
        if by_steps || by_time { self.save(state, pace, observer) } else { Ok(()) }
    }

    /// Writes a checkpoint at the end of an epoch, if one is due.
    pub(super) fn save_after_epoch(
        &self,
        state: &mut State,
        is_last: bool,
        pace: &mut Pace,
        observer: &dyn Observer,
    ) -> Result<()> {
        let is_due = state.position.epoch.is_multiple_of(self.config.checkpoint_every);
        if is_last || is_due && pace.allows(observer.seconds()) {
            return self.save(state, pace, observer);
        }
        Ok(())
    }

    /// Keeps the weights of the epoch that has just ended if they are among the best; true if they are
    /// the best.
    ///
    /// The best are written with the next checkpoint: a run that is killed before that goes on from
    /// the last one, and finds them again.
    pub(super) fn keep_weights(&self, state: &mut State, was_checked: bool) -> Result<bool> {
        let position = &state.position;
        let n_kept = self.config.keep_best as usize;
        let best = position.best(self.config.monitor, n_kept);
        let is_last = position.epoch == self.config.epochs;
        let is_now = |it: &Best| was_checked && it.epoch == position.epoch;
        // Without a validation split the last epoch is the best.
        let is_best = best.first().map_or(is_last, is_now);
        if is_best {
            state.best = Some(Box::new(state.kept()));
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
    pub(super) fn save(
        &self,
        state: &mut State,
        pace: &mut Pace,
        observer: &dyn Observer,
    ) -> Result<()> {
        let began = observer.seconds();
        if let Some(best) = state.best.take() {
            save_weights(&self.folder.best_checkpoint(), best.as_ref())?;
        }
        let last = self.folder.last_checkpoint();
        if last.exists() {
            let previous = self.folder.previous_checkpoint();
            fs::rename(&last, &previous).map_err(Error::io("rename to", &previous))?;
        }
        let State { network, optimizer, ema, position, .. } = state;
        save_checkpoint(&last, network, optimizer, ema.as_ref(), position)?;
        let written = observer.seconds();
        *pace = Pace { written, took: written - began };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_of_epochs_keep_to_their_share() {
        assert!(Pace::new(5.0).allows(5.0), "the first one is always written");
        let pace = Pace { written: 10.0, took: 1.0 };
        assert!(!pace.allows(10.0) && !pace.allows(59.0));
        assert!(pace.allows(60.0));
    }
}
