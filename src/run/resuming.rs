//! Where a run goes on.

use std::fs;

use crate::{
    error::{Error, Result},
    model::Network,
    optim::Optimizer,
    train::{Ema, Event, Observer, Position, RunFolder, load_checkpoint},
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
