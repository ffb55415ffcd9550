//! `--set table.key=value`: changes one key of a run file from the command line.

use toml::{Table, Value};

use crate::error::{Error, Result};

/// Sets the key that `assignment`, as `table.key=value`, names.
///
/// The value is read as TOML (`3`, `0.5`, `true`, `[1, 2]`, `"text"`); what is not TOML is taken as
/// text, so that `--set model.encoder=resnet34` needs no quotes. Numbers step into lists, counted
/// from 0: `data.scene.0.labels=other.tif`. Another `schedule.kind` takes the keys of the old one with
/// it.
///
/// # Errors
///
/// [`Error::Config`] without `=`, or if the path leads through something that is no table.
pub fn set(table: &mut Table, assignment: &str) -> Result<()> {
    let wanted = || Error::config("--set", assignment, "wanted table.key=value");
    let (path, value) = assignment.split_once('=').ok_or_else(wanted)?;
    let (path, value) = (path.trim(), value.trim());
    if path.split('.').any(str::is_empty) {
        return Err(wanted());
    }
    let (parents, key) = path.rsplit_once('.').unwrap_or(("", path));
    let mut place = table;
    let mut steps = parents.split('.').filter(|it| !it.is_empty()).peekable();
    while let Some(step) = steps.next() {
        let entry = place.entry(step).or_insert_with(|| Value::Table(Table::new()));
        let below = match entry {
            Value::Array(items) => {
                let index = steps.next().and_then(|it| it.parse::<usize>().ok());
                index.and_then(|index| items.get_mut(index))
            }
            other => Some(other),
        };
        place = below.and_then(Value::as_table_mut).ok_or_else(|| {
            Error::config("--set", assignment, format!("`{step}` is no table or has no such item"))
        })?;
    }
    let value = parse(value);
    // A schedule of another kind has other keys.
    if path == "schedule.kind" && place.get(key) != Some(&value) {
        place.clear();
    }
    place.insert(key.to_owned(), value);
    Ok(())
}

fn parse(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}"));
    let value = parsed.ok().filter(|table| table.len() == 1).and_then(|mut it| it.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, assignment: &str, after: &str) {
        let mut table: Table = toml::from_str(before).unwrap();
        set(&mut table, assignment).unwrap();
        assert_eq!(table, toml::from_str::<Table>(after).unwrap());
    }

    #[test]
    fn values_keep_their_type() {
        check("", "seed=3", "seed = 3");
        check("[train]\nepochs = 5", "train.epochs = 7", "[train]\nepochs = 7");
        check("", "optimizer.lr=1e-3", "[optimizer]\nlr = 1e-3");
        check("", "model.encoder=resnet34", "[model]\nencoder = 'resnet34'");
        check("", "loss.class_weights=[1, 2.5]", "[loss]\nclass_weights = [1, 2.5]");
        check("[[a.b]]\nc = 1", "a.b.0.c=2", "[[a.b]]\nc = 2");
        let one_cycle = "[schedule]\nkind = 'one-cycle'\npct_start = 0.3";
        check(one_cycle, "schedule.kind=constant", "[schedule]\nkind = 'constant'");
        check(one_cycle, "schedule.kind=one-cycle", one_cycle);
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for assignment in ["seed", "=3", "a..b=1", "seed.x=1", "a.7.c=1"] {
            let mut table: Table = toml::from_str("seed = 1\n[[a]]\nc = 1").unwrap();
            assert!(set(&mut table, assignment).is_err(), "{assignment}");
        }
    }
}
