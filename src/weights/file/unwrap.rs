//! The state dictionary in what a file holds.

use crate::weights::{
    fault::{Fault, shown},
    pickle::{Pickle, Value, View},
};

/// Where training scripts keep the state dictionary of their model.
const USUAL_KEYS: [&str; 6] =
    ["state_dict", "model_state_dict", "model_state", "model", "net", "weights"];

/// What wrappers of PyTorch models put before every name: data parallelism, compilation, Lightning.
const PREFIXES: [&str; 4] = ["module.", "_orig_mod.", "model.", "net."];

/// Names listed in a note before it is said how many more there are.
const MAX_LISTED: usize = 5;

/// A state dictionary of a file, by the names there.
pub(super) struct Unwrapped<'a> {
    pub tensors: Vec<(&'a str, &'a View)>,
    /// What was chosen and what was left.
    pub notes: Vec<String>,
}

/// The state dictionary of a pickle: that under `key`, or else the pickle itself if it holds tensors,
/// or else the only dictionary that does, or else the only one of those under a usual key.
pub(super) fn unwrap<'a>(
    pickle: &'a Pickle<'a>,
    key: Option<&str>,
) -> Result<Unwrapped<'a>, Fault> {
    let Value::Dict(root) = pickle.root else {
        return Err("it holds no dictionary, wanted a state dictionary".into());
    };
    let holds_tensors = |dict: usize| pickle.objects.dicts[dict].iter().any(is_tensor);
    let nested: Vec<(&str, usize)> = pickle.objects.dicts[root]
        .iter()
        .filter_map(|&item| match item {
            (Value::Text(key), Value::Dict(dict)) if holds_tensors(dict) => Some((key, dict)),
            _ => None,
        })
        .collect();
    let chosen = match key {
        Some(key) => {
            Some(*nested.iter().find(|it| it.0 == key).ok_or_else(|| no_key(key, &nested))?)
        }
        None if holds_tensors(root) => None,
        None => Some(the_only(&nested)?),
    };
    let mut notes = Vec::new();
    if let Some((key, _)) = chosen {
        notes.push(format!("read the dictionary under the key `{}`", shown(key)));
        note_rest(&mut notes, rest(pickle, root, Some(key)), "keys beside it");
    }
    let dict = chosen.map_or(root, |it| it.1);
    note_rest(&mut notes, rest(pickle, dict, None), "entries that are no tensors");
    let tensors: Vec<_> = pickle.objects.dicts[dict]
        .iter()
        .filter_map(|&item| match item {
            (Value::Text(name), Value::View(view)) => Some((name, &pickle.objects.views[view])),
            _ => None,
        })
        .collect();
    check_names(&tensors)?;
    Ok(Unwrapped { tensors, notes })
}

fn is_tensor(item: &(Value<'_>, Value<'_>)) -> bool {
    matches!(item, (Value::Text(_), Value::View(_)))
}

/// The dictionary that is meant, of those that hold tensors.
fn the_only<'a>(nested: &[(&'a str, usize)]) -> Result<(&'a str, usize), Fault> {
    let usual: Vec<_> = nested.iter().filter(|it| USUAL_KEYS.contains(&it.0)).collect();
    match (nested, &usual[..]) {
        ([], _) => Err("it holds no tensors by name, wanted a state dictionary".into()),
        (&[one], _) | (_, &[&one]) => Ok(one),
        _ => Err(Fault::Unsupported {
            feature: format!("{} dictionaries of tensors ({})", nested.len(), keys(nested)),
            hint: "choose one by its key with `swath weights convert --key KEY`",
        }),
    }
}

fn no_key(key: &str, nested: &[(&str, usize)]) -> Fault {
    let found = if nested.is_empty() { "none".to_owned() } else { keys(nested) };
    let key = shown(key);
    Fault::Malformed(format!(
        "it holds no tensors under the key `{key}`; keys with tensors: {found}"
    ))
}

fn keys(nested: &[(&str, usize)]) -> String {
    list(nested.iter().map(|it| shown(it.0)).collect())
}

/// The keys of a dictionary that are not read: all but `key`, or all that are no tensors.
fn rest(pickle: &Pickle<'_>, dict: usize, key: Option<&str>) -> Vec<String> {
    let items = pickle.objects.dicts[dict].iter();
    let is_read = |item: &(Value<'_>, Value<'_>)| match key {
        Some(key) => item.0 == Value::Text(key),
        None => is_tensor(item),
    };
    let name = |item: &(Value<'_>, Value<'_>)| match item.0 {
        Value::Text(name) => shown(name),
        _ => "one that is no text".to_owned(),
    };
    items.filter(|it| !is_read(it)).map(name).collect()
}

fn note_rest(notes: &mut Vec<String>, names: Vec<String>, what: &str) {
    if !names.is_empty() {
        notes.push(format!("not read: {what}, {}", list(names)));
    }
}

fn list(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MAX_LISTED);
    names.truncate(MAX_LISTED);
    let text = names.join(", ");
    if more == 0 { text } else { format!("{text} and {more} more") }
}

/// Refuses a name that occurs twice.
fn check_names(tensors: &[(&str, &View)]) -> Result<(), Fault> {
    let mut names: Vec<_> = tensors.iter().map(|it| it.0).collect();
    names.sort_unstable();
    match names.windows(2).find(|it| it[0] == it[1]) {
        Some(twice) => Err(format!("its tensor {} occurs twice", shown(twice[0])).into()),
        None => Ok(()),
    }
}

/// Takes off what all `names` begin with and no model of ours has, one wrapper after the other, and
/// says which.
pub(super) fn strip_wrappers(names: &mut [&mut String]) -> Vec<String> {
    let mut notes = Vec::new();
    let wrapper = |names: &[&mut String]| {
        let is_before_all = |it: &&str| names.iter().all(|name| name.starts_with(it));
        PREFIXES.into_iter().find(is_before_all).filter(|_| !names.is_empty())
    };
    while let Some(prefix) = wrapper(names) {
        for name in names.iter_mut() {
            name.drain(..prefix.len());
        }
        notes.push(format!("took `{prefix}` off all names"));
    }
    notes
}
