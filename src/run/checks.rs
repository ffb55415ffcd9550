//! What of a run can be wrong that only model and data show.

use super::{RunFile, rates::schedule_with};
use crate::{
    error::{Error, Result},
    lr_find::{CycleRange, SweepLoss},
    model::{Network, check_patterns, freeze_network},
    scene::Role,
    train::Dataset,
};

/// Checks what depends on model and data, before there is a folder.
pub(super) fn check_settings(run_file: &RunFile, data: &Dataset, network: Network) -> Result<()> {
    let RunFile { train, optimizer, .. } = run_file;
    let groups = optimizer.groups.iter().map(|it| it.names.as_str());
    check_patterns(&network, "optimizer.groups.names", groups)?;
    let frozen = train.freeze.iter().map(|it| it.names.as_str());
    check_patterns(&network, "train.freeze.names", frozen)?;
    check_frozen(run_file, network)?;
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
        if 1 < train.keep_best {
            return Err(Error::config("train.keep_best", train.keep_best, rule));
        }
        if optimizer.lr.value().is_none() && run_file.lr_find.loss == SweepLoss::Validation {
            return Err(Error::config("lr_find.loss", "validation", rule));
        }
    }
    if run_file.schedule.drop_prob.is_some() && !run_file.model.drops() {
        let rule = "changes the dropout of a model that has none; set `model.drop_prob`";
        return Err(Error::config("schedule.drop_prob", "given", rule));
    }
    let loss = run_file.loss.build_for(&data.class_counts(), train.epochs)?;
    if train.accumulate.is_used() {
        loss.check_accumulation()?;
        let n_batches = data.sampler.n_chips().div_ceil(train.batch);
        if let Some(n) =
            (0..train.epochs).map(|it| train.accumulate.at(it)).find(|n| n_batches < *n)
        {
            let rule = format!("is more than the {n_batches} batches of an epoch");
            return Err(Error::config("train.accumulate", n, rule));
        }
    }
    Ok(())
}

/// Freezes what is frozen in each epoch.
fn check_frozen(run_file: &RunFile, network: Network) -> Result<()> {
    let RunFile { train, model, .. } = run_file;
    let mut network = freeze_network(network, &model.freeze)?;
    let mut before = model.freeze.clone();
    for epoch in 0..train.epochs {
        let patterns = train.frozen(&model.freeze, epoch);
        if patterns == before {
            continue;
        }
        let names = patterns.join(", ");
        network = freeze_network(network, &patterns).map_err(|error| match error {
            // All patterns mean something: that was checked.
            Error::Config { rule, .. } => {
                Error::config("train.freeze", names, format!("{rule}, in epoch {}", epoch + 1))
            }
            other => other,
        })?;
        before = patterns;
    }
    Ok(())
}
