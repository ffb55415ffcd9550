//! What the names of the table make of their arguments.

use super::{Global, Objects, Storage, Value, View};
use crate::weights::fault::{Fault, shown};

/// Tensors of more axes are refused.
const MAX_AXES: usize = 8;

/// What `global` makes of `arguments`.
pub(super) fn reduce<'a>(
    objects: &mut Objects<'a>,
    global: Global,
    arguments: &[Value<'a>],
) -> Result<Value<'a>, Fault> {
    match (global, arguments) {
        (Global::OrderedDict, []) => Ok(objects.dict()),
        (Global::OrderedDict, &[pairs]) => ordered_dict(objects, pairs),
        (
            Global::RebuildTensor,
            &[Value::Storage(storage), Value::Int(offset), shape, strides, ref rest @ ..],
        ) => {
            // Whether it has gradients, hooks, and bits such as that of a negative view.
            if rest.get(2).is_some_and(|it| *it != Value::None && !objects.is_empty_dict(*it)) {
                return Err(Fault::Unsupported {
                    feature: "a tensor that is the negative or conjugate of its numbers".to_owned(),
                    hint: "in Python, save its `.resolve_neg().resolve_conj()`",
                });
            }
            let view = view(objects, storage, offset, shape, strides)?;
            Ok(objects.view(view))
        }
        (Global::RebuildParameter, &[tensor @ Value::View(_), ..]) => Ok(tensor),
        (Global::Size | Global::Device, _) => Ok(Value::Other),
        (global, arguments) => Err(Fault::Malformed(format!(
            "its pickle calls {global:?} with {} arguments of other kinds than it takes",
            arguments.len()
        ))),
    }
}

/// A dictionary of a list of pairs, as Python 2 writes it.
fn ordered_dict<'a>(objects: &mut Objects<'a>, pairs: Value<'a>) -> Result<Value<'a>, Fault> {
    let pairs = objects.items(pairs).unwrap_or_default();
    let pairs: Option<Vec<_>> = pairs
        .iter()
        .map(|&pair| match objects.items(pair) {
            Some(&[key, value]) => Some((key, value)),
            _ => None,
        })
        .collect();
    let pairs = pairs.ok_or("its pickle makes an OrderedDict of something else than pairs")?;
    Ok(objects.dict_of(pairs)?)
}

/// The storage that `id` names: `("storage", class, key, device, number of values)`; legacy files
/// add the part of another storage that it is, or none.
pub(super) fn storage<'a>(objects: &mut Objects<'a>, id: Value<'a>) -> Result<Value<'a>, Fault> {
    let found = match objects.items(id) {
        Some(
            &[Value::Text("storage"), Value::Global(Global::Storage(dtype)), key, _, n_values]
            | &[
                Value::Text("storage"),
                Value::Global(Global::Storage(dtype)),
                key,
                _,
                n_values,
                Value::None,
            ],
        ) => (dtype, key, n_values),
        Some(&[Value::Text("storage"), _, _, _, _, _]) => {
            return Err(Fault::Unsupported {
                feature: "a storage that is part of another one".to_owned(),
                hint: "load it with PyTorch and save the state dictionary again",
            });
        }
        _ => return Err("its pickle refers to something that is no storage".into()),
    };
    let (dtype, Value::Text(key), Value::Int(n_values)) = found else {
        return Err("a storage has no key or no size".into());
    };
    let n_values = usize::try_from(n_values)
        .map_err(|_| format!("storage {} has {n_values} values", shown(key)))?;
    Ok(objects.storage(Storage { key, dtype, n_values })?)
}

/// A tensor, all of whose values lie in its storage and of which there are no more than there.
fn view(
    objects: &Objects<'_>,
    storage: usize,
    offset: i64,
    shape: Value<'_>,
    strides: Value<'_>,
) -> Result<View, Fault> {
    let Storage { key, n_values, .. } = objects.storages[storage];
    let key = shown(key);
    let numbers = |value| -> Option<Vec<usize>> {
        let number = |it: &Value<'_>| match *it {
            Value::Int(it) => usize::try_from(it).ok(),
            _ => None,
        };
        let items = objects.items(value).filter(|it| it.len() <= MAX_AXES)?;
        items.iter().map(number).collect()
    };
    let (Some(shape), Some(strides), Ok(offset)) =
        (numbers(shape), numbers(strides), usize::try_from(offset))
    else {
        let reason = "has no sizes, strides or offset, or more than 8 of them";
        return Err(format!("a tensor of storage {key} {reason}").into());
    };
    if shape.len() != strides.len() {
        let (n_sizes, n_strides) = (shape.len(), strides.len());
        let reason = format!("has {n_sizes} sizes and {n_strides} strides, wanted as many of both");
        return Err(format!("a tensor of storage {key} {reason}").into());
    }
    let too_large = || {
        format!(
            "a tensor of shape {shape:?}, strides {strides:?} and offset {offset} does not lie in \
             its storage {key} of {n_values} values"
        )
    };
    let n_wanted = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
    let n_wanted = n_wanted.ok_or_else(too_large)?;
    if n_values < offset {
        return Err(too_large().into()); // Also where there is no value to be read from there.
    }
    if n_wanted != 0 {
        let last = shape.iter().zip(&strides).try_fold(offset, |at, (&size, &stride)| {
            at.checked_add((size - 1).checked_mul(stride)?)
        });
        if last.is_none_or(|it| n_values <= it) {
            return Err(too_large().into());
        }
    }
    if n_values < n_wanted {
        return Err(Fault::Unsupported {
            feature: format!(
                "a tensor of {n_wanted} values that repeats the {n_values} of storage {key}"
            ),
            hint: "in Python, save its `.contiguous()`",
        });
    }
    Ok(View { storage, offset, shape, strides })
}
