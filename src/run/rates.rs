//! Learning rate and schedule of a run.

use std::fs;

use super::{Finder, Run, RunFile};
use crate::{
    error::{Error, Result},
    lr_find::{CycleRange, Found},
    raster::write_atomically,
    schedule::{Bases, CurveKind, Schedule},
    train::{Dataset, Event, Observer},
};

/// The learning rate of the run file, or what a sweep finds; what it found is kept in the folder, so
/// that a run that goes on has the same.
pub(super) fn learning_rate(
    run: &Run,
    observer: &mut dyn Observer,
) -> Result<(f64, Option<CycleRange>)> {
    let Run { run_file, data, folder, manifest, device, .. } = run;
    if let Some(lr) = run_file.optimizer.lr.value() {
        return Ok((lr, None));
    }
    let path = folder.found_lr();
    if !path.exists() {
        let weights = manifest.weights.as_ref();
        observer.event(Event::Note("looking for a learning rate"));
        let found = Finder { run_file, data, weights, device }.find(observer)?;
        let text = serde_json::to_string_pretty(&found).expect("plain data");
        write_atomically(&path, format!("{text}\n").as_bytes())?;
    }
    // Always from the file: numbers that were read differ in their last bit from those written.
    let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let malformed = |error| Error::malformed(&path, "result of a sweep", error);
    let found: Found = serde_json::from_str(&text).map_err(malformed)?;
    let lr = found.suggested()?;
    let Some(range) = found.range else {
        let wanted = "a fall: raise `lr_find.end_lr`, or give a number for `optimizer.lr`";
        return Err(Error::data("learning-rate finder", "a loss that never falls", wanted));
    };
    let note = if takes_range(run_file) {
        let CycleRange { base_lr, max_lr } = range;
        format!("learning rate {base_lr:.3e} to {max_lr:.3e}, as the sweep proposes for cycles")
    } else {
        format!("learning rate {lr:.3e}, by rule `{}`", found.settings.rule.name())
    };
    observer.event(Event::Note(&note));
    Ok((lr, Some(range)))
}

/// Whether cyclic rates run through what a sweep proposes.
fn takes_range(run_file: &RunFile) -> bool {
    let rate = &run_file.schedule.rate;
    rate.kind == CurveKind::Cyclic && rate.min.is_none()
}

/// The schedule of a run, whose length is known now.
///
/// # Errors
///
/// [`Error::Config`] naming a setting that does not fit the length of the run, or if the learning
/// rate is still to be found.
pub fn schedule(run_file: &RunFile, data: &Dataset) -> Result<Schedule> {
    let lr = run_file.optimizer.lr.value().ok_or_else(|| {
        let rule = "is not known before training; see what `swath lr-find` says, and give a number";
        Error::config("optimizer.lr", "auto", rule)
    })?;
    schedule_with(run_file, data, lr, None)
}

/// The same with a learning rate, and a range for cyclic rates, that were found.
pub(super) fn schedule_with(
    run_file: &RunFile,
    data: &Dataset,
    lr: f64,
    range: Option<CycleRange>,
) -> Result<Schedule> {
    let run = run_file.train.run_length(data.sampler.n_chips());
    let mut config = run_file.schedule.clone();
    let mut bases = Bases { lr, ..run_file.optimizer.bases() };
    if let Some(CycleRange { base_lr, max_lr }) = range
        && takes_range(run_file)
    {
        config.rate.min = Some(base_lr);
        bases.lr = max_lr;
    }
    Schedule::new(&config, bases, run)
}
