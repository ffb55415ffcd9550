//! Where a run goes on.

use std::{fs, path::Path};

use crate::{
    error::{Error, Result},
    model::Network,
    optim::Optimizer,
    score::Monitor,
    train::{Ema, Event, Observer, Position, RunFolder, load_checkpoint, load_weights},
};

/// The last checkpoint, or the one before if that is damaged; none before the first.
pub(super) fn newest_checkpoint(
    folder: &RunFolder,
    blank: impl Fn() -> Network,
    optimizer: &mut Optimizer,
    observer: &mut dyn Observer,
) -> Result<Option<(Network, Option<Ema>, Position)>> {
    let (last, previous) = (folder.last_checkpoint(), folder.previous_checkpoint());
    if last.exists() {
        let error = match load_checkpoint(&last, blank(), optimizer) {
            Ok(reached) => return Ok(Some(reached)),
            Err(error) => error,
        };
        if !previous.exists() {
            return Err(error);
        }
        observer.event(Event::Note(&format!("{error}; going on from the checkpoint before it")));
    } else if previous.exists() {
        observer.event(Event::Note("no last checkpoint; going on from the one before it"));
    } else {
        return Ok(None);
    }
    let reached = load_checkpoint(&previous, blank(), optimizer)?;
    if last.exists() {
        // Or the next checkpoint would put it in the place of the one that is whole.
        fs::remove_file(&last).map_err(Error::io("remove", &last))?;
    }
    Ok(Some(reached))
}

/// Checks that the best weights so far, which are needed at the end, are there. If not, those of the
/// same epoch in another file, to be written again.
///
/// # Errors
///
/// [`Error::Data`] that says what to do if no file has them.
pub(super) fn best_weights(
    folder: &RunFolder,
    blank: impl Fn() -> Network,
    (network, ema, position): (&Network, Option<&Ema>, &Position),
    monitor: Monitor,
    observer: &mut dyn Observer,
) -> Result<Option<Box<Network>>> {
    let path = folder.best_checkpoint();
    let best = position.best(monitor, 1);
    let (Some(best), Err(error)) = (best.first(), load_weights(&path, blank())) else {
        return Ok(None);
    };
    let is_here = position.epoch == best.epoch && position.step_in_epoch == 0;
    let kept = folder.epoch_checkpoint(best.epoch);
    let (weights, from) = if is_here {
        let kept = match ema {
            None => network.clone(),
            Some(ema) => ema.apply(network.clone()),
        };
        (kept, folder.last_checkpoint())
    } else if let Ok(weights) = load_weights(&kept, blank()) {
        (weights, kept)
    } else {
        let name = |path: &Path| path.file_name().unwrap_or_default().display().to_string();
        let [last, previous] =
            [folder.last_checkpoint(), folder.previous_checkpoint()].map(|it| name(&it));
        let wanted = format!(
            "the weights of epoch {}, which no other file holds: bring them back, or remove {last} \
             and {previous} beside them; then `swath resume` trains from the beginning, to the same \
             bits",
            best.epoch
        );
        return Err(Error::data(path.display(), error, wanted));
    };
    let from = from.display();
    let note = format!("{error}; the best weights, of epoch {}, are also in {from}", best.epoch);
    observer.event(Event::Note(&note));
    Ok(Some(Box::new(weights)))
}

/// What differs between the run file that a run began with and the one that is there now.
///
/// `None` if the first one is lost.
pub(super) fn changes(began: Option<&str>, now: &str) -> Option<String> {
    let read = |text: &str| toml::from_str::<toml::Table>(text).ok();
    let (began, now) = (read(began?)?, read(now)?);
    let (mut keys, mut changed) = (Vec::new(), Vec::new());
    flatten(&began, "", &mut keys);
    flatten(&now, "", &mut keys);
    keys.sort();
    keys.dedup();
    for key in keys {
        let [before, after] = [&began, &now].map(|it| find(it, &key));
        if before != after {
            let shown = |it: Option<String>| it.unwrap_or_else(|| "nothing".to_owned());
            changed.push(format!("{key} = {} was {}", shown(after), shown(before)));
        }
    }
    (!changed.is_empty()).then(|| changed.join(", "))
}

/// The names of all values.
fn flatten(table: &toml::Table, prefix: &str, keys: &mut Vec<String>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(below) => flatten(below, &format!("{prefix}{key}."), keys),
            _ => keys.push(format!("{prefix}{key}")),
        }
    }
}

fn find(table: &toml::Table, key: &str) -> Option<String> {
    match key.split_once('.') {
        None => table.get(key).map(toml::Value::to_string),
        Some((first, rest)) => find(table.get(first)?.as_table()?, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_new_and_lost_keys_are_named() {
        let began = "seed = 1\n[train]\nepochs = 5\nbatch = 2";
        let now = "seed = 1\n[train]\nepochs = 6\n[loss]\nkind = 'dice'";
        let wanted = "loss.kind = \"dice\" was nothing, train.batch = nothing was 2, \
                      train.epochs = 6 was 5";
        assert_eq!(changes(Some(began), now).as_deref(), Some(wanted));
        assert_eq!(changes(Some(began), began), None);
        assert_eq!(changes(None, began), None);
        assert_eq!(changes(Some(began), "seed ="), None);
    }
}
