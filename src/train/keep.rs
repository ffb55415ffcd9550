//! What a training keeps: checkpoints and the best weights.

use std::{
    fs,
    path::PathBuf,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use burn::module::Module;

use super::{Best, Copied, Fit, Observer, RunFolder, State};
use crate::{
    error::{Error, Result},
    weights::n_parameters,
};

/// Largest share of the time that checkpoints of epochs may take.
const SHARE: f64 = 0.02;

/// Bytes of a checkpoint for each parameter, with an optimizer that remembers two numbers.
const PARAMETER_BYTES: f64 = 12.0;

/// Bytes that are copied for a checkpoint in a second, before the first one has shown it.
const BYTES_PER_SECOND: f64 = 1e9;

/// Writes checkpoints, one at a time, while the training goes on.
pub(super) struct Keeper {
    pace: Pace,
    writing: Writing,
}

/// A checkpoint that a thread of its own writes; dropping this waits for it.
#[derive(Debug, Default)]
pub struct Writing(Option<JoinHandle<Result<()>>>);

impl Writing {
    /// Begins to write; where no thread can be had, writes.
    fn begin(thread: thread::Builder, files: Files) -> Result<Self> {
        // What a thread that does not begin was given is lost: it gets the files when it runs.
        let (sender, receiver) = mpsc::channel::<Files>();
        match thread.spawn(move || receiver.recv().map_or(Ok(()), Files::write)) {
            Err(_) => files.write().map(|()| Self::default()),
            Ok(thread) => {
                let sent = sender.send(files);
                sent.expect("the thread waits for it");
                Ok(Self(Some(thread)))
            }
        }
    }

    /// Waits until it is on disk.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it could not be written.
    pub fn finish(mut self) -> Result<()> {
        self.wait()
    }

    /// The same, for one after the other.
    fn wait(&mut self) -> Result<()> {
        let Some(thread) = self.0.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Writing {
    /// A training that failed leaves its last checkpoint whole.
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// What checkpoints have cost, in seconds of the caller's clock.
#[derive(Clone, Copy, Debug)]
struct Pace {
    began: f64,
    /// When the last one was written.
    written: f64,
    spent: f64,
    /// By the last one, or, before the first, what it is expected to take.
    took: f64,
}

impl Pace {
    /// Whether another one at `now`, and one at the end, would keep to the share.
    fn allows(self, now: f64) -> bool {
        self.spent + 2.0 * self.took <= SHARE * (now - self.began)
    }

    /// One was written from `began` to `ended`.
    fn add(&mut self, began: f64, ended: f64) {
        self.took = ended - began;
        self.spent += self.took;
        self.written = ended;
    }
}

impl Keeper {
    /// Before the first checkpoint of a training of `model` that begins at `now`.
    pub(super) fn new<M: Module>(model: &M, now: f64) -> Self {
        let took = n_parameters(model) as f64 * PARAMETER_BYTES / BYTES_PER_SECOND;
        Self {
            pace: Pace { began: now, written: now, spent: 0.0, took },
            writing: Writing::default(),
        }
    }

    /// Finds out whether the last checkpoint could be written, if that is over.
    ///
    /// # Errors
    ///
    /// As [`Writing::finish`].
    fn check(&mut self) -> Result<()> {
        let is_over = self.writing.0.as_ref().is_some_and(JoinHandle::is_finished);
        if is_over { self.writing.wait() } else { Ok(()) }
    }

    /// The last checkpoint, which may not be on disk yet.
    pub(super) fn into_last(self) -> Writing {
        self.writing
    }
}

impl Fit<'_> {
    /// Writes a checkpoint within an epoch, if one is due.
    pub(super) fn save_in_epoch(
        &self,
        state: &mut State,
        keeper: &mut Keeper,
        observer: &dyn Observer,
    ) -> Result<()> {
        keeper.check()?;
        let (config, step) = (self.config, state.position.step);
        let seconds = observer.seconds() - keeper.pace.written;
        let by_steps = config.checkpoint_steps.is_some_and(|every| step.is_multiple_of(every));
        let by_time = config.checkpoint_minutes.is_some_and(|every| 60.0 * every <= seconds);
        if by_steps || by_time { self.save(state, keeper, observer) } else { Ok(()) }
    }

    /// Writes a checkpoint at the end of an epoch, if one is due.
    pub(super) fn save_after_epoch(
        &self,
        state: &mut State,
        is_last: bool,
        keeper: &mut Keeper,
        observer: &dyn Observer,
    ) -> Result<()> {
        let is_due = state.position.epoch.is_multiple_of(self.config.checkpoint_every);
        if is_last || is_due && keeper.pace.allows(observer.seconds()) {
            // A training that ends here needs the best weights once more.
            let best = if is_last { state.best.clone() } else { None };
            self.save(state, keeper, observer)?;
            state.best = best;
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
                let path = self.folder.epoch_checkpoint(position.epoch);
                Copied::weights(&state.kept()).write(&path)?;
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

    /// Begins to write everything as the last checkpoint; the last one becomes the one before.
    pub(super) fn save(
        &self,
        state: &mut State,
        keeper: &mut Keeper,
        observer: &dyn Observer,
    ) -> Result<()> {
        let began = observer.seconds();
        keeper.writing.wait()?;
        let best = state.best.take().map(|it| Copied::weights(it.as_ref()));
        let State { network, optimizer, ema, position, .. } = state;
        let last = Copied::checkpoint(network, optimizer, ema.as_ref(), position);
        let files = Files { folder: self.folder.clone(), best, last };
        keeper.writing = Writing::begin(thread::Builder::new(), files)?;
        keeper.pace.add(began, observer.seconds());
        Ok(())
    }
}

/// What a checkpoint writes.
struct Files {
    folder: RunFolder,
    best: Option<Copied>,
    last: Copied,
}

impl Files {
    /// The best weights first: the position of the last checkpoint knows of them.
    fn write(self) -> Result<()> {
        let Self { folder, best, last } = self;
        if let Some(best) = best {
            best.write(&folder.best_checkpoint())?;
        }
        last.replace(&folder.last_checkpoint(), &folder.previous_checkpoint())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use burn::tensor::Device;

    use super::*;
    use crate::model::Conv2d;

    #[test]
    fn a_checkpoint_that_could_not_be_written_is_found_out_without_waiting() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let pace = Pace { began: 0.0, written: 0.0, spent: 0.0, took: 0.0 };
        let writing = thread::spawn(move || {
            let _ = receiver.recv();
            Err(Error::Interrupted)
        });
        let mut keeper = Keeper { pace, writing: Writing(Some(writing)) };
        keeper.check().unwrap();
        drop(sender);
        let mut tries = 0..10_000;
        let is_told = tries.any(|_| {
            thread::sleep(Duration::from_millis(1));
            keeper.check().is_err()
        });
        assert!(is_told);
        keeper.into_last().finish().unwrap(); // Once is enough.
    }

    #[test]
    fn a_checkpoint_is_written_with_and_without_a_thread() {
        // More stack than there are addresses: such a thread cannot be had.
        for thread in [thread::Builder::new(), thread::Builder::new().stack_size(1 << 60)] {
            let root = tempfile::tempdir().unwrap();
            let folder = RunFolder::create(root.path()).unwrap();
            let last = Copied::weights(&Conv2d::new([2, 3], 3, &Device::flex()));
            let best = Some(last.clone());
            let files = Files { folder: folder.clone(), best, last };
            Writing::begin(thread, files).unwrap().finish().unwrap();
            assert!(folder.last_checkpoint().exists() && folder.best_checkpoint().exists());
        }
    }

    #[test]
    fn checkpoints_of_epochs_keep_to_their_share() {
        let mut pace = Pace { began: 5.0, written: 5.0, spent: 0.0, took: 0.1 };
        // This one and the last one of the training take 0.2 s, 2 % of 10 s.
        assert!(!pace.allows(14.9) && pace.allows(15.1));
        pace.add(16.0, 16.3);
        assert_eq!(pace.written, 16.3);
        // 0.3 s are spent, and twice that will be.
        assert!(!pace.allows(49.9) && pace.allows(50.1));
    }
}
