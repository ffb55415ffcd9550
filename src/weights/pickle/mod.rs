//! Pickles of state dictionaries, read by a machine that knows nothing else.
//!
//! A pickle is a program that makes Python objects, and may name any function to call. This machine
//! has no functions: the few names that state dictionaries need are rows of a table
//! ([`Global`]), each with its meaning here, and any other name ends the reading.
//!
//! Source: CPython, `Lib/pickletools.py` (the instructions); PyTorch, `torch/serialization.py` and
//! `torch/_utils.py` (what the names mean).

mod bytes;

mod object;

mod global;

mod rebuild;

mod machine;

pub(super) use bytes::Bytes;
pub(super) use machine::{Pickle, unpickle};
pub(super) use object::{Storage, Value, View};

use global::Global;
use object::Objects;
