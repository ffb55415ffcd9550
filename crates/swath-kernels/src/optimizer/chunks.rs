//! Parts of many slices, so that threads share the work whatever the lengths are.

use std::ops::Range;

use crate::sweep::CHUNK;

/// Parts of [`CHUNK`] values at most: the number of the slice, and the values.
pub(super) fn chunks(lengths: impl Iterator<Item = usize>) -> Vec<(usize, Range<usize>)> {
    let of = |length: usize| {
        (0..length).step_by(CHUNK).map(move |start| start..length.min(start + CHUNK))
    };
    lengths.enumerate().flat_map(|(slice, length)| of(length).map(move |it| (slice, it))).collect()
}
