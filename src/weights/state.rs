//! Named tensors in a fixed order.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};

/// The tensors of a model or an optimizer, in the order in which they are saved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDict {
    /// Names are unique.
    pub entries: Vec<Entry>,
}

/// One named tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Path of the tensor, such as `encoder.layer1.0.conv1.weight`.
    pub name: String,
    /// Length of every axis; none for a single number.
    pub shape: Vec<usize>,
    /// As many values as the shape holds, row-major.
    pub values: Values,
}

/// What a named tensor looks like, without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Path of the tensor, such as `encoder.layer1.0.conv1.weight`.
    pub name: String,
    /// Type of its values, as the safetensors format calls it: `F32` or `I64`.
    pub dtype: &'static str,
    /// Length of every axis; none for a single number.
    pub shape: Vec<usize>,
}

/// The numbers of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Weights, means, moments.
    F32(Vec<f32>),
    /// Counts.
    I64(Vec<i64>),
}

impl Values {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first of these counts that is not in 0 to `most`.
    pub(super) fn wrong_count(&self, most: i64) -> Option<i64> {
        match self {
            Self::F32(_) => None,
            Self::I64(counts) => counts.iter().copied().find(|it| !(0..=most).contains(it)),
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::F32(_) => "F32",
            Self::I64(_) => "I64",
        }
    }
}

impl StateDict {
    /// Names, types and shapes of all entries.
    pub fn layouts(&self) -> Vec<Layout> {
        self.entries.iter().map(Entry::layout).collect()
    }

    /// The entry called `name`.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// Checks that this has the names, shapes and kinds of `wanted`, in any order.
    ///
    /// `what` names this in the message, as in `weights of model.swath`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] that lists missing and unexpected names and other shapes.
    pub fn check_against(&self, wanted: &[Layout], what: &str) -> Result<()> {
        let found: HashMap<_, _> =
            self.entries.iter().map(|it| (it.name.as_str(), it.layout())).collect();
        let known: HashSet<_> = wanted.iter().map(|it| it.name.as_str()).collect();
        let mut faults = Vec::new();
        for wanted in wanted {
            match found.get(wanted.name.as_str()) {
                None => faults.push(format!("{} is missing", wanted.name)),
                Some(found) if found != wanted => faults.push(format!(
                    "{} is {} {:?}, wanted {} {:?}",
                    wanted.name, found.dtype, found.shape, wanted.dtype, wanted.shape
                )),
                Some(_) => {}
            }
        }
        for entry in &self.entries {
            if !known.contains(entry.name.as_str()) {
                faults.push(format!("{} is unexpected", entry.name));
            }
        }
        if self.entries.len() != found.len() {
            faults.push("a name occurs twice".to_owned());
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::data(what, shorten(&faults), "the tensors of this model"))
    }
}

impl Entry {
    /// Name, type and shape.
    pub fn layout(&self) -> Layout {
        let Self { name, shape, values } = self;
        Layout { name: name.clone(), dtype: values.kind(), shape: shape.clone() }
    }
}

/// The first ten faults and how many more there are.
fn shorten(faults: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = faults.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    match faults.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
