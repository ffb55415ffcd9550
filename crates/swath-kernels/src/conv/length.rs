//! A check of slices against the shape of a convolution.

use std::fmt::Debug;

/// Checks that the slice of this name has the length that `shape` says.
///
/// # Panics
/// If it has not.
#[track_caller]
pub(crate) fn check_length(shape: &impl Debug, name: &str, slice: &[f32], expected: usize) {
    assert_eq!(slice.len(), expected, "numbers in the {name} and in its shape, for {shape:?}");
}
