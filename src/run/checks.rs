//! What of a run can be wrong that only model and data show.

use super::{RunFile, rates::schedule_with};
use crate::{
    error::{Error, Result},
    lr_find::CycleRange,
    model::{Network, check_patterns, freeze},
    scene::Role,
    train::Dataset,
};

/// Checks what depends on model and data, before there is a folder.
pub(super) fn check_settings(run_file: &RunFile, data: &Dataset, network: Network) -> Result<()> {
    let RunFile { train, model, optimizer, .. } = run_file;
    let groups = optimizer.groups.iter().map(|it| it.names.as_str());
    check_patterns(&network, "optimizer.groups.names", groups)?;
    let frozen = train.freeze.iter().map(|it| it.names.as_str());
    check_patterns(&network, "train.freeze.names", frozen)?;
    let mut patterns: Vec<_> =
        (0..train.epochs).map(|it| train.frozen(&model.freeze, it)).collect();
    patterns.dedup();
    patterns.into_iter().try_fold(network, |network, patterns| freeze(network, &patterns))?;
    let schedule = match optimizer.lr.value() {
        Some(lr) => schedule_with(run_file, data, lr, None)?,
        // Any rate and any range that may be found.
        None => {
            let range = CycleRange { base_lr: f64::MIN_POSITIVE, max_lr: f64::MAX };
            schedule_with(run_file, data, f64::MAX, Some(range))?
        }
    };
    if data.n_pixels(Role::Validation) == 0 {
        let rule = "needs validation blocks: there are none";
        if train.early_stopping.is_some() {
            return Err(Error::config("train.early_stopping", "given", rule));
        }
        if schedule.monitor().is_some() {
            return Err(Error::config("schedule.kind", "plateau", rule));
        }
    }
    let loss = run_file.loss.build_for(&data.class_counts(), train.epochs)?;
    if train.accumulate.is_used() {
        loss.check_accumulation()?;
    }
    Ok(())
}
