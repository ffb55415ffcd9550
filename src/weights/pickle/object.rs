//! The objects that a pickle of a state dictionary makes.
//!
//! Objects refer to each other by number, so that a pickle that nests or repeats them without end
//! costs no more than its instructions, and nothing is ever walked that might be a circle.

use std::collections::HashMap;

use super::Global;
use crate::weights::{Dtype, fault::shown};

/// Pairs that a pickle may copy from lists into dictionaries.
const MAX_COPIED: usize = 1_000_000;

/// What a pickle works with. Small: there may be as many as bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::weights) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Text(&'a str),
    /// A name of the table.
    Global(Global),
    /// A list or tuple, by its number.
    List(usize),
    /// A dictionary, by its number.
    Dict(usize),
    /// Stored numbers, by their number.
    Storage(usize),
    /// A tensor, by its number.
    View(usize),
    /// Something that a state dictionary may hold but that says nothing about its tensors.
    Other,
}

/// Numbers that lie somewhere in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::weights) struct Storage<'a> {
    /// Name of the place.
    pub key: &'a str,
    pub dtype: Dtype,
    pub n_values: usize,
}

/// A tensor: some of the numbers of a storage. All of them lie inside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::weights) struct View {
    /// Number of the storage.
    pub storage: usize,
    /// Index of the first value.
    pub offset: usize,
    pub shape: Vec<usize>,
    /// Distance of neighbours along each axis, in values.
    pub strides: Vec<usize>,
}

/// Everything that was made so far.
#[derive(Debug, Default)]
pub(in crate::weights) struct Objects<'a> {
    pub lists: Vec<Vec<Value<'a>>>,
    pub dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    pub storages: Vec<Storage<'a>>,
    pub views: Vec<View>,
    /// Numbers of the storages by their keys.
    places: HashMap<&'a str, usize>,
    /// How many pairs were copied from lists into dictionaries.
    n_copied: usize,
}

impl<'a> Objects<'a> {
    pub fn list(&mut self, items: Vec<Value<'a>>) -> Value<'a> {
        self.lists.push(items);
        Value::List(self.lists.len() - 1)
    }

    pub fn dict(&mut self) -> Value<'a> {
        self.dicts.push(Vec::new());
        Value::Dict(self.dicts.len() - 1)
    }

    /// A storage; one place has one content, however often it is named.
    pub fn storage(&mut self, storage: Storage<'a>) -> Result<Value<'a>, String> {
        let index = *self.places.entry(storage.key).or_insert(self.storages.len());
        match self.storages.get(index) {
            None => self.storages.push(storage),
            Some(known) if *known == storage => {}
            Some(known) => {
                return Err(format!(
                    "storage {} is {} of {} and {} of {}",
                    shown(known.key),
                    known.n_values,
                    known.dtype.name(),
                    storage.n_values,
                    storage.dtype.name()
                ));
            }
        }
        Ok(Value::Storage(index))
    }

    /// A dictionary with these pairs.
    pub fn dict_of(&mut self, pairs: Vec<(Value<'a>, Value<'a>)>) -> Result<Value<'a>, String> {
        // A list can be named again and again; what is copied of it is counted.
        self.n_copied += pairs.len();
        if MAX_COPIED < self.n_copied {
            return Err("its pickle makes dictionaries of the same list again and again".to_owned());
        }
        self.dicts.push(pairs);
        Ok(Value::Dict(self.dicts.len() - 1))
    }

    pub fn view(&mut self, view: View) -> Value<'a> {
        self.views.push(view);
        Value::View(self.views.len() - 1)
    }

    pub fn is_empty_dict(&self, value: Value<'a>) -> bool {
        matches!(value, Value::Dict(index) if self.dicts[index].is_empty())
    }

    /// The items of a list or tuple.
    pub fn items(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match value {
            Value::List(index) => Some(&self.lists[index]),
            _ => None,
        }
    }
}
